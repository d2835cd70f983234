"""How far the user of a room has read: told to the server as presence, and counted by it in the cover."""

from contextlib import suppress

import anyio

from syncchat.core.cover import Cover, ReadMark, Unread
from syncchat.core.ids import parse_id
from syncchat.core.room import Room
from syncchat.wakeup import Wakeup

TELL_EVERY = 3.0
"""Seconds between two read marks that are told: everybody in the room hears each."""


class Reading:
    """What `room.user` has read of `room`; `run` is its one task."""

    def __init__(self, room: Room, cover: Cover) -> None:
        self._room = room
        self._cover = cover
        self._here = ReadMark("", 0, 0)
        self._told = self._here
        self._work = Wakeup()

    @property
    def unread(self) -> Unread:
        """What is not read by the server's count, nor here."""
        user, cover = self._room.user, self._cover
        known = cover.unread(user)
        return Unread(
            min(known.messages, max(0, cover.messages - self._here.messages)),
            min(known.mentions, max(0, cover.mentions(user) - self._here.mentions)),
        )

    def mark(self, id: str, *, last: bool) -> None:
        """It has read up to `id`, which is the `last` message or not. Raises InvalidName."""
        parse_id(id)
        known = self._cover.read(self._room.user)
        if id < max(self._here.id, known.id if known is not None else ""):
            return
        if last:
            self.mark_all(id)
        else:
            self._here = self._here._replace(id=id)
        self._work.call()

    def mark_all(self, id: str | None = None) -> None:
        """It has read all there is: up to `id`, or, if nothing is left in the room, up to nowhere further."""
        last = self._here.id if id is None else id
        self._here = ReadMark(last, self._cover.messages, self._cover.mentions(self._room.user))

    def tell(self) -> None:
        """Tell it, unless it is told; again if something that had arrived and is gone counts as unread."""
        here, told = self._here, self._told
        is_gone = here.messages > told.messages and self._cover.unread(self._room.user).messages > 0
        if here.id > told.id or (here.id and is_gone):
            self._told = here
            with suppress(ValueError):  # what else was said of oneself leaves no room for it
                self._room.set_presence(read=here.id, arrived=here.messages)

    async def run(self) -> None:
        """Tell it at once, but not too often, until cancelled."""
        while True:
            await self._work.sleep()
            self.tell()
            await anyio.sleep(TELL_EVERY)

"""The rooms that a peer is in: entering one and leaving it, whole or not at all."""

from collections.abc import Callable
from contextlib import AsyncExitStack

import anyio

from syncchat.core.cover import Cover
from syncchat.core.ids import Hlc, check_name, cover_name, page_name
from syncchat.docs import Docs
from syncchat.paged_room import PagedRoom
from syncchat.replica import Replica
from syncchat.turns import Turns
from syncchat.unsettled import unsettled_pages

PATIENCE = 2.0
"""Seconds for which the cover of a room that was never seen here is waited for.

Past it the room is what is known of it: a new one. What is posted then is late, if it is not.
"""


class Rooms:
    """Rooms by name, as `user` enters them, shown to others as `name`; `rand` returns 40 random bits."""

    def __init__(self, docs: Docs, *, user: str, name: str, hlc: Hlc, rand: Callable[[], int]) -> None:
        self._docs = docs
        self._user = user
        self._name = name
        self._hlc = hlc
        self._rand = rand
        self._rooms: dict[str, PagedRoom] = {}
        self._turns = Turns()  # nobody waits for another room's server

    @property
    def problems(self) -> list[str]:
        """Why pages could not be opened, if any could not."""
        return [room.problem for room in self._rooms.values() if room.problem is not None]

    async def enter(self, name: str) -> PagedRoom:
        """Enter a room. Raises InvalidName, LogError."""
        check_name(name, "room")
        async with self._turns.of(name):
            if name not in self._rooms:
                self._rooms[name] = await self._enter(name)
            return self._rooms[name]

    async def leave(self, name: str) -> None:
        """Leave a room, if we are in it. Raises LogFailed if changes could not be written."""
        async with self._turns.of(name):
            room = self._rooms.pop(name, None)
            if room is not None:
                with anyio.CancelScope(shield=True):  # nobody else knows of its docs any more
                    await self._close(room)

    async def _enter(self, name: str) -> PagedRoom:
        cover = await self._docs.open(cover_name(name))
        room = None
        try:
            await self._learn_newest(name, cover)
            room = self._make(name, cover)
            await room.begin(await unsettled_pages(self._docs.log, name) if self._docs.synced else ())
        except BaseException:
            with anyio.CancelScope(shield=True):
                await (self._docs.close(cover.name) if room is None else self._close(room))
            raise
        room.set_presence(name=self._name)
        return room

    async def _learn_newest(self, name: str, replica: Replica) -> None:
        """Wait for the cover if nothing is known of the room: what is posted before it comes is late."""
        cover, docs = Cover(replica.store), self._docs
        if cover.is_written or (await docs.log.size(page_name(name, 0)))[0]:
            return
        with anyio.move_on_after(PATIENCE):
            await docs.until(lambda: cover.is_written or docs.is_answered(replica.name))

    def _make(self, name: str, cover: Replica) -> PagedRoom:
        return PagedRoom(
            name,
            self._user,
            hlc=self._hlc,
            rand=self._rand,
            presence=cover.presence,
            is_waiting=self._docs.is_waiting,
            cover=cover.store,
            docs=self._docs,
        )

    async def _close(self, room: PagedRoom) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._docs.close, cover_name(room.name))
            await room.close()

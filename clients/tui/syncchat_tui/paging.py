"""Turns the pages of a room under its transcript: one at a time, and the user's last wish counts."""

from collections.abc import Awaitable, Callable
from enum import Enum, auto

from syncchat.errors import SyncchatError
from syncchat.paged_room import PagedRoom
from syncchat_tui.latest import Latest, Start
from syncchat_tui.transcript import Transcript

LOADING = "loading older messages…"
BEGINNING = "the beginning of the room"
DROPPED = "older messages were dropped (retention)"
MORE = "scroll up for older messages"
NOT_HERE = "older messages are not on this device"
DID_NOT_COME = "older messages did not come: scroll up to try again"

NOT_FOUND = "That message is there no more, or it is not on this device and the server was not reached."
NOT_HERE_YET = "Where the new messages begin is not on this device, and the server was not reached."


class Doing(Enum):
    """What is under way."""

    NOTHING = auto()
    OLDER = auto()
    NEWER = auto()
    RECENT = auto()
    SEEKING = auto()


class Paging:
    """Loads what the user scrolls to, and goes to where somebody leads.

    `start` runs a coroutine in the app's context; `online` is whether the server is reached; `tell` shows
    the user a sentence; `changed` is called when `lead` or `doing` is another.
    """

    def __init__(
        self,
        room: PagedRoom,
        transcript: Transcript,
        *,
        start: Start,
        online: Callable[[], bool],
        tell: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.doing = Doing.NOTHING
        self._room = room
        self._transcript = transcript
        self._latest = Latest(start)
        self._online = online
        self._tell = tell
        self._changed = changed
        self._turned = False
        self._filled = False
        self._missed = False

    @property
    def lead(self) -> str:
        """What stands before the first message that is loaded."""
        if self.doing is Doing.OLDER:
            return LOADING
        if not self._room.has_older:
            beginning = BEGINNING if self._room.timeline else ""
            return DROPPED if self._room.cover.first > 0 else beginning
        if self._missed:
            return DID_NOT_COME if self._online() else NOT_HERE
        return MORE

    # What the user does

    def edge(self, step: int) -> None:
        """The user scrolls towards the start of what is loaded, or, with a positive `step`, to its end."""
        if self.doing is not Doing.NOTHING:
            return
        if step > 0 and not self._room.is_recent:
            self._do(Doing.NEWER, self._newer)
        elif step < 0 and self._room.has_older and not (self._missed and not self._online()):
            self._do(Doing.OLDER, self._older)

    def to_end(self) -> None:
        """Go to the newest message, and close what is out of view."""
        if self._room.is_recent:
            self._transcript.follow()
        if self._turned or not self._room.is_recent:
            self._do(Doing.RECENT, self._recent)

    def to_message(self, id: str, page: int | None = None) -> None:
        """Go to a message, and select it; if nobody knows its page, to where it has to be."""

        async def work() -> None:
            self._transcript.stay()
            if await self._find(id, page):
                self._transcript.go_to(id)
            else:
                self._tell(NOT_FOUND)

        self._do(Doing.SEEKING, work)

    async def _find(self, id: str, page: int | None) -> bool:
        if page is not None:
            return await self._room.show(id, page)
        if self._room.message(id) is None:
            await self._room.show_behind(id)
        return self._room.message(id) is not None

    def to_new(self) -> None:
        """Go to where the new messages begin."""
        self._do(Doing.SEEKING, self._seek_new)

    # What happens by itself

    def look(self) -> None:
        """Something changed: fill the screen once, and keep to the end where the user does."""
        room, transcript = self._room, self._transcript
        if self.doing is not Doing.NOTHING or not transcript.following or not room.timeline:
            return
        if not room.is_recent:
            self.to_end()
        elif not self._filled and not transcript.is_full and room.has_older:
            self._filled = True
            self._do(Doing.OLDER, self._older)

    def reached(self) -> None:
        """The server is there again: what did not come may come now."""
        if self._missed:
            self._missed = False
            self._transcript.seek(-1)

    def stop(self) -> None:
        """Do nothing more."""
        self._latest.stop()

    # How it is done

    def _do(self, doing: Doing, work: Callable[[], Awaitable[None]]) -> None:
        self._turned = True
        self._turn(doing)
        self._latest.run(lambda: self._try(work))

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        """What is cancelled gave way to something else: that is under way then."""
        try:
            await work()
        except SyncchatError as error:
            self._transcript.stay()  # or it would be tried again at once
            self._tell(str(error))
        self._turn(Doing.NOTHING)

    def _turn(self, doing: Doing) -> None:
        self.doing = doing
        self._transcript.turning = doing is not Doing.NOTHING
        self._changed()

    async def _older(self) -> None:
        self._missed = not await self._room.older() and self._room.has_older

    async def _newer(self) -> None:
        await self._room.newer()

    async def _recent(self) -> None:
        await self._room.recent()
        self._turned = self._filled = False
        self._transcript.follow()

    async def _seek_new(self) -> None:
        transcript = self._transcript
        transcript.stay()
        if transcript.go_to_new() or transcript.read is None:
            return
        if not await self._room.show_behind(transcript.read):
            self._tell(NOT_HERE_YET)
        elif not transcript.go_to_new():
            transcript.go_to_start()  # what was read last is there no more

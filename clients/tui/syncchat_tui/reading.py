"""How far the user has read: what is new on entering, and what is read by having it in view."""

from collections.abc import Callable

from syncchat.core.cover import Unread
from syncchat.core.ids import format_id
from syncchat.core.late import Late
from syncchat.paged_room import PagedRoom
from syncchat_tui.catching_up import Left
from syncchat_tui.transcript import Transcript

READ_AFTER = 1.0
"""Seconds for which the end has to be in view to be read."""

NOTHING = Unread(0, 0)

BEFORE_ALL = format_id(0, "0", 0)
"""An id before that of any message."""


class Reading:
    """Draws the line where the new messages begin, and tells the room what was read.

    Read is what is in view while the terminal has the focus. `later` runs a callback after READ_AFTER;
    `settled` is whether no more is to be expected from the server for now.
    """

    def __init__(
        self,
        room: PagedRoom,
        transcript: Transcript,
        *,
        later: Callable[[Callable[[], None]], object],
        settled: Callable[[], bool],
    ) -> None:
        self._room = room
        self._transcript = transcript
        self._later = later
        self._settled = settled
        self._focused = True
        self._waits = False
        self._marked: str | None = None
        self._left = ""
        self._new = 0
        self._found = False
        self._first_visit = False
        self._known: set[str] = set()
        self._came: Left | None = None

    @property
    def late(self) -> list[Late]:
        """Late messages above what is shown, without those that were there, and read, on entering."""
        return [late for late in self._room.late_above if late.id not in self._known]

    @property
    def unread(self) -> Unread:
        """What is to be told as unread: nothing while the user watches it come."""
        watching = self._watches_end and self._marked is not None
        return NOTHING if watching else self._room.unread

    @property
    def new_above(self) -> int:
        """How many new messages begin above the screen, as long as the user has not been there."""
        transcript = self._transcript
        loaded = transcript.blocks.divided_at is not None
        return self._new if not self._found and (transcript.new_above or not loaded) else 0

    @property
    def left(self) -> Left | None:
        """Behind which message begins what is new to the user: before all there is on a first visit.

        None if nothing is.
        """
        read = self._transcript.read
        if read is None:
            return Left(BEFORE_ALL) if self._first_visit else None
        return self._came if self._came is not None and self._came.id == read else Left(read)

    @property
    def _watches_end(self) -> bool:
        return self._focused and self._transcript.following and self._room.is_recent

    def look(self) -> None:
        """Something changed: the cover, what is loaded, or what is in view."""
        if self._marked is None:
            self._enter()
        if self._transcript.blocks.divided_at is not None and not self._transcript.new_above:
            self._found = True
        timeline = self._room.timeline
        if not timeline or self._waits or not self._watches_end:
            return
        if self._marked != timeline[-1].id or self._room.unread.messages:
            self._waits = True
            self._later(self._mark)

    def all_read(self) -> None:
        """The user wants to see no more of what is new."""
        self._new = 0
        self._first_visit = False
        self._transcript.divide(None)

    def focus(self, focused: bool) -> None:
        """The terminal has got the focus, or lost it: what comes meanwhile is new."""
        timeline = self._room.timeline
        if not focused:
            self._left = timeline[-1].id if timeline and self._watches_end else ""
        elif self._left:
            own = self._room.user
            self._new = sum(message.user != own for message in timeline if message.id > self._left)
            self._found = False
            self._transcript.divide(self._left if self._new else None)
        self._focused = focused
        self.look()

    def _enter(self) -> None:
        """See what is new; also as long as the server may still tell of more."""
        room = self._room
        mark, unread = room.read_mark, room.unread.messages
        self._came = None if mark is None else Left(mark.id, mark.seen)
        self._first_visit = mark is None
        self._new = 0 if mark is None else unread
        self._transcript.divide(mark.id if mark is not None and unread else None)
        behind = 0 if mark is None else sum(message.id > mark.id for message in room.timeline)
        if mark is None or behind >= unread:
            self._known.update(late.id for late in room.late_above)

    def _mark(self) -> None:
        self._waits = False
        timeline = self._room.timeline
        if timeline and self._watches_end and self._settled():
            self._room.mark_read()
            self._marked = timeline[-1].id

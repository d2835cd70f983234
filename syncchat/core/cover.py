"""The cover of a room, as the server writes it and everybody reads it: newest page, counts, read marks."""

from collections.abc import Callable, Collection, Mapping
from heapq import nsmallest
from itertools import islice
from typing import Any, NamedTuple

from syncchat.core.changes import Change
from syncchat.core.ids import NAME, parse_id
from syncchat.core.presence import Subscription
from syncchat.core.store import Store
from syncchat.errors import InvalidName

LIVE = "live"
NOW = "now"
"""What changes often is in the cells of one row: with the row goes all that its cells ever were."""

PAGE, FIRST, MESSAGES = "page", "first", "messages"
READ, TO = "read|", "to|"
"""Cells of a user begin so."""

MAX_WRITES = 1024
"""Cells written after which the row is made anew: what a cell was before costs a joiner some 14 bytes."""

MAX_READERS = 16_384
"""Users of whom it is known how far they have read; past it the least far of them are forgotten."""

MAX_NAMED = 4096
"""Users whose mentions are counted; past it only those of users who have read something are."""


class ReadMark(NamedTuple):
    """How far a user has read: to the message `id`; `messages` and `mentions` had arrived up to it.

    `seen` messages had arrived in all when it had read so far: late ones that came then have come since.
    """

    id: str
    messages: int
    mentions: int
    seen: int = 0


class Unread(NamedTuple):
    """How many messages, and how many mentions among them, a user has not read."""

    messages: int
    mentions: int


class Count(NamedTuple):
    """How many arrived in all, and how many of them before the newest page was opened."""

    total: int
    before: int


class Cover:
    """A cover, read; malformed cells read as not there, and so does the cover of a room made offline."""

    def __init__(self, store: Store) -> None:
        self._cells = store.cells(LIVE)

    @property
    def is_written(self) -> bool:
        """Whether the server has written it."""
        return NOW in self._cells

    @property
    def newest(self) -> int:
        """The number of the newest page."""
        return self._number(PAGE)

    @property
    def first(self) -> int:
        """The number of the first page that is still there; those before it were dropped."""
        return self._number(FIRST)

    @property
    def messages(self) -> int:
        """How many messages have arrived in the room, late ones included."""
        return self.count(MESSAGES).total

    def mentions(self, user: str) -> int:
        """How many messages that mention a user have arrived."""
        return self.count(TO + user).total

    def read(self, user: str) -> ReadMark | None:
        """How far a user has read; None if nobody knows."""
        match self._cell(READ + user):
            case [str(id), int(messages), int(mentions), *rest] if _is_id(id):
                seen = rest[0] if rest and type(rest[0]) is int else messages
                return ReadMark(id, messages, mentions, seen)
        return None

    def unread(self, user: str) -> Unread:
        """What a user has not read; of a user of whom nothing is known, everything."""
        mark = self.read(user) or ReadMark("", 0, 0)
        return Unread(
            max(0, self.messages - mark.messages),
            max(0, self.mentions(user) - mark.mentions),
        )

    def listen(self, callback: Callable[[list[Change]], None]) -> Subscription:
        """Hear of changes to any of it, once per transaction."""
        return self._cells.listen(callback)

    def count(self, cell: str) -> Count:
        """The count in a cell."""
        match self._cell(cell):
            case [int(total), int(before)] if 0 <= before <= total:
                return Count(total, before)
        return Count(0, 0)

    def _cell(self, cell: str) -> Any:
        return self._cells.get_cell(NOW, cell)

    def _number(self, cell: str) -> int:
        value = self._cell(cell)
        return value if isinstance(value, int) and value >= 0 else 0


class CoverWriter(Cover):
    """A cover, written: by the server alone (G3). Counts and marks never go back.

    What is written is read here at once, and by others when it was saved: that is one transaction.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.store = store
        self._unsaved: dict[str, Any] = {}
        self._patient: dict[str, None] = {}
        self._writes = MAX_WRITES  # the first write of a process begins a row: an old one may hold anything
        self._saved: dict[str, Any] = {}
        """The row as others see it: a cell is looked at with each commit of the room."""
        self._readers: set[str] = set()
        self._named: set[str] = set()
        self.reload()
        marks = (self.read(cell.removeprefix(READ)) for cell in self._readers)
        self.furthest = max((mark.id for mark in marks if mark is not None), default="")
        """The greatest id up to which anybody has read; empty if nobody has."""

    def reload(self) -> None:
        """Somebody else has written it."""
        self._saved = self._cells.get_row(NOW) or {}
        self._newest = self._number(PAGE)
        self._readers |= {cell for cell in self._saved if cell.startswith(READ)}
        self._named |= {cell for cell in self._saved if cell.startswith(TO)}

    @property
    def newest(self) -> int:
        """See Cover; each commit asks for it several times."""
        return self._newest

    @property
    def is_saved(self) -> bool:
        """Whether others see all that was written."""
        return not self._unsaved

    def open_page(self, number: int) -> None:
        """Page `number` is the newest from now on."""
        if number > self.newest or not self.is_written:
            self._unsaved[PAGE] = self._newest = number
            for cell in (MESSAGES, *self._named):
                total = self.count(cell).total
                self._unsaved[cell] = [total, total]

    def drop_before(self, number: int) -> None:
        """The pages before `number` are there no more."""
        if number > self.first:
            self._unsaved[FIRST] = number

    def arrived(self, user: str, mentioned: Collection[str] = ()) -> None:
        """A message of `user` has arrived; by writing it, its author has read one more."""
        self._add(MESSAGES)
        for other in mentioned:
            if self._counts(other):
                self._named.add(TO + other)
                self._add(TO + other)
        mark = self.read(user)
        if mark is not None:
            own = user in mentioned
            self._unsaved[READ + user] = [mark.id, mark.messages + 1, mark.mentions + own, mark.seen]
            self._patient.pop(READ + user, None)

    def arrived_at_once(self, messages: int, mentions: Mapping[str, int]) -> None:
        """So many messages, of which so many mention each user, have arrived by an import."""
        self._add(MESSAGES, messages)
        for user, number in mentions.items():
            if self._counts(user):
                self._named.add(TO + user)
                self._add(TO + user, number)

    def mark_read(self, user: str, mark: ReadMark) -> bool:
        """A user has read up to here; False, with nothing done, if it had read as far before."""
        before = self.read(user)
        if before is not None and (mark.id, mark.messages) <= (before.id, before.messages):
            return False
        known = before or ReadMark("", 0, 0)
        cell = READ + user
        self._unsaved[cell] = [
            mark.id,
            max(mark.messages, known.messages),
            max(mark.mentions, known.mentions),
            max(mark.seen, known.seen),
        ]
        self.furthest = max(self.furthest, mark.id)
        self._patient[cell] = None
        self._readers.add(cell)
        if len(self._readers) > MAX_READERS:
            self._forget()
        return True

    def save(self, *, marks: int | None = None) -> bool:
        """Show others what was written, of read marks the first so many; False if there was nothing."""
        later = set(islice(self._patient, marks, None)) if marks is not None else set()
        cells = {cell: value for cell, value in self._unsaved.items() if cell not in later}
        if not cells:
            return False
        with self.store.transaction():
            self._write(cells)
        for cell, value in cells.items():
            del self._unsaved[cell]
            self._patient.pop(cell, None)
            self._saved[cell] = value
        return True

    def _write(self, cells: Mapping[str, Any]) -> None:
        self._writes += len(cells)
        if self._writes > MAX_WRITES:
            self._writes = 0
            cells = {**(self._cells.get_row(NOW) or {}), **cells}
            self._cells.delete(NOW)
            self._cells.set_row(NOW, {cell: value for cell, value in cells.items() if value is not None})
            return
        for cell, value in cells.items():
            if value is None:
                self._cells.delete_cell(NOW, cell)
            else:
                self._cells.set_cell(NOW, cell, value)

    def _cell(self, cell: str) -> Any:
        return self._unsaved[cell] if cell in self._unsaved else self._saved.get(cell)

    def _add(self, cell: str, number: int = 1) -> None:
        count = self._unsaved.get(cell)
        if count is None:
            total, before = self.count(cell)
            self._unsaved[cell] = [total + number, before]
        else:
            count[0] += number

    def _counts(self, user: str) -> bool:
        return TO + user in self._named or len(self._named) < MAX_NAMED or READ + user in self._readers

    def _forget(self) -> None:
        """Forget those who have read the least far: some at once, as finding them takes a while."""
        far = {cell: mark.id for cell in self._readers if (mark := self.read(cell.removeprefix(READ)))}
        for cell in nsmallest(MAX_READERS // 16, self._readers, key=lambda cell: far.get(cell, "")):
            self._readers.discard(cell)
            self._patient.pop(cell, None)
            self._unsaved[cell] = None


def _is_id(id: str) -> bool:
    try:
        return NAME.match(parse_id(id).user) is not None
    except InvalidName:
        return False

"""The cover of a room, as the server writes it and everybody reads it: newest page, counts, read marks."""

from collections.abc import Callable, Collection
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


class ReadMark(NamedTuple):
    """How far a user has read: to the message `id`; `messages` and `mentions` had arrived up to it."""

    id: str
    messages: int
    mentions: int


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
        match self._cells.get_cell(NOW, READ + user):
            case [str(id), int(messages), int(mentions)] if _is_id(id):
                return ReadMark(id, messages, mentions)
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
        match self._cells.get_cell(NOW, cell):
            case [int(total), int(before)] if 0 <= before <= total:
                return Count(total, before)
        return Count(0, 0)

    def _number(self, cell: str) -> int:
        value = self._cells.get_cell(NOW, cell)
        return value if isinstance(value, int) and value >= 0 else 0


class CoverWriter(Cover):
    """A cover, written: by the server alone (G3). Counts and marks never go back."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.store = store
        self._writes = MAX_WRITES  # the first write of a process begins a row: an old one may hold anything

    def open_page(self, number: int) -> None:
        """Page `number` is the newest from now on."""
        if number > self.newest or not self.is_written:
            with self.store.transaction():
                self._set(PAGE, number)
                for cell in list(self._row()):
                    if cell == MESSAGES or cell.startswith(TO):
                        total = self.count(cell).total
                        self._set(cell, [total, total])

    def drop_before(self, number: int) -> None:
        """The pages before `number` are there no more."""
        if number > self.first:
            self._set(FIRST, number)

    def arrived(self, user: str, mentioned: Collection[str] = ()) -> None:
        """A message of `user` has arrived; by writing it, its author has read one more."""
        with self.store.transaction():
            self._add(MESSAGES)
            for other in mentioned:
                self._add(TO + other)
            mark = self.read(user)
            if mark is not None:
                own = user in mentioned
                self._set(READ + user, [mark.id, mark.messages + 1, mark.mentions + own])

    def mark_read(self, user: str, mark: ReadMark) -> bool:
        """A user has read up to here; False, with nothing done, if it had read as far before."""
        before = self.read(user)
        if before is not None and (mark.id, mark.messages) <= (before.id, before.messages):
            return False
        known = before or ReadMark("", 0, 0)
        self._set(
            READ + user,
            [mark.id, max(mark.messages, known.messages), max(mark.mentions, known.mentions)],
        )
        return True

    def _add(self, cell: str) -> None:
        total, before = self.count(cell)
        self._set(cell, [total + 1, before])

    def _set(self, cell: str, value: Any) -> None:
        self._writes += 1
        if self._writes <= MAX_WRITES:
            self._cells.set_cell(NOW, cell, value)
            return
        self._writes = 0
        with self.store.transaction():
            row = {**self._row(), cell: value}
            self._cells.delete(NOW)
            self._cells.set_row(NOW, row)

    def _row(self) -> dict[str, Any]:
        return self._cells.get_row(NOW) or {}


def _is_id(id: str) -> bool:
    try:
        return NAME.match(parse_id(id).user) is not None
    except InvalidName:
        return False

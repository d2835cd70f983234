"""Sorted and filtered views of a table, kept up to date change by change."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar, overload

from syncchat.core.changes import Change
from syncchat.core.codec import MISSING, dump
from syncchat.core.deltas import Added, Changed, Delta, Moved, Removed
from syncchat.core.listeners import Signal
from syncchat.core.presence import Subscription
from syncchat.core.tables import Rows

V = TypeVar("V")
MAX_DEPTH = 16
"""How deep lists may be nested in what a view sorts by; a row with a deeper key is left out."""

Order: TypeAlias = tuple[Any, ...]


class View(Sequence[str], Generic[V]):
    """The rows of a table whose value passes `where`, sorted by `key` of the value, then by name.

    `key` gives None, numbers, strings, dicts, or lists of them; values of different kinds sort in that
    order. `descending` turns the whole order around. A change costs by its own size and the logarithm
    of the view's, and a token appended to a text no more than that if there is neither `where` nor `key`.

    What `where` and `key` are given may be any value that the table can read, as others write what
    they like: a row for which they raise LookupError, TypeError, ValueError or AttributeError is
    left out. What else they raise comes out of the transaction that changed the row.
    """

    def __init__(
        self,
        table: Rows[V],
        *,
        where: Callable[[V], bool] | None = None,
        key: Callable[[V], Any] | None = None,
        descending: bool = False,
    ) -> None:
        self._table = table
        self._where = where
        self._key = key
        self._descending = descending
        self._order_of = {
            row: order for row, value in table.items() if (order := self._order(value)) is not None
        }
        self._sorted = sorted((order, row) for row, order in self._order_of.items())
        self._signal: Signal[list[Delta]] = Signal("listeners of a view failed")
        self._subscription = table.listen(self._apply)

    def __len__(self) -> int:
        return len(self._sorted)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            shown = range(len(self))[index]
            return [self._sorted[self._mirrored(position)][1] for position in shown]
        return self._sorted[self._mirrored(range(len(self))[index])][1]

    def __contains__(self, row: object) -> bool:
        return row in self._order_of

    def index(self, row: Any, start: int = 0, stop: int | None = None) -> int:
        """The position of a row; raises ValueError if it is not in the view."""
        if row not in self._order_of:
            raise ValueError(f"no row {str(row)[:60]!r} in the view")
        position = self._mirrored(self._position(row))
        if position not in range(len(self))[start:stop]:
            raise ValueError(f"row {row!r} is not between {start} and {stop}")
        return position

    def listen(self, callback: Callable[[list[Delta]], None]) -> Subscription:
        """Hear how the view changed, once per transaction; done in order, the deltas give the present."""
        return self._signal.listen(callback)

    def close(self) -> None:
        """Stop following the table."""
        self._subscription.cancel()

    def _apply(self, changes: list[Change]) -> None:
        appended: dict[str, str | None] = {}
        for change in changes:
            appended[change.row] = None if change.row in appended else change.appended
        deltas = [delta for row, text in appended.items() for delta in self._update(row, text)]
        if deltas:
            self._signal.tell(deltas)

    def _update(self, row: str, appended: str | None) -> Iterable[Delta]:
        before = self._order_of.get(row)
        if appended is not None and before is not None and self._where is self._key is None:
            return [Changed(self.index(row), row, appended)]
        value = self._table.read(row)
        order = None if value is MISSING else self._order(value)
        if order is None:
            return [] if before is None else [Removed(self._take_out(row), row)]
        if before is None:
            return [Added(self._put_in(row, order), row)]
        if before == order:
            return [Changed(self.index(row), row, appended)]
        old, new = self._take_out(row), self._put_in(row, order)
        return [Changed(new, row, appended) if old == new else Moved(old, new, row)]

    def _order(self, value: V) -> Order | None:
        """Where a row with this value belongs; None if nowhere."""
        try:
            if self._where is not None and not self._where(value):
                return None
            key = None if self._key is None else self._key(value)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        try:
            return order_of(key)
        except RecursionError:
            return None

    def _take_out(self, row: str) -> int:
        index, position = self.index(row), self._position(row)
        del self._sorted[position], self._order_of[row]
        return index

    def _put_in(self, row: str, order: Order) -> int:
        self._order_of[row] = order
        insort(self._sorted, (order, row))
        return self.index(row)

    def _position(self, row: str) -> int:
        return bisect_left(self._sorted, (self._order_of[row], row))

    def _mirrored(self, position: int) -> int:
        return len(self._sorted) - 1 - position if self._descending else position


def order_of(key: Any, depth: int = MAX_DEPTH) -> Order:
    """Turn a JSON value into something that compares with that of every other JSON value.

    Raises TypeError for what is no JSON value, RecursionError for one nested deeper than `depth`.
    """
    if depth == 0:
        raise RecursionError("the key is nested too deep to be compared")
    match key:
        case None:
            return (0,)
        case int() | float() if key == key:
            return (1, key)
        case float():
            return (1, float("-inf"), "nan")
        case str():
            return (2, key)
        case list() | tuple():
            return (3, tuple(order_of(item, depth - 1) for item in key))
        case dict():
            return (4, dump(key))
    raise TypeError(f"a view sorts by JSON values, not by {type(key).__name__}")

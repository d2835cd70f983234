"""A store: a doc seen as tables of rows and values, with transactions and listeners."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

from pycrdt import Doc, Map
from pycrdt import Subscription as Observation

from syncchat.core.carry import content
from syncchat.core.changes import Callback, Change, Kind, Listeners, changes_of, place_of
from syncchat.core.codec import check_text
from syncchat.core.listeners import Signal
from syncchat.core.presence import Subscription
from syncchat.core.tables import CellTable, Table, TextTable
from syncchat.errors import SyncchatError

Row: TypeAlias = tuple[str, str]
"""A row: the name of its table, and its own."""

MAX_ROUNDS = 1000
"""How many transactions may follow from one by listeners that write.

Past it they answer each other in a circle: an error says so, and the rest is told at the next transaction.
"""


class Store:
    """A doc seen as tables; `rebind` puts another doc beneath them, and they go on.

    Whoever opens `doc.transaction()` instead of `store.transaction()` calls `deliver` when it is
    over. Not for use from several threads.
    """

    def __init__(self, doc: Doc[Any]) -> None:
        self.doc = doc
        self._roots: dict[str, tuple[Map[Any], Observation]] = {}
        self._listeners = Listeners()
        self._rows: Signal[tuple[Row, ...]] = Signal("listeners to rows failed")
        self._collected: list[Change] = []
        self._closed: deque[list[Change]] = deque()
        self._batches: deque[list[Change]] = deque()
        self._delivering = False
        self._shut = False
        self._commits = doc.observe(self._close_batch)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed: it can be read, and no more written."""
        return self._shut

    @property
    def values(self) -> Table:
        """The store's values: the rows of the table named `values`."""
        return self.table("values")

    def table(self, name: str) -> Table:
        """The table of this name, its rows one JSON value each; it need not exist yet."""
        return Table(self, name)

    def cells(self, name: str) -> CellTable:
        """The table of this name, its rows maps of cells; it need not exist yet."""
        return CellTable(self, name)

    def texts(self, name: str) -> TextTable:
        """The table of this name, its rows growing texts; it need not exist yet."""
        return TextTable(self, name)

    def root(self, name: str) -> Map[Any]:
        """The root of the doc that holds a table; from the first call on, its changes are heard."""
        if name not in self._roots:
            root = self.doc.get(check_text(name, "the name of a table"), type=Map)
            self._roots[name] = (root, root.observe_deep(partial(self._collect, name)))
        return self._roots[name][0]

    @contextmanager
    def transaction(self, origin: Any = None) -> Iterator[None]:
        """Make one update of all that is written inside; within another, be part of that.

        There is no rolling back: if the body raises, what was written before stays written, and
        listeners hear of it. Listeners are told when the outermost transaction is over, and may
        write; what they raise comes out of here as an ExceptionGroup. Never await inside.

        `origin` is handed to observers of the doc; a transaction within another has the same or none.
        Raises SyncchatError if the store was closed.
        """
        if self._shut:
            raise SyncchatError("the doc was closed: open it again to write")
        try:
            with self.doc.transaction(origin=origin):
                yield
        finally:
            self.deliver()

    def listen(
        self,
        callback: Callback,
        *,
        table: str | None = None,
        row: str | None = None,
        cell: str | None = None,
    ) -> Subscription:
        """Hear of changes to everything, to a table, to a row of it or to a cell of that.

        One call for each transaction that changed any of it, after it is over, with the changes
        sorted by table, row and cell. "Everything" is every table that was asked for once. Raises
        ValueError if a row is given without its table, or a cell without its row.
        """
        if (row is not None and table is None) or (cell is not None and row is None):
            raise ValueError("a row needs its table, and a cell its row")
        if table is not None:
            self.root(table)
        read = None
        if table is not None and row is not None and cell is not None:
            read = partial(self.cells(table).raw_cell, row, cell)
        return self._listeners.add(callback, table, row, cell, read)

    def listen_rows(self, callback: Callable[[tuple[Row, ...]], None]) -> Subscription:
        """Hear which rows a transaction changed, as (table, row), before any listener hears what.

        For bookkeeping: it is told as soon as a transaction is over, also one made by a listener.
        """
        return self._rows.listen(callback)

    def deliver(self) -> None:
        """Tell the listeners of every transaction that is over and was not told yet.

        Inside a listener it leaves that to whoever called the listener. Raises an ExceptionGroup of
        what listeners raised, once all were told.
        """
        self._tell_rows()
        if self._delivering or not self._batches:
            return
        self._delivering = True
        errors: list[Exception] = []
        try:
            for _ in range(MAX_ROUNDS):
                if not self._batches:
                    break
                try:
                    self._listeners.tell(self._batches.popleft())
                except ExceptionGroup as group:
                    errors.extend(group.exceptions)
            else:
                errors.append(RuntimeError(f"listeners answer each other's writes for {MAX_ROUNDS} rounds"))
        finally:
            self._delivering = False
        if errors:
            raise ExceptionGroup("listeners of a store failed", errors)

    def rebind(self, doc: Doc[Any]) -> None:
        """Show another doc from now on; listeners hear in which rows it differs from the one before.

        Not for use inside a transaction. What listeners raise comes out of here as an ExceptionGroup.
        """
        before = {name: _contents(root) for name, (root, _) in self._roots.items()}
        self._let_go()
        self._roots.clear()
        self.doc = doc
        self._commits = doc.observe(self._close_batch)
        batch = [change for name in before for change in self._differences(name, before[name])]
        if batch:
            self._batches.append(sorted(batch, key=place_of))
        self.deliver()

    def close(self) -> None:
        """Stop observing the doc, so that both can be freed; writing raises SyncchatError from now on."""
        self._shut = True
        self._let_go()

    def _let_go(self) -> None:
        for root, observation in self._roots.values():
            root.unobserve(observation)
        self.doc.unobserve(self._commits)

    def _differences(self, table: str, before: dict[str, Any]) -> Iterator[Change]:
        after = _contents(self.root(table))
        for row in before.keys() | after.keys():
            kind: Kind = "added" if row not in before else "removed" if row not in after else "changed"
            if kind != "changed" or before[row] != after[row]:
                yield Change(table, row, None, kind)

    def _collect(self, table: str, events: list[Any]) -> None:
        self._collected.extend(changes_of(table, events))

    def _close_batch(self, _event: object) -> None:
        batch, self._collected = self._collected, []
        if self._delivering or self._batches or self._closed:
            # Who hears of an earlier transaction reads what this one wrote, and must not add it again.
            batch = [change._replace(appended=None) for change in batch]
        if batch:
            self._closed.append(sorted(batch, key=place_of))

    def _tell_rows(self) -> None:
        while self._closed:
            batch = self._closed.popleft()
            self._batches.append(batch)
            self._rows.tell(tuple(dict.fromkeys((change.table, change.row) for change in batch)))


def _contents(root: Map[Any]) -> dict[str, Any]:
    return {row: content(root[row]) for row in list(root.keys())}

"""The tables of a store: rows of one JSON value, rows of cells, rows of growing text."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pycrdt import Map, Text

from syncchat.core.changes import Change
from syncchat.core.codec import MISSING, Missing, check_text, dump, load
from syncchat.core.presence import Subscription

if TYPE_CHECKING:
    from syncchat.core.store import Store

V = TypeVar("V")


class Rows(Generic[V]):
    """What all tables have in common: a root Map of a doc, seen as rows with a value each.

    Others write into the same doc, and may write anything: a row that is not of this table's
    kind counts in `rows`, `len` and `in`, but has no value, and `items` leaves it out. No method
    that reads raises because of what is in the doc. Methods that write raise ValueError for a
    row or cell name with a lone surrogate, and form one transaction unless one is open.
    """

    def __init__(self, store: "Store", name: str) -> None:
        self.name = name
        self._store = store
        store.root(name)  # from now on its changes are heard

    @property
    def _root(self) -> Map[Any]:
        return self._store.root(self.name)

    def __contains__(self, row: object) -> bool:
        return isinstance(row, str) and row in self._root

    def __len__(self) -> int:
        return len(self._root)

    def rows(self) -> Iterator[str]:
        """The names of the rows as they are now, in no particular order."""
        return iter(list(self._root.keys()))

    def items(self) -> Iterator[tuple[str, V]]:
        """Every readable row with its value, in no particular order."""
        for row in self.rows():
            value = self.read(row)
            if value is not MISSING:
                yield row, value

    def read(self, row: str) -> V | Missing:
        """The row's value; MISSING if there is no such row, or if it is malformed."""
        raise NotImplementedError

    def delete(self, row: str) -> bool:
        """Remove a row; False if there is none."""
        if row not in self._root:
            return False
        with self._store.transaction():
            del self._root[row]
        return True

    def listen(self, callback: Callable[[list[Change]], None]) -> Subscription:
        """Hear of this table's changes: one call after each transaction that made any."""
        return self._store.listen(callback, table=self.name)

    def _stored(self, row: str) -> Any:
        # `get` would look the row up three times.
        try:
            return self._root[row]
        except KeyError:
            return None

    def _put(self, row: str, content: Any) -> None:
        check_text(row, "the name of a row")
        with self._store.transaction():
            self._root[row] = content


class Table(Rows[Any]):
    """A table whose rows are one JSON value each; the last writer of a row wins."""

    def read(self, row: str) -> Any:
        """The row's value; MISSING if there is no such row, or if it is malformed."""
        return load(self._stored(row))

    def get(self, row: str, default: Any = None) -> Any:
        """The row's value; `default` if there is no such row, or if it is malformed."""
        value = self.read(row)
        return default if value is MISSING else value

    def set(self, row: str, value: Any) -> None:
        """Write a row. Raises TypeError or ValueError if `value` is no JSON value."""
        self._put(row, dump(value))


class TextTable(Rows[str]):
    """A table whose rows are texts that grow; writers who append at once keep both their parts."""

    def read(self, row: str) -> str | Missing:
        """The row's text; MISSING if there is no such row, or if it is no text."""
        text = self._stored(row)
        return str(text) if isinstance(text, Text) else MISSING

    def get(self, row: str) -> str | None:
        """The row's text; None if there is no such row, or if it is no text."""
        value = self.read(row)
        return None if value is MISSING else value

    def size(self, row: str) -> int | None:
        """The text's length in bytes of UTF-8, without reading it; None if there is none."""
        text = self._stored(row)
        return len(text) if isinstance(text, Text) else None

    def create(self, row: str, text: str = "") -> None:
        """Write a new text, in place of what the row was before."""
        self._put(row, Text(check_text(text, "a text")))

    def append(self, row: str, text: str) -> bool:
        """Add to the end of a row's text; False, and nothing done, if the row is gone."""
        check_text(text, "a text")
        stored = self._stored(row)
        if not isinstance(stored, Text):
            return False
        if text:
            with self._store.transaction():
                stored += text
        return True


class CellTable(Rows[dict[str, Any]]):
    """A table whose rows are maps of cells: writers of different cells of a row keep both their work.

    Cells merge one by one in a row that both writers had. If two create the same row at once,
    one of the two rows wins whole: give rows that are created names of their own.
    """

    def read(self, row: str) -> dict[str, Any] | Missing:
        """The row's readable cells, sorted by name; MISSING if there is no such row, or if it is no map."""
        cells = self._cells(row)
        return MISSING if cells is None else dict(sorted(self._readable(cells)))

    def get_row(self, row: str) -> dict[str, Any] | None:
        """The row's readable cells; None if there is no such row, or if it is no map of cells."""
        value = self.read(row)
        return None if value is MISSING else value

    def set_row(self, row: str, cells: Mapping[str, Any]) -> None:
        """Make the row exactly these cells; those that stay as they are, are not written.

        Raises TypeError or ValueError if a value is no JSON value; nothing is written then.
        """
        wanted = {check_text(cell, "the name of a cell"): dump(value) for cell, value in cells.items()}
        present = self._cells(row)
        if present is None:
            self._put(row, Map(wanted))
            return
        with self._store.transaction():
            for cell in set(present.keys()) - wanted.keys():
                del present[cell]
            for cell, text in wanted.items():
                if present.get(cell) != text:
                    present[cell] = text

    def get_cell(self, row: str, cell: str, default: Any = None) -> Any:
        """The cell's value; `default` if there is no such cell, or if it is malformed."""
        value = load(self.raw_cell(row, cell))
        return default if value is MISSING else value

    def set_cell(self, row: str, cell: str, value: Any) -> None:
        """Write a cell, making the row if there is none. Raises TypeError or ValueError for no JSON."""
        check_text(cell, "the name of a cell")
        text = dump(value)
        cells = self._cells(row)
        if cells is None:
            self._put(row, Map({cell: text}))
            return
        with self._store.transaction():
            cells[cell] = text

    def delete_cell(self, row: str, cell: str) -> bool:
        """Remove a cell; False if there is none. The row stays, even with no cell left."""
        cells = self._cells(row)
        if cells is None or cell not in cells:
            return False
        with self._store.transaction():
            del cells[cell]
        return True

    def raw_cell(self, row: str, cell: str) -> str | None:
        """The cell as it stands in the doc; None if there is none."""
        cells = self._cells(row)
        text = None if cells is None else cells.get(cell)
        return text if isinstance(text, str) else None

    def _cells(self, row: str) -> Map[Any] | None:
        stored = self._stored(row)
        return stored if isinstance(stored, Map) else None

    def _readable(self, cells: Map[Any]) -> Iterator[tuple[str, Any]]:
        for cell in list(cells.keys()):
            value = load(cells[cell])
            if value is not MISSING:
                yield cell, value

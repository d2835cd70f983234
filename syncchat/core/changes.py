"""What a transaction changed, row by row and cell by cell, and who asked to hear of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pycrdt import MapEvent, TextEvent

from syncchat.core.listeners import call_all
from syncchat.core.presence import Subscription

Kind = Literal["added", "changed", "removed"]

_KINDS: dict[str, Kind] = {"add": "added", "update": "changed", "delete": "removed"}


class Change(NamedTuple):
    """One thing that a transaction did.

    `kind` is about the cell if there is one, else about the row. A row that comes or goes
    brings or takes its cells with it; they have no changes of their own. `appended` is set when all
    that happened to a text was that this was added to its end, and nobody who hears of it can have
    read the longer text already.
    """

    table: str
    row: str
    cell: str | None = None
    kind: Kind = "changed"
    appended: str | None = None


def place_of(change: Change) -> tuple[str, str, str]:
    """What changes of one transaction are sorted by; the CRDT gives them in random order."""
    return change.table, change.row, change.cell or ""


Callback = Callable[[list[Change]], None]


def changes_of(table: str, events: Sequence[Any]) -> Iterator[Change]:
    """Turn the deep events of one root of a doc into changes; call it inside the observer."""
    for event in events:
        match event.path:
            case []:
                yield from _of_map(table, event)
            case [row] if isinstance(event, MapEvent):
                yield from _of_map(table, event, str(row))
            case [row] if isinstance(event, TextEvent):
                yield Change(table, str(row), appended=_appended(event))
            case [row]:
                yield Change(table, str(row))
            case [row, cell, *_]:
                yield Change(table, str(row), str(cell))


def _of_map(table: str, event: Any, row: str | None = None) -> Iterator[Change]:
    for key, entry in event.keys.items():
        kind = _KINDS[entry["action"]]
        yield Change(table, key, None, kind) if row is None else Change(table, row, key, kind)


def _appended(event: Any) -> str | None:
    """The text added, if the event is one plain insertion at the very end."""
    match event.delta:
        case [{"insert": str(text), **rest}] if not rest:
            start = 0
        case [{"retain": int(start), **kept}, {"insert": str(text), **rest}] if not rest and not kept:
            pass
        case _:
            return None
    # A delta leaves out what stays behind the last change, so only the length tells the end.
    return text if start + len(text.encode()) == len(event.target) else None


@dataclass(eq=False)
class _Listener:
    number: int
    callback: Callback
    cell: str | None
    read: Callable[[], object] | None
    last: object = None
    active: bool = True
    heard: list[Change] = field(default_factory=list)

    def hear(self, change: Change) -> None:
        seen = change if self.cell is None else self._cell_change(change)
        if seen is not None:
            self.heard.append(seen)

    def _cell_change(self, change: Change) -> Change | None:
        """What `change` means for the one cell; None if nothing."""
        if self.read is None or change.cell not in (None, self.cell):
            return None
        before, self.last = self.last, self.read()
        if change.cell is not None:
            return change
        if before == self.last:
            return None
        kind: Kind = "added" if before is None else "removed" if self.last is None else "changed"
        return Change(change.table, change.row, self.cell, kind)

    def tell(self) -> None:
        heard, self.heard = self.heard, []
        if self.active:  # an earlier listener may have cancelled it
            self.callback(heard)


class Listeners:
    """Listeners by table, row or cell; a transaction costs by what it changed, not by how many listen."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str | None, str | None], list[_Listener]] = {}
        self._count = 0

    def add(
        self,
        callback: Callback,
        table: str | None,
        row: str | None,
        cell: str | None,
        read: Callable[[], object] | None,
    ) -> Subscription:
        """Register; `read` gives the present content of the cell that is listened to, None for none."""
        self._count += 1
        listener = _Listener(self._count, callback, cell, read, read() if read is not None else None)
        place = (table, row)
        self._by_place.setdefault(place, []).append(listener)

        def cancel() -> None:
            listener.active = False
            registered = self._by_place.get(place, [])
            if listener in registered:
                registered.remove(listener)
            if not registered:
                self._by_place.pop(place, None)

        return Subscription(cancel)

    def tell(self, changes: list[Change]) -> None:
        """Give each listener its part of `changes`, in one call and in order of registration.

        Raises an ExceptionGroup of what they raised, once all were told.
        """
        concerned: set[_Listener] = set()
        for change in changes:
            for place in ((None, None), (change.table, None), (change.table, change.row)):
                for listener in self._by_place.get(place, ()):
                    listener.hear(change)
                    if listener.heard:
                        concerned.add(listener)
        ordered = sorted(concerned, key=lambda listener: listener.number)
        call_all([listener.tell for listener in ordered], "listeners of a store failed")

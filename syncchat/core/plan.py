"""What an update would do to a doc, worked out from the update and the doc's index alone."""

from collections.abc import Iterable, Mapping
from typing import Final

from syncchat.core.places import BLOCK, Layer, Place, Row
from syncchat.core.ranges import Ranges, Run
from syncchat.core.update import DELETED, GC, MAX_CLOCK, SKIP, STRING, TYPE, Id, Struct, Update
from syncchat.errors import MalformedUpdate

_GONE: Final = (GC, DELETED)

Placed = tuple[Struct, int, Place | None]
"""A struct that is new from the clock on that stands beside it; no place: yrs makes it garbage."""


class Plan:
    """What an update would add to an index: new structs in causal order, and what is deleted.

    `placed` are the new structs. `removed` are the ranges (client, start, end) that are deleted
    now and were not before; `emptied` are the places that the update's delete set reaches.
    `tombstones` is for the guard to fill: the places at which a new struct is a tombstone.
    If `missing` is an id, the update needs it, nobody has it, and the rest is incomplete.
    Raises MalformedUpdate if the update contradicts itself or the doc.
    """

    __slots__ = (
        "_base",
        "_deleted",
        "_gone",
        "_next",
        "_structs",
        "emptied",
        "layer",
        "missing",
        "placed",
        "removed",
        "tombstones",
    )

    def __init__(self, base: Layer, deleted: Mapping[int, Ranges], update: Update) -> None:
        self.layer = Layer()
        self.placed: list[Placed] = []
        self.removed: list[tuple[int, int, int]] = []
        self.emptied: set[Place | None] = set()
        self.tombstones: set[Place] = set()
        self.missing: Id | None = None
        self._base = base
        self._deleted = deleted
        self._structs = update.structs
        self._next: dict[int, int] = {}
        self._gone: dict[int, Ranges] = {}
        try:
            for client in update.structs:
                needed = self._place_until(client, MAX_CLOCK)
                if needed is not None:
                    self._place_behind(client, needed)
            for client, clock, length in update.deletes:
                self._delete(client, clock, clock + length)
        except _Missing as error:
            self.missing = error.element

    @property
    def is_news(self) -> bool:
        """Whether the update brings anything that the doc does not have."""
        return bool(self.placed or self.removed)

    @property
    def places(self) -> set[Place | None]:
        """The places that are written to or deleted from; None among them stands for garbage."""
        return {place for _, _, place in self.placed} | self.emptied

    @property
    def rows(self) -> set[Row]:
        """The rows that are written to or deleted from."""
        return {place.row for place in self.places if place is not None}

    @property
    def written_rows(self) -> set[Row]:
        """The rows that are written to."""
        return {place.row for _, _, place in self.placed if place is not None}

    # Bringing the structs into an order in which each stands behind what it needs

    def _place_behind(self, client: int, needed: Id | None) -> None:
        """Depth first, with a stack of our own: chains of dependencies may be as long as the update."""
        stack = [(client, MAX_CLOCK)]
        waiting = {client}
        while stack:
            if needed is None:
                waiting.discard(stack.pop()[0])
            elif needed[0] in waiting:
                raise MalformedUpdate("structs that need one another in a circle")
            else:
                stack.append(needed)
                waiting.add(needed[0])
            if stack:
                needed = self._place_until(*stack[-1])

    def _place_until(self, client: int, until: int) -> Id | None:
        """Place the client's structs up to the clock `until`; an id returned has to be placed first."""
        structs = self._structs[client]
        run = self._base.runs.get(client)
        known = 0 if run is None else run.end
        needed = None
        at = self._next.get(client, 0)
        while at < len(structs):
            struct = structs[at]
            clock = struct.clock
            if clock > until:
                break
            end = clock + struct.len
            if end > known:
                needed = self._place(struct, end)
                if needed is not None:
                    break
            at += 1
        self._next[client] = at
        return needed

    # Placing one struct, as yrs would

    def _place(self, struct: Struct, end: int) -> Id | None:
        client, clock, length, kind, origin, right_origin, parent, key, content, _ = struct
        run = self.layer.runs.get(client)
        known = run or self._base.runs.get(client)
        start = 0 if known is None else known.end
        if kind == SKIP or clock > start:
            raise _Missing((client, start))
        place = None
        if isinstance(parent, str):  # then it has no neighbours
            row = (parent, key or "")
            place = self._intern(row, row if key else (parent, key), 0)
        elif kind != GC:
            if origin is not None and not self._has(origin):
                return origin
            if right_origin is not None and not self._has(right_origin):
                return right_origin
            if parent is not None and not self._has(parent):
                return parent
            place = self._place_of(struct, parent)
        if kind == TYPE or (isinstance(content, str) and length != len(content)):
            self._note(struct, place)
        if clock < start and kind != GC:
            place = self._rest_of(struct, start, place)
        if kind in _GONE:
            self.removed.append((client, start, end))
            self._gone.setdefault(client, Ranges()).add(start, end)
        if run is None:
            run = self.layer.runs[client] = Run(start)
        run.append(end, place)
        self.placed.append((struct, start, place))
        return None

    def _place_of(self, struct: Struct, parent: Id | None) -> Place | None:
        """The place of a struct whose dependencies are placed; None where yrs will find only garbage."""
        if parent is None:
            origin, right_origin = struct.origin, struct.right_origin
            left = right = None
            if origin is not None:
                left = self._at(origin)
                if self._base.halves or self.layer.halves:
                    self._check_cut(origin[0], origin[1] + 1)
            if right_origin is not None:
                right = self._at(right_origin)
                self._check_cut(*right_origin)
            return left if right is None else _same(left, right)
        above = self.layer.types.get(parent) or self._base.types.get(parent)
        if above is not None:
            return self._intern(above.row, (parent, struct.key), above.depth + 1)
        if self._at(parent) is not None and not self._is_gone(parent):
            raise MalformedUpdate("a parent that is no shared type")
        return None

    def _note(self, struct: Struct, place: Place | None) -> None:
        """Remember what later structs may have to know of this one."""
        if struct.kind == TYPE and place is not None:
            self.layer.types[struct.client, struct.clock] = place
        elif struct.kind == STRING and isinstance(struct.content, str) and struct.len != len(struct.content):
            halves = self.layer.halves.setdefault(struct.client, {})
            clock = struct.clock
            for character in struct.content:
                if character > "\uffff":
                    clock += 1
                    halves[clock // BLOCK] = halves.get(clock // BLOCK, 0) | 1 << clock % BLOCK
                clock += 1

    def _rest_of(self, struct: Struct, start: int, place: Place | None) -> Place | None:
        """The place of a struct of which only the part from `start` on is new."""
        self._check_cut(struct.client, start)
        return _same(self._at((struct.client, start - 1)), place)

    def _intern(self, row: Row, name: tuple[str | Id, str | None], depth: int) -> Place:
        place = self._base.places.get(name) or self.layer.places.get(name)
        if place is None:
            place = self.layer.places[name] = Place(row, name[1], depth)
        return place

    # Deleting

    def _delete(self, client: int, start: int, end: int) -> None:
        border = self._base.clock(client)
        new = self.layer.runs.get(client)
        if end > (border if new is None else new.end):
            raise _Missing((client, end - 1))
        for first, last in self._holes(client, start, end):
            self._check_cut(client, first)
            self._check_cut(client, last)
            self.removed.append((client, first, last))
            if first < border:
                self.emptied.update(self._base.runs[client].over(first, min(last, border)))
            if new is not None and last > border:
                self.emptied.update(new.over(max(first, border), last))

    def _holes(self, client: int, start: int, end: int) -> Iterable[tuple[int, int]]:
        ranges = self._deleted.get(client)
        return ((start, end),) if ranges is None else ranges.holes(start, end)

    # Looking things up in the doc and in what the update has added so far

    def _has(self, element: Id) -> bool:
        """Whether an element is placed; False if the update still has it in store."""
        client, clock = element
        run = self._base.runs.get(client)
        if (run is not None and clock < run.end) or clock < self.layer.clock(client):
            return True
        structs = self._structs.get(client)
        if structs is None or not structs[0].clock <= clock < structs[-1].clock + structs[-1].len:
            raise _Missing(element)
        return False

    def _at(self, element: Id) -> Place | None:
        client, clock = element
        run = self._base.runs.get(client)
        if run is None or clock >= run.end:
            run = self.layer.runs[client]
        return run.at(clock)

    def _is_gone(self, element: Id) -> bool:
        """Whether yrs has dropped an element's content before it looks for the element's children."""
        client, clock = element
        return any(clock in known[client] for known in (self._deleted, self._gone) if client in known)

    def _check_cut(self, client: int, clock: int) -> None:
        if self._base.cuts(client, clock) or self.layer.cuts(client, clock):
            raise MalformedUpdate("a cut through the middle of a character")


class _Missing(Exception):
    """An update needs an element that neither it nor the doc has."""

    def __init__(self, element: Id) -> None:
        self.element = element


def _same(left: Place | None, right: Place | None) -> Place | None:
    """The place both neighbours give; yrs would mix up two rows if they gave two."""
    if left is None or right is None or left is right:
        return left or right
    raise MalformedUpdate("a struct between neighbours of different places")

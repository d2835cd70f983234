"""The index of a doc's structs: whose client ids they have, which rows they are in, what is deleted."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from pycrdt import Doc, Map

from syncchat.core.lib0 import encode_state
from syncchat.core.places import Layer, Place, Row
from syncchat.core.plan import Plan
from syncchat.core.ranges import Ranges, Run
from syncchat.core.update import ANY, DELETED, Id, Struct, Update, decode, read_json
from syncchat.errors import MalformedUpdate

WEIGH_EVERY: Final = 8
"""Updates after which a doc that looks too large is weighed anew; weighing costs a copy of it."""


class Source(Protocol):
    """The doc's present state as an update; what is beyond a state vector, if one is given."""

    def __call__(self, state: bytes | None = None) -> bytes:
        """All of it, or what who has `state` lacks."""


Read = Callable[[Row], object]
"""Tells what a row of the doc is now, None if it is not there."""


class StructIndex:
    """The index of one doc; it has to be told of every update the doc gets, in the same order.

    `source` is the doc's `get_update`: what two concurrent writes to one key deleted is in no
    update, and is learnt from there. `read` tells what a row of the doc is; without it, that costs a
    copy of the doc.

    `owner` says who owns a client id. Whoever keeps owners durably reads after each accepted update
    which of `plan.layer.runs` nobody owned before, stores these client ids with their user before
    or together with the update, and gives all that is stored to `claim` when the doc is loaded.
    """

    def __init__(self, source: Source | None = None, read: Read | None = None) -> None:
        self.owner: dict[int, str] = {}
        self.row_count = 0
        """Rows that the doc ever had."""
        self.size = 0
        """The doc's state in bytes, or somewhat more."""
        self._source = source
        self._read = read
        self._layer = Layer()
        self._deleted: dict[int, Ranges] = {}
        self._is_durable = False
        self._is_fresh = False
        self._unweighed = 0

    @classmethod
    def load(
        cls,
        state: bytes,
        owner_of: Callable[[Row], str | None] | None = None,
        source: Source | None = None,
        read: Read | None = None,
    ) -> "StructIndex":
        """The index of a doc from its full state (`doc.get_update()`).

        `owner_of` tells the one user who may write a row, or None; from it follows who owns the
        client ids under which there is something to be read. What was deleted tells nothing, as a
        moderator may have written it over another's message, and neither does garbage: for those
        ids see `claim`. Raises MalformedUpdate if `state` is no whole state.
        """
        index = cls(source, read)
        plan = index.plan(decode(state))
        if plan.missing is not None:
            raise MalformedUpdate("a doc's state that lacks a part of itself")
        index.extend(plan)
        index.size = len(state)
        if owner_of is not None:
            index._derive_owners(plan, owner_of)
        return index

    def claim(self, owners: Mapping[int, str]) -> None:
        """Take in the owners that were stored; from now on a client id that has none is nobody's.

        They count for more than what the rows tell. A client id whose owner neither tells (of a
        time when owners were not stored yet, and garbage is all that is left of it) has nobody who
        could be known to go on under it.
        """
        self.owner.update(owners)
        self._is_durable = True

    def knows(self, client: int) -> bool:
        """Whether there is anything under this client id."""
        return client in self._layer.runs

    def is_nobodys(self, client: int) -> bool:
        """Whether somebody has written under this client id and it is certain that nobody can tell who."""
        return self._is_durable and client in self._layer.runs and client not in self.owner

    def has(self, row: Row) -> bool:
        """Whether the doc ever had this row; garbage of the time before it was loaded does not count."""
        return row in self._layer.places

    def holder(self, place: Place) -> Id | None:
        """The element that is the shared type around a place, None for a root; looks at all places."""
        known = self._layer.places.items()
        return next((of for (of, _), found in known if found is place and not isinstance(of, str)), None)

    def is_deleted(self, element: Id) -> bool:
        """Whether an element is known to be deleted."""
        client, clock = element
        return client in self._deleted and clock in self._deleted[client]

    @property
    def client_count(self) -> int:
        """How many client ids there are."""
        return len(self._layer.runs)

    def state(self) -> dict[int, int]:
        """How many clocks of each client id are known: the doc's state vector."""
        return {client: run.end for client, run in self._layer.runs.items()}

    def plan(self, update: Update) -> Plan:
        """What `update` would add; raises MalformedUpdate if it contradicts itself or the doc."""
        return Plan(self._layer, self._deleted, update)

    def extend(self, plan: Plan, user: str | None = None) -> None:
        """Take in a plan made from the index as it is now, which is used up by that.

        `user` becomes the owner of the client ids nobody owned.
        """
        if user is not None:
            for client in plan.layer.runs:
                self.owner.setdefault(client, user)
        layer = plan.layer
        for struct, start, place in plan.placed:
            self.size += struct.size
            if place is not None:
                place.elements += struct.clock + struct.len - start
                place.buried = False
        for place in plan.tombstones:
            place.buried = True
        for place in layer.places.values():
            if place.depth == 0:
                self.row_count += 1
        self._unweighed += 1
        self._is_fresh = False
        self._layer.merge(layer)
        for client, start, end in plan.removed:
            self._deleted.setdefault(client, Ranges()).add(start, end)

    def rows(self, update: Update) -> set[Row]:
        """The rows `update` touches, also where it is known already; those of garbage are not known.

        Raises MalformedUpdate as `plan` does.
        """
        rows = self.plan(update).rows
        ranges = [(s.client, s.clock, s.clock + s.len) for run in update.structs.values() for s in run]
        ranges += [(client, clock, clock + length) for client, clock, length in update.deletes]
        for client, start, end in ranges:
            run = self._layer.runs.get(client)
            if run is not None and start < run.end:
                rows.update(place.row for place in run.over(start, min(end, run.end)) if place is not None)
        return rows

    def refresh(self) -> bool:
        """Learn from the doc itself what is deleted; False if it can tell nothing new, or cannot be asked."""
        if self._source is None or self._is_fresh:
            return False
        for client, clock, length in decode(self._source(encode_state(self.state()))).deletes:
            self._deleted.setdefault(client, Ranges()).add(clock, clock + length)
        self._is_fresh = True
        return True

    def source(self) -> bytes:
        """The doc's present state; raises ValueError if there is no way to ask the doc."""
        if self._source is None:
            raise ValueError("only an index with a source can tell what its doc says")
        return self._source()

    def value(self, row: Row) -> object:
        """What a row of the doc is now; None if it is not there. Raises ValueError as `source` does."""
        if self._read is not None:
            return self._read(row)
        doc: Doc[Any] = Doc()
        doc.apply_update(self.source())
        return doc.get(row[0], type=Map).get(row[1])

    def weigh(self) -> int:
        """`size`, freed of what has been deleted since, unless the doc was asked only a few updates ago."""
        if self._source is not None and self._unweighed >= WEIGH_EVERY:
            self.size = len(self._source())
            self._unweighed = 0
        return self.size

    def _derive_owners(self, plan: Plan, owner_of: Callable[[Row], str | None]) -> None:
        owners: dict[int, set[str]] = {}
        for struct, _, place in plan.placed:
            owner = None if place is None or struct.kind == DELETED else owner_of(place.row)
            if owner is not None:
                owners.setdefault(struct.client, set()).add(_signed_by(struct) or owner)
        self.owner.update((client, users.pop()) for client, users in owners.items() if len(users) == 1)


def _signed_by(struct: Struct) -> str | None:
    """Who wrote a tombstone over a message; that may be a moderator and not the message's author."""
    content = struct.content
    if struct.kind != ANY or not isinstance(content, list) or not isinstance(content[0], str):
        return None
    try:
        value = read_json(content[0]) if '"by"' in content[0] or "\\u" in content[0] else None
    except MalformedUpdate:
        return None
    by = value.get("by") if isinstance(value, dict) else None
    return by if isinstance(by, str) else None


def touched_rows(data: bytes) -> set[Row]:
    """The rows an update names by itself, as far as that can be told without the doc.

    An overwrite or a delete of what the update does not contain names no row. Raises MalformedUpdate.
    """
    update = decode(data)
    unseen: dict[int, int] = {}
    for run in update.structs.values():
        for struct in run:
            for element in (struct.origin, struct.right_origin, struct.parent):
                if isinstance(element, tuple):
                    unseen[element[0]] = max(unseen.get(element[0], 0), element[1] + 1)
    for client, clock, length in update.deletes:
        unseen[client] = max(unseen.get(client, 0), clock + length)
    unseen.update((client, run[0].clock) for client, run in update.structs.items())
    context = Layer()
    context.runs = {client: _garbage(clock) for client, clock in unseen.items() if clock}
    return Plan(context, {}, update).rows


def _garbage(end: int) -> Run[Place | None]:
    run: Run[Place | None] = Run()
    run.append(end, None)
    return run

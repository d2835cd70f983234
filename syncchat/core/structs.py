"""The index of a doc's structs: whose client ids they have, which rows they are in, what is deleted."""

from collections.abc import Callable

from syncchat.core.places import Layer, Place, Row
from syncchat.core.plan import Plan
from syncchat.core.ranges import Ranges, Run
from syncchat.core.update import Update, decode
from syncchat.errors import MalformedUpdate


class StructIndex:
    """The index of one doc; it has to be told of every update the doc gets, in the same order.

    `owner` says who owns a client id. `source` returns the doc's present state as an update:
    what two concurrent writes to one key deleted is in no update, and is learnt from there.
    """

    def __init__(self, source: Callable[[], bytes] | None = None) -> None:
        self.owner: dict[int, str] = {}
        self._source = source
        self._layer = Layer()
        self._deleted: dict[int, Ranges] = {}

    @classmethod
    def load(
        cls,
        state: bytes,
        owner_of: Callable[[Row], str | None] | None = None,
        source: Callable[[], bytes] | None = None,
    ) -> "StructIndex":
        """The index of a doc from its full state (`doc.get_update()`).

        `owner_of` tells the one user who may write a row, or None; from it follows who owns
        a client id. Nothing tells it for an id of which only garbage is left: the first to
        write under it owns it then. Raises MalformedUpdate if `state` is no whole state.
        """
        index = cls(source)
        plan = index.plan(decode(state))
        if plan.missing is not None:
            raise MalformedUpdate("a doc's state that lacks a part of itself")
        index.extend(plan)
        if owner_of is not None:
            index._derive_owners(owner_of)
        return index

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
        for struct, start, place in plan.placed:
            if place is not None:
                place.elements += struct.clock + struct.len - start
        self._layer.merge(plan.layer)
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
        """Learn from the doc itself what is deleted; False if there is no way to ask it."""
        if self._source is None:
            return False
        for client, clock, length in decode(self._source()).deletes:
            self._deleted.setdefault(client, Ranges()).add(clock, clock + length)
        return True

    def _derive_owners(self, owner_of: Callable[[Row], str | None]) -> None:
        for client, run in self._layer.runs.items():
            owners = {owner_of(place.row) for place in run.values if place is not None} - {None}
            if len(owners) == 1:
                self.owner[client] = str(owners.pop())


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

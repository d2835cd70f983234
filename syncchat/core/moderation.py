"""What a moderator may do to what others wrote: delete it, by name, for good, and nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

from pycrdt import Doc, Map

from syncchat.core.bodies import is_tombstone
from syncchat.core.codec import load
from syncchat.core.grant import Role
from syncchat.core.message import read_body
from syncchat.core.places import Place, Row
from syncchat.core.plan import Plan
from syncchat.core.schema import SERVER, Content, Schema, Writer
from syncchat.core.structs import StructIndex
from syncchat.core.update import Id, Update
from syncchat.errors import Refused


def may_touch(foreign: Mapping[Place, str], writer: Writer, schema: Schema, *, delete: bool) -> bool:
    """Whether places of others may be deleted from, or written to, as far as their roots tell that."""
    if writer.role is not Role.MODERATOR or SERVER in foreign.values():
        return False
    roots = {schema.root(place.row[0]) for place in foreign}
    return all(
        root is not None and (root.content is Content.MESSAGE or (delete and root.removable))
        for root in roots
    )


def messages_among(places: Iterable[Place], schema: Schema) -> set[Row]:
    """The rows of messages among the rows of these places."""
    rows = {place.row for place in places}
    return {row for row in rows if (root := schema.root(row[0])) and root.content is Content.MESSAGE}


def check_removals(plan: Plan, index: StructIndex, places: Iterable[Place]) -> None:
    """Raise Refused (G12) for a text of another's of which a part is deleted and the rest would stay."""
    for place in places:
        holder = index.holder(place) if place.depth else None
        if holder is not None and not index.is_deleted(holder) and not _removes(plan, holder):
            raise Refused("G12", "a moderator deletes all of a text or nothing of it", (place.row,))


def _removes(plan: Plan, element: Id) -> bool:
    client, clock = element
    return any(of == client and start <= clock < end for of, start, end in plan.removed)


def raised(plan: Plan, index: StructIndex, writer: Writer, schema: Schema) -> tuple[Row, ...]:
    """The messages of the writer's own that it would change although somebody else has deleted them.

    That is for their rows, and for a stream that would begin under the same id: both are on screens.
    Removals count, for what is written next would stand where no tombstone is any more.
    """
    if writer.is_server:
        return ()
    shown = schema.shown
    rows: set[Row] = set()
    for place in plan.emptied:
        if place is not None and place.depth == 0 and index.has(place.row):
            rows.add(place.row)
    for _, _, place in plan.placed:
        if place is not None and place.depth == 0 and place.row[0] in shown:
            row = (shown[place.row[0]], place.row[1])
            if index.has(row):
                rows.add(row)
    return tuple(sorted([row for row in rows if _is_buried(row, index, writer, schema)])) if rows else ()


def _is_buried(row: Row, index: StructIndex, writer: Writer, schema: Schema) -> bool:
    root = schema.root(row[0])
    if root is None or root.content is not Content.MESSAGE or schema.owner_of(row) != writer.user:
        return False
    body = read_body(load(index.value(row)))
    return body is not None and body.deleted and body.by not in (None, writer.user)


def check_burials(update: Update, index: StructIndex, rows: set[Row], writer: Writer, schema: Schema) -> None:
    """Raise Refused (G12) unless each of these messages of others stays, or becomes a tombstone by `writer`.

    Which of two writes to a row wins is for yrs to say: so the outcome is looked at, on a copy.
    That costs a load of the doc, and only moderators' deletions of messages come here.
    """
    if not rows:
        return
    doc: Doc[Any] = Doc()
    doc.apply_update(index.source())
    before = {row: doc.get(row[0], type=Map).get(row[1]) for row in rows}
    doc.apply_update(update.data)
    for row in rows:
        after = doc.get(row[0], type=Map).get(row[1])
        if after == before[row]:
            continue
        if not is_tombstone(load(after), writer.user):
            raise Refused("G12", "a moderator deletes what others wrote by name", (row,))
        if not index.has(row) and not _has_begun(row, index, schema):
            raise Refused("G12", "there is no such message to delete", (row,))


def _has_begun(row: Row, index: StructIndex, schema: Schema) -> bool:
    root = schema.root(row[0])
    return root is not None and root.follows is not None and index.has((root.follows, row[1]))

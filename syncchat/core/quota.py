"""How much there may be in a doc; what deletes always goes through."""

from syncchat.core.places import Place, Row
from syncchat.core.plan import Plan
from syncchat.core.schema import Schema
from syncchat.core.structs import StructIndex
from syncchat.core.update import Update
from syncchat.errors import Refused


def begun(plan: Plan, index: StructIndex, schema: Schema) -> list[Place]:
    """The places of rows that the doc never had, under their key in another root neither."""
    places = []
    roots, others = schema.roots, schema.others
    for place in plan.layer.places.values():
        if place.depth == 0:
            root = roots.get(place.row[0], others)
            if root is None or root.follows is None or not index.has((root.follows, place.row[1])):
                places.append(place)
    return places


def check_quotas(plan: Plan, update: Update, index: StructIndex, schema: Schema) -> None:
    """Raise Refused (G13) if there would be too many rows, bytes or client ids, or too many written at once.

    At its limit a doc still takes every deletion: what is removed, and one tombstone over each message.
    """
    if len(plan.placed) > schema.max_touched:
        rows = plan.written_rows
        if len(rows) > schema.max_touched:
            raise Refused("G13", f"an update may write {schema.max_touched} rows", _some(rows))
    over = _over(plan, update, index, schema)
    if over is not None and not _only_buries(plan, index, schema):
        reason = f"the doc is full: it may have {over}. What is in it can be deleted"
        raise Refused("G13", reason, _some(plan.written_rows))


def _over(plan: Plan, update: Update, index: StructIndex, schema: Schema) -> str | None:
    """Which quota the update goes beyond, if any."""
    if index.row_count + len(plan.layer.places) > schema.max_rows:  # not all of these are rows, or new
        rows = len(begun(plan, index, schema))
        if rows and index.row_count + rows > schema.max_rows:
            return f"{schema.max_rows} rows"
    if index.client_count + len(plan.layer.runs) > schema.max_clients:  # not all of these are new
        clients = [client for client in plan.layer.runs if not index.knows(client)]
        if clients and index.client_count + len(clients) > schema.max_clients:
            return f"{schema.max_clients} client ids"
    if index.size + update.size > schema.max_size:  # an update may also hold what the doc has already
        size = sum(struct.size for struct, _, _ in plan.placed)
        if index.size + size > schema.max_size and index.weigh() + size > schema.max_size:
            return f"{schema.max_size} bytes"
    return None


def _only_buries(plan: Plan, index: StructIndex, schema: Schema) -> bool:
    """Whether all that is written are first tombstones over messages that are there."""
    new = set(begun(plan, index, schema))
    return all(
        place in plan.tombstones and place not in new and not place.buried for _, _, place in plan.placed
    )


def _some(rows: set[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows))

"""What an untrusted update may do to a doc, decided before the doc sees it."""

from collections.abc import Iterable
from typing import NamedTuple

from syncchat.core.places import Place, Row
from syncchat.core.plan import Plan
from syncchat.core.schema import SERVER, Content, Root, Schema
from syncchat.core.structs import StructIndex
from syncchat.core.update import (
    ANY,
    DELETED,
    DOC,
    STRING,
    TYPE,
    TYPE_TEXT,
    Id,
    Struct,
    Update,
    check_json,
)
from syncchat.errors import InvalidName, MalformedUpdate, Refused


class Accept(NamedTuple):
    """The update may be applied; then `index.extend(accept.plan, user)` has to follow.

    `rows` are those it changes; an update that brings nothing new has an empty `plan`.
    """

    plan: Plan

    @property
    def rows(self) -> frozenset[Row]:
        """The rows that are written to or deleted from."""
        return frozenset(self.plan.rows)

    @property
    def is_news(self) -> bool:
        """Whether the update brings anything that the doc does not have."""
        return bool(self.plan.placed or self.plan.removed)


class Gap(NamedTuple):
    """The update needs the element `missing`, which the doc lacks: ask the sender for the difference."""

    missing: Id


Verdict = Accept | Gap


def judge(update: Update, index: StructIndex, *, user: str, schema: Schema, server: bool = False) -> Verdict:
    """Decide about an update from `user`, or from the server itself.

    What the doc has already is not judged again, so a client may send everything it has. Changes
    nothing (but may refresh what the index knows of deletions). Raises Refused with the rule, a
    reason and the rows; MalformedUpdate for what contradicts itself or the doc.
    """
    if update.size > schema.max_update:
        raise Refused("G6", f"an update of more than {schema.max_update} bytes")
    plan = index.plan(update)
    if plan.missing is not None:
        return Gap(plan.missing)
    who = SERVER if server else user
    written = {place for _, _, place in plan.placed}
    written.discard(None)
    _check_rows(written, who, schema)
    if plan.emptied:
        if _foreign(plan.emptied, who, schema) and index.refresh():
            plan = index.plan(update)
        _check_rows(plan.emptied, who, schema)
    for client in plan.layer.runs:
        if index.owner.get(client, who) != who:
            raise Refused("G5", f"the client id {client} belongs to somebody else", _rows(written))
    _check_content(plan, schema)
    return Accept(plan)


# Who may write a row


def _check_rows(places: Iterable[Place | None], who: str, schema: Schema) -> None:
    foreign = []
    for place in places:
        if place is None:
            continue
        root = schema.root(place.row[0])
        if root is None:
            raise Refused("G2", f"there is no root {place.row[0][:60]!r}", (place.row,))
        owner = _owner(root, place.row)
        if owner is not None and owner != who and who != SERVER:
            foreign.append((place, owner))
    if foreign:
        rule = "G3" if any(owner == SERVER for _, owner in foreign) else "G1"
        reason = "only the server writes these rows" if rule == "G3" else "these rows belong to somebody else"
        raise Refused(rule, reason, _rows(place for place, _ in foreign))


def _foreign(places: Iterable[Place | None], who: str, schema: Schema) -> bool:
    owners = {schema.owner_of(place.row) for place in places if place is not None}
    return not owners <= {None, who}


def _owner(root: Root, row: Row) -> str | None:
    try:
        return root.owner(row[1])
    except InvalidName as error:
        raise Refused("G1", f"no key of {row[0]}: {error}", (row,)) from None


def _rows(places: Iterable[Place | None]) -> tuple[Row, ...]:
    return tuple(sorted({place.row for place in places if place is not None}))


# What may be written


def _check_content(plan: Plan, schema: Schema) -> None:
    added: dict[Place, int] = {}
    for struct, start, place in plan.placed:
        if place is None or struct.kind == DELETED:
            continue
        root = schema.root(place.row[0])
        assert root is not None, "the rows have been checked before their content"
        if struct.size > root.max_bytes:
            raise Refused("G6", f"a write of more than {root.max_bytes} bytes", (place.row,))
        if place.depth > schema.max_depth:
            raise Refused("G6", f"shared types more than {schema.max_depth} deep", (place.row,))
        match root.content:
            case Content.TEXT:
                _check_text(struct, place)
                if struct.kind == STRING:
                    added[place] = added.get(place, 0) + struct.clock + struct.len - start
                    if place.elements + added[place] > root.max_bytes:
                        raise Refused("G6", f"a text of more than {root.max_bytes} characters", (place.row,))
            case Content.JSON:
                _check_json(struct, place)
            case Content.ANYTHING:
                if struct.kind == DOC:
                    raise Refused("G6", "a doc inside a doc", (place.row,))


def _check_text(struct: Struct, place: Place) -> None:
    if place.depth == 0:
        fits = struct.kind == TYPE and struct.content == TYPE_TEXT and place.key is not None
    else:
        fits = struct.kind == STRING and place.key is None
    if not fits:
        raise Refused("G6", f"a row of {place.row[0]} is a text without formatting", (place.row,))


def _check_json(struct: Struct, place: Place) -> None:
    content = struct.content
    if place.depth or place.key is None or struct.kind != ANY or not isinstance(content, list):
        raise Refused("G6", f"a row of {place.row[0]} is one text of JSON", (place.row,))
    if len(content) != 1 or not isinstance(content[0], str):
        raise Refused("G6", f"a row of {place.row[0]} is one text of JSON", (place.row,))
    try:
        check_json(content[0])
    except MalformedUpdate as error:
        raise Refused("G6", f"a row of {place.row[0]} is not JSON: {error}", (place.row,)) from None

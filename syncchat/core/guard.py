"""What an untrusted update may do to a doc, decided before the doc sees it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from syncchat.core.contents import check_contents
from syncchat.core.grant import Role
from syncchat.core.moderation import check_burials, check_removals, may_touch, messages_among, raised
from syncchat.core.places import Place, Row
from syncchat.core.plan import Plan
from syncchat.core.quota import begun, check_quotas
from syncchat.core.schema import SERVER, Schema, Writer
from syncchat.core.structs import StructIndex
from syncchat.core.update import Id, Update
from syncchat.errors import InvalidName, Refused

MAX_AHEAD: Final = 60_000
"""How far ahead of the server's clock the time of a new row may be, in milliseconds."""


_writer = lru_cache(maxsize=4096)(Writer)


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


def judge(
    update: Update,
    index: StructIndex,
    *,
    user: str,
    role: Role,
    now: int | None = None,
    schema: Schema,
    server: bool = False,
) -> Verdict:
    """Decide about an update from `user` in this role, or from the server itself.

    `now` is the server's clock in milliseconds since 1970; None leaves times unjudged. What the doc
    has already is not judged again, so a client may send everything it has. Changes nothing (but may
    refresh what the index knows of deletions and of the doc's size). Raises Refused with the rule, a
    reason and the rows; MalformedUpdate for what contradicts itself or the doc.
    """
    if update.size > schema.max_update:
        raise Refused("G6", f"an update of more than {schema.max_update} bytes")
    writer = _writer(SERVER if server else user, role)
    writes = writer.writes
    plan = index.plan(update)
    if plan.missing is not None and writes:
        return Gap(plan.missing)
    foreign = _check_written(plan, writer, schema) if writes else set()
    if plan.removed and not _may_delete(plan, writer, schema) and index.refresh():
        plan = index.plan(update)
    if not writes and (plan.is_news or plan.missing is not None):
        raise Refused("G11", "a reader changes nothing", _rows(plan.places))
    if plan.removed:
        foreign |= _check_deleted(plan, index, writer, schema)
    if (rows := raised(plan, index, writer, schema)) and plan.removed and index.refresh():
        plan = index.plan(update)  # what has been deleted already is no change
        rows = raised(plan, index, writer, schema)
    if rows:
        raise Refused("G12", "a moderator has deleted that message", rows)
    if plan.placed:
        _check_clients(plan, index, writer, schema)
        check_contents(plan, writer, schema)
        if not server:
            if now is not None and plan.layer.places:
                _check_times(plan, index, now, schema)
            check_quotas(plan, update, index, schema)
    if foreign:
        check_burials(update, index, messages_among(foreign, schema), writer, schema)
    return Accept(plan)


# Whose rows they are


def _foreign(places: Iterable[Place | None], writer: Writer, schema: Schema) -> dict[Place, str]:
    """Those of the places that are in rows of others, and whose; raises Refused for what is in no row."""
    foreign = {}
    user, roots, others = writer.user, schema.roots, schema.others
    for place in places:
        if place is None:
            continue
        row = place.row
        root = roots.get(row[0], others)
        if root is None:
            raise Refused("G2", f"there is no root {row[0][:60]!r}", (row,))
        try:
            owner = root.owner(row[1])
        except InvalidName as error:
            raise Refused("G1", f"no key of {row[0]}: {error}", (row,)) from None
        if owner is not None and owner != user and not writer.is_server:
            foreign[place] = owner
    return foreign


def _check_written(plan: Plan, writer: Writer, schema: Schema) -> set[Place]:
    foreign = _foreign({place for _, _, place in plan.placed}, writer, schema)
    if not foreign:
        return set()
    if not may_touch(foreign, writer, schema, delete=False):
        raise _trespass(foreign, writer)
    return set(foreign)


def _may_delete(plan: Plan, writer: Writer, schema: Schema) -> bool:
    foreign = _foreign(plan.emptied, writer, schema)
    return writer.writes and (not foreign or may_touch(foreign, writer, schema, delete=True))


def _check_deleted(plan: Plan, index: StructIndex, writer: Writer, schema: Schema) -> set[Place]:
    foreign = _foreign(plan.emptied, writer, schema)
    if foreign and not may_touch(foreign, writer, schema, delete=True):
        raise _trespass(foreign, writer)
    check_removals(plan, index, foreign)
    return set(foreign)


def _trespass(foreign: Mapping[Place, str], writer: Writer) -> Refused:
    rows = _rows(foreign)
    if SERVER in foreign.values():
        return Refused("G3", "only the server writes these rows", rows)
    if writer.role is Role.MODERATOR:
        return Refused("G12", "a moderator deletes what others wrote, and changes nothing else of it", rows)
    return Refused("G1", "these rows belong to somebody else", rows)


def _rows(places: Iterable[Place | None]) -> tuple[Row, ...]:
    return tuple(sorted({place.row for place in places if place is not None}))


# Whose clocks they are, and what times they tell


def _check_clients(plan: Plan, index: StructIndex, writer: Writer, schema: Schema) -> None:
    for client in plan.layer.runs:
        owner = index.owner.get(client)
        if owner is None:
            if schema.adopts or not index.is_nobodys(client):
                continue
            reason = f"nobody knows whose the client id {client} is"
        elif owner == writer.user:
            continue
        else:
            reason = f"the client id {client} belongs to somebody else"
        raise Refused("G5", reason, _rows(place for _, _, place in plan.placed))


def _check_times(plan: Plan, index: StructIndex, now: int, schema: Schema) -> None:
    ahead = []
    for place in begun(plan, index, schema):
        root = schema.root(place.row[0])
        stamp = None if root is None else root.stamp(place.row[1])
        if stamp is not None and stamp > now + MAX_AHEAD:
            ahead.append(place)
    if ahead:
        limit = MAX_AHEAD // 1000
        raise Refused("G9", f"their time is more than {limit} s ahead of the server's clock", _rows(ahead))

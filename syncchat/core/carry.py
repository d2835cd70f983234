"""Writing again in one doc what was changed in another: how a replica is built anew."""

from collections.abc import Iterable
from typing import Any

from pycrdt import Array, Doc, Map, Text

from syncchat.core.codec import MISSING, dump, load
from syncchat.core.lib0 import decode_state
from syncchat.core.places import Row
from syncchat.core.refusal import MAX_KEPT_TEXT
from syncchat.core.structs import StructIndex
from syncchat.core.update import SKIP, decode
from syncchat.errors import MalformedUpdate, SyncchatError


class CannotCarry(SyncchatError):
    """A row of a kind that cannot be written again in another doc: XML, a doc inside the doc."""


def merged(*docs: Doc[Any]) -> Doc[Any]:
    """A doc that has what all of them have; they stay as they are."""
    whole: Doc[Any] = Doc()
    for doc in docs:
        whole.apply_update(doc.get_update())
    return whole


def rows_beyond(more: Doc[Any], doc: Doc[Any]) -> list[Row]:
    """The rows that `more`, which has all of `doc`, has changed beyond it, sorted.

    Raises MalformedUpdate if there is something in either that no guard would let pass.
    """
    index = StructIndex.load(doc.get_update())
    return sorted(index.plan(decode(more.get_update(doc.get_state()))).rows)


def rows_of(update: bytes, doc: Doc[Any]) -> set[Row]:
    """The rows that an update touches, which `doc` has taken in. Raises MalformedUpdate."""
    return StructIndex.load(doc.get_update()).rows(decode(update))


def rows_since(state: bytes | None, doc: Doc[Any]) -> set[Row]:
    """The rows written since the doc had this state vector; all rows if its log has lost a part of it."""
    try:
        index = StructIndex.load(doc.get_update())
        return index.rows(decode(doc.get_update(state))._replace(deletes=[]))
    except MalformedUpdate:
        return {(root, key) for root in list(doc.keys()) for key in list(_root(doc, root).keys())}


def is_beyond(more: Doc[Any], doc: Doc[Any]) -> bool:
    """Whether `more` has anything, a deletion for one, that `doc` has not."""
    try:
        plan = StructIndex.load(doc.get_update()).plan(decode(more.get_update(doc.get_state())))
    except MalformedUpdate:
        return True
    return plan.is_news or plan.missing is not None


def fits(update: bytes, doc: Doc[Any]) -> bool:
    """Whether a doc has all that an update builds on. Raises MalformedUpdate."""
    read = decode(update)
    state = decode_state(doc.get_state())
    ends = state | {client: run[-1].clock + run[-1].len for client, run in read.structs.items()}
    structs = [struct for run in read.structs.values() for struct in run]
    if any(run[0].clock > state.get(client, 0) for client, run in read.structs.items()):
        return False
    if any(
        struct.kind == SKIP and struct.clock + struct.len > state.get(struct.client, 0) for struct in structs
    ):
        return False
    needed = [
        element
        for struct in structs
        for element in (struct.origin, struct.right_origin, struct.parent)
        if isinstance(element, tuple)
    ]
    needed += [(client, clock + length - 1) for client, clock, length in read.deletes]
    return all(clock < ends.get(client, 0) for client, clock in needed)


def groups(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that belong together: a message and the stream it grew from are written in one transaction."""
    together: dict[Row, list[Row]] = {}
    for root, key in rows:
        name = "messages" if root == "streams" else root
        together.setdefault((name, key), []).append((root, key))
    return list(together.values())


def text_of(doc: Doc[Any], row: Row) -> str:
    """What a row says, for a person to copy; nothing if it is not there."""
    value = _root(doc, row[0]).get(row[1]) if row[1] else None
    if isinstance(value, Text):
        return str(value)[:MAX_KEPT_TEXT]
    body = load(value)
    if isinstance(body, dict) and isinstance(body.get("text"), str):
        return str(body["text"])[:MAX_KEPT_TEXT]
    text = value if isinstance(value, str) else "" if value is None else dump(_printable(content(value)))
    return text[:MAX_KEPT_TEXT]


def remove(doc: Doc[Any], row: Row) -> None:
    """Take a row out, if it is there; call it inside a transaction."""
    if row[1] and row[1] in _root(doc, row[0]):
        del _root(doc, row[0])[row[1]]


def carry(
    row: Row, source: Doc[Any], target: Doc[Any], to: Row | None = None, text: str | None = None
) -> bool:
    """Make a row of `target` what it is in `source`; False if it was so. Call it inside a transaction.

    `to` is the row in `target`, if it has another name there; `text` is written in place of what
    `source` has. Maps are carried key by key and texts by what differs, so that what others wrote into
    them meanwhile stays. Raises CannotCarry, with nothing written.
    """
    root, key = to or row
    if not row[1]:
        raise CannotCarry(f"what {root[:60]!r} holds has no keys")
    value = _root(source, row[0]).get(row[1], MISSING) if text is None else text
    return _put(_root(target, root), key, value)


def content(value: Any) -> Any:
    """A value of a doc as something that compares: of two kinds, none is equal."""
    match value:
        case Text():
            return ("text", str(value))
        case Map():
            return ("map", {key: content(value[key]) for key in list(value.keys())})
        case Array():
            return ("array", [content(item) for item in value])
        case bytearray():
            return bytes(value)
    return value


def _root(doc: Doc[Any], name: str) -> Map[Any]:
    root: Map[Any] = doc.get(name, type=Map)
    return root


def _put(target: Map[Any], key: str, value: Any) -> bool:
    present = target.get(key, MISSING)
    if content(present) == content(value):
        return False
    if value is MISSING:
        del target[key]
    elif isinstance(present, Map) and isinstance(value, Map):
        for inner in sorted({*present.keys(), *value.keys()}):
            _put(present, inner, value.get(inner, MISSING))
    elif isinstance(present, Text) and isinstance(value, Text):
        _rewrite(present, str(value))
    else:
        target[key] = _clone(value)
    return True


def _rewrite(text: Text, wanted: str) -> None:
    """Change a text where it differs; yrs counts bytes of UTF-8."""
    present = str(text)
    start = _common(present, wanted)
    end = _common(present[start:][::-1], wanted[start:][::-1])
    first, last = len(present[:start].encode()), len(present[: len(present) - end].encode())
    if last > first:
        del text[first:last]
    if added := wanted[start : len(wanted) - end]:
        text.insert(first, added)


def _common(one: str, other: str) -> int:
    length = min(len(one), len(other))
    return next((at for at in range(length) if one[at] != other[at]), length)


def _clone(value: Any) -> Any:
    match value:
        case Text():
            return Text(str(value))
        case Map():
            return Map({key: _clone(value[key]) for key in list(value.keys())})
        case Array():
            return Array([_clone(item) for item in value])
        case bytearray():
            return bytes(value)
        case None | str() | bool() | int() | float() | bytes() | list() | dict():
            return value
    raise CannotCarry(f"a {type(value).__name__} cannot be written again")


def _printable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | list | dict | tuple) else repr(type(value))

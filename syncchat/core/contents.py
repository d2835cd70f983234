"""What may be written into the rows of a doc, whoever they belong to."""

from typing import Any, Final

from syncchat.core.bodies import check_body, is_tombstone
from syncchat.core.places import Place
from syncchat.core.plan import Plan
from syncchat.core.schema import Content, Root, Schema, Writer
from syncchat.core.update import ANY, DELETED, DOC, STRING, TYPE, TYPE_TEXT, Struct, read_json
from syncchat.errors import MalformedUpdate, Refused

_MESSAGE: Final = Content.MESSAGE
_TEXT: Final = Content.TEXT
_JSON: Final = Content.JSON
"""Python 3.11 looks a member up slowly, and the guard asks with each update."""


def check_contents(plan: Plan, writer: Writer, schema: Schema) -> None:
    """Raise Refused for content that has no place in its row; notes in the plan which are tombstones.

    The rows have been judged before.
    """
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
        content = root.content
        if content is _MESSAGE:
            _check_message(struct, place, plan, root, writer)
        elif content is _TEXT:
            _check_text(struct, place)
            if struct.kind == STRING:
                added[place] = added.get(place, 0) + struct.clock + struct.len - start
                if place.elements + added[place] > root.max_bytes:
                    raise Refused("G6", f"a text of more than {root.max_bytes} characters", (place.row,))
        elif content is _JSON:
            _read_json(struct, place)
        elif struct.kind == DOC:  # of ANYTHING
            raise Refused("G6", "a doc inside a doc", (place.row,))


def _check_text(struct: Struct, place: Place) -> None:
    if place.depth == 0:
        fits = struct.kind == TYPE and struct.content == TYPE_TEXT and place.key is not None
    else:
        fits = struct.kind == STRING and place.key is None
    if not fits:
        raise Refused("G6", f"a row of {place.row[0]} is a text without formatting", (place.row,))


def _check_message(struct: Struct, place: Place, plan: Plan, root: Root, writer: Writer) -> None:
    value = _read_json(struct, place)
    if check_body(value, place.row, writer):
        plan.tombstones.add(place)
    is_own = writer.is_server or root.owner(place.row[1]) == writer.user
    if not is_own and not is_tombstone(value, writer.user):
        raise Refused("G12", "a moderator deletes what others wrote, and changes nothing of it", (place.row,))


def _read_json(struct: Struct, place: Place) -> Any:
    content = struct.content
    if place.depth or place.key is None or struct.kind != ANY or not isinstance(content, list):
        raise Refused("G6", f"a row of {place.row[0]} is one text of JSON", (place.row,))
    if len(content) != 1 or not isinstance(content[0], str):
        raise Refused("G6", f"a row of {place.row[0]} is one text of JSON", (place.row,))
    try:
        return read_json(content[0])
    except MalformedUpdate as error:
        raise Refused("G6", f"a row of {place.row[0]} is not JSON: {error}", (place.row,)) from None

"""What entries of the log say about messages: which of them are new."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pycrdt import Doc, Map

from syncchat.core.codec import load
from syncchat.core.message import Body, read_body, read_id
from syncchat.core.page import MESSAGES
from syncchat.core.update import ANY, DELETED, Struct, decode
from syncchat_server.api.reading import message_json


def new_messages(entries: Iterable[bytes], clocks: dict[int, int]) -> dict[str, Body | None]:
    """The messages that were written for the first time beyond `clocks`, which move on; by their ids.

    A first version that is gone, as it was overwritten, is None: `look_up` has the present one.
    Raises MalformedUpdate, for which no entry of a log of ours is reason.
    """
    found: dict[str, Body | None] = {}
    for entry in entries:
        for client, structs in decode(entry).structs.items():
            known = clocks.get(client, 0)
            for struct in structs:
                if struct.clock >= known and _begins_message(struct):
                    assert struct.key is not None
                    found[struct.key] = _body(struct)
            clocks[client] = max(known, structs[-1].clock + structs[-1].len)
    return {id: found[id] for id in sorted(found)}


def look_up(entries: Sequence[bytes], ids: Iterable[str]) -> dict[str, Body | None]:
    """What these messages say now, given everything that the doc holds."""
    doc: Doc[Any] = Doc()
    for entry in entries:
        doc.apply_update(entry)
    messages = doc.get(MESSAGES, type=Map)
    return {id: read_body(load(messages.get(id))) for id in ids}


def payload(room: str, id: str, body: Body) -> bytes:
    """What a receiver is told of a message: the same bytes, however often it is told."""
    event = {"type": "message.created", "data": message_json(room, id, body)}
    return json.dumps(event, ensure_ascii=False).encode()


def _begins_message(struct: Struct) -> bool:
    # Whatever is written over something else names that, and neither root nor key.
    return (
        struct.parent == MESSAGES
        and struct.kind in (ANY, DELETED)
        and struct.key is not None
        and read_id(struct.key) is not None
    )


def _body(struct: Struct) -> Body | None:
    content = struct.content
    return read_body(load(content[-1])) if isinstance(content, list) else None

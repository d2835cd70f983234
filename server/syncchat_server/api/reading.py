"""A room's messages as JSON, read from what its page holds."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

from pycrdt import Doc, Map, Text

from syncchat.core.codec import load
from syncchat.core.ids import parse_id
from syncchat.core.message import Body, printable, read_body, read_id, read_reaction
from syncchat.core.page import MESSAGES, REACTIONS, STREAMS
from syncchat_server.timestamps import time_text


class MessagePage(NamedTuple):
    """Some messages of a room, the newest last; `older` is the cursor for those before them, if any are."""

    messages: list[dict[str, object]]
    older: str | None


def read_page(room: str, state: bytes, before: str | None, limit: int) -> MessagePage:
    """The last `limit` messages before the id `before`, of all that the update `state` holds.

    Malformed ones are left out, so that there may be fewer.
    """
    doc = _doc(state)
    messages, streams = doc.get(MESSAGES, type=Map), doc.get(STREAMS, type=Map)
    ids = sorted({*messages.keys(), *streams.keys()})
    end = len(ids) if before is None else bisect_left(ids, before)
    start = max(0, end - limit)
    reactions = _reactions(doc, set(ids[start:end]))
    bodies = ((id, _body(messages, streams, id)) for id in ids[start:end])
    shown = [
        message_json(room, id, body, streaming=id not in messages, reactions=reactions.get(id, {}))
        for id, body in bodies
        if body is not None
    ]
    return MessagePage(shown, ids[start] if start else None)


def find(room: str, state: bytes, ending: str) -> dict[str, object] | None:
    """The finished message whose id ends so; None if there is none."""
    messages = _doc(state).get(MESSAGES, type=Map)
    id = next((id for id in messages.keys() if id.endswith(ending)), None)  # noqa: SIM118 - no dict
    body = None if id is None else read_body(load(messages.get(id)))
    return None if id is None or body is None else message_json(room, id, body)


def message_json(
    room: str,
    id: str,
    body: Body,
    *,
    streaming: bool = False,
    reactions: dict[str, list[str]] | None = None,
) -> dict[str, object]:
    """A message as the API tells it; see openapi.py."""
    parts = parse_id(id)
    return {
        "id": id,
        "room": room,
        "user": parts.user,
        "text": body.text,
        "time": time_text(parts.hlc),
        "re": body.re,
        "edited": None if body.edited is None else time_text(body.edited),
        "deleted": body.deleted,
        "deleted_by": body.by,
        "agent": body.agent,
        "state": body.state,
        "streaming": streaming,
        "reactions": reactions or {},
    }


def _doc(state: bytes) -> "Doc[Any]":
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return doc


def _body(messages: "Map[Any]", streams: "Map[Any]", id: str) -> Body | None:
    if read_id(id) is None:
        return None
    if id in messages:
        return read_body(load(messages.get(id)))
    text = streams.get(id)
    return Body(printable(str(text)), agent=True) if isinstance(text, Text) else None


def _reactions(doc: "Doc[Any]", ids: set[str]) -> dict[str, dict[str, list[str]]]:
    reacted: dict[str, dict[str, list[str]]] = {}
    for id, emoji, user in sorted(_reacted(doc, ids)):
        reacted.setdefault(id, {}).setdefault(emoji, []).append(user)
    return reacted


def _reacted(doc: "Doc[Any]", ids: set[str]) -> Iterator[tuple[str, str, str]]:
    for key in doc.get(REACTIONS, type=Map).keys():  # noqa: SIM118 - no dict
        reaction = read_reaction(key) if key.partition("|")[0] in ids else None
        if reaction is not None:
            yield reaction.id, reaction.emoji, reaction.user

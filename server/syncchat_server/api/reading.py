"""Messages as JSON, read from one page of a room."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from pycrdt import Doc, Map, Text

from syncchat.core.codec import load
from syncchat.core.ids import parse_id
from syncchat.core.late import Mark, read_mark
from syncchat.core.message import Body, draft_body, read_body, read_id, read_reaction
from syncchat.core.page import MARKS, MESSAGES, REACTIONS, REQUESTS, STREAMS, draft_row
from syncchat.core.timestamps import time_text
from syncchat_server.api.docs import as_doc

Json = dict[str, object]


class Part(NamedTuple):
    """Some messages of a page, sorted; `start` is the first one's id, None if none are before it there.

    `late` are those that arrived on older pages while this one was the newest: their ids and pages.
    """

    messages: list[Json]
    start: str | None
    late: list[Json]


def read_part(room: str, updates: Sequence[bytes], page: int, before: str | None, limit: int) -> Part:
    """The last `limit` messages of a page before the id `before`; late ones are told with its end only.

    Malformed ones are left out, so that there may be fewer.
    """
    doc = as_doc(updates)
    ids = _ids(doc)
    end = len(ids) if before is None else bisect_left(ids, before)
    start = max(0, end - limit)
    late = _late(doc, page)[-limit:] if before is None else []
    return Part(_messages(room, doc, ids[start:end]), ids[start] if start else None, late)


def read_message(room: str, updates: Sequence[bytes], id: str) -> Json | None:
    """One message of a page; None if it has none of this id."""
    return next(iter(_messages(room, as_doc(updates), [id])), None)


def has_message(room: str, updates: Sequence[bytes], id: str) -> bool:
    """Whether a page has a message of this id."""
    return bool(_messages(room, as_doc(updates), [id]))


def has_request(updates: Sequence[bytes], row: str) -> bool:
    """Whether a page has this row of `requests`."""
    return row in as_doc(updates).get(REQUESTS, type=Map)


def first_id(updates: Sequence[bytes]) -> str | None:
    """The smallest id on a page."""
    return min(_ids(as_doc(updates)), default=None)


def read_marks(updates: Sequence[bytes], page: int) -> list[Mark]:
    """The marks on a page, sorted by the ids of the late messages that they lead to."""
    return _marks(as_doc(updates), page)


def find(room: str, updates: Sequence[bytes], ending: str) -> Json | None:
    """The finished message whose id ends so; None if there is none."""
    if not any(ending.encode() in update for update in updates):
        return None  # keys stand in updates as they are
    messages = as_doc(updates).get(MESSAGES, type=Map)
    id = next((id for id in messages.keys() if id.endswith(ending)), None)  # noqa: SIM118 - no dict
    body = None if id is None else read_body(load(messages.get(id)))
    return None if id is None or body is None else message_json(room, id, body)


def _ids(doc: "Doc[Any]") -> list[str]:
    return sorted({*doc.get(MESSAGES, type=Map).keys(), *doc.get(STREAMS, type=Map).keys()})


def _messages(room: str, doc: "Doc[Any]", ids: Sequence[str]) -> list[Json]:
    messages, streams = doc.get(MESSAGES, type=Map), doc.get(STREAMS, type=Map)
    reactions = _reactions(doc, set(ids))
    requests = doc.get(REQUESTS, type=Map)
    bodies = ((id, _body(messages, streams, requests, id)) for id in ids)
    return [
        message_json(room, id, body, streaming=id not in messages, reactions=reactions.get(id, {}))
        for id, body in bodies
        if body is not None
    ]


def _late(doc: "Doc[Any]", page: int) -> list[Json]:
    return [mark.late._asdict() for mark in _marks(doc, page) if mark.late.page < page]


def _marks(doc: "Doc[Any]", page: int) -> list[Mark]:
    marks = (read_mark(id, load(mark), page) for id, mark in doc.get(MARKS, type=Map).items())
    return sorted((mark for mark in marks if mark is not None), key=attrgetter("late"))


def message_json(
    room: str,
    id: str,
    body: Body,
    *,
    streaming: bool = False,
    reactions: dict[str, list[str]] | None = None,
) -> Json:
    """A message as the API tells it; see schemas.py."""
    parts = parse_id(id)
    return {
        "id": id,
        "room": room,
        "user": parts.user,
        "text": body.text,
        "time": time_text(parts.hlc),
        "re": body.re,
        "of": body.of,
        "edited": None if body.edited is None else time_text(body.edited),
        "deleted": body.deleted,
        "deleted_by": body.by,
        "agent": body.agent,
        "state": body.state,
        "stopped_by": body.stopped_by,
        "problem": body.problem,
        "cites": [{"label": label, "id": id} for label, id in body.cites],
        "calls": list(body.calls),
        "streaming": streaming,
        "reactions": reactions or {},
    }


def _body(messages: "Map[Any]", streams: "Map[Any]", requests: "Map[Any]", id: str) -> Body | None:
    if read_id(id) is None:
        return None
    if id in messages:
        return read_body(load(messages.get(id)))
    text = streams.get(id)
    return draft_body(str(text), load(requests.get(draft_row(id)))) if isinstance(text, Text) else None


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

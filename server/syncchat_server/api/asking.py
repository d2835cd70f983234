"""What requests to the HTTP API say, read; whatever cannot be meant is a Problem, which repeats nothing."""

import json
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from starlette.requests import Request

from syncchat.core.ids import NAME, parse_id
from syncchat.core.message import BadText, Body, TextTooLong, check_message_text
from syncchat.errors import InvalidName
from syncchat_server.api.history import Place, read_place
from syncchat_server.api.problems import invalid, no_room, too_large
from syncchat_server.api.schemas import ASKED, MAX_KEY, NEW_MESSAGE

MAX_BODY = 128 * 1024
"""Bytes of a request's body: the longest text, with every character escaped."""


def room_of(request: Request) -> str:
    """The room in the path."""
    room: str = request.path_params["room"]
    if not NAME.match(room):
        raise no_room()
    return room


def limit_of(request: Request, default: int, most: int) -> int:
    """How many are asked for, at most."""
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise invalid(f"limit has to be a number from 1 to {most}")
    return int(text)


def check_id(text: str, what: str) -> None:
    """Nothing if it is a message's id; `what` names what it is asked for."""
    try:
        parse_id(text)
    except InvalidName as error:
        raise invalid(f"{what!r} is no message's id") from error


def place_of(request: Request) -> Place | None:
    """Where to read on from."""
    before = request.query_params.get("before")
    try:
        return None if before is None else read_place(before)
    except InvalidName as error:
        raise invalid("'before' has to be what 'next' said, or a message's id") from error


def message_of(request: Request) -> Place:
    """The message in the path, and its page if the query names it."""
    id, page = request.path_params["id"], request.query_params.get("page")
    try:
        return read_place(id if page is None else f"{page}:{id}")
    except InvalidName as error:
        raise invalid("the path has to end with a message's id, and 'page' to be a page's number") from error


def day_of(request: Request) -> str:
    """The day that is asked about: one of UTC, today if none is named."""
    text = request.query_params.get("day")
    if text is None:
        return datetime.now(UTC).date().isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise invalid("day has to be a day like 2026-11-21") from error


def key_of(request: Request) -> str | None:
    """The idempotency key, if there is one."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise invalid(f"an Idempotency-Key has 1 to {MAX_KEY} characters")
    return key


async def read_body(request: Request) -> bytes:
    """The request's body, at most MAX_BODY long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise too_large(f"a request's body has at most {MAX_BODY} bytes")
    return bytes(body)


def read_mark(data: bytes) -> str:
    """The message up to which somebody has read."""
    match _json(data):
        case {"id": str(id), **others} if not others:
            check_id(id, "id")
            return id
    raise invalid("the body has to be an object with the id of a message, and nothing else")


def read_request(data: bytes) -> tuple[str, Place]:
    """What is asked of agents, and the message that it is about."""
    match _json(data):
        case {"verb": str(verb), "id": str(id), **others} if verb in ASKED and others.keys() <= {"page"}:
            check_id(id, "id")
            page = others.get("page")
            if page is None or (type(page) is int and page >= 0):
                return verb, Place(page, id)
    raise invalid(
        f"the body has to be an object with verb ({', '.join(ASKED)}), the id of a message and maybe its page"
    )


class Since(NamedTuple):
    """Behind which message somebody asks what happened; and how many had arrived by then, if known."""

    id: str
    seen: int | None = None


def read_since(data: bytes) -> Since | None:
    """Since when somebody wants to know what happened; None if the body does not say."""
    match _json(data or b"{}"):
        case {"since": str(id), **others} if others.keys() <= {"seen"}:
            check_id(id, "since")
            seen = others.get("seen")
            if seen is None or (type(seen) is int and seen >= 0):
                return Since(id, seen)
        case {**others} if not others:
            return None
    raise invalid(
        "the body has to be an object with maybe since, a message's id, and with it maybe seen, a number, "
        "and nothing else"
    )


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise invalid("the body is no JSON") from error


def read_message(data: bytes) -> Body:
    """The message to be posted; raises Problem, which repeats nothing of what was sent."""
    told = _json(data)
    if (
        not isinstance(told, dict)
        or "text" not in told
        or not told.keys() <= NEW_MESSAGE["properties"].keys()
    ):
        raise invalid("the body has to be an object with text, and maybe re and agent, and nothing else")
    text, re, agent = told["text"], told.get("re"), told.get("agent", False)
    if not isinstance(text, str) or not isinstance(agent, bool) or not isinstance(re, str | None):
        raise invalid("text and re have to be texts, and agent true or false")
    if re is not None:
        check_id(re, "re")
    try:
        return Body(check_message_text(text), re=re, agent=agent)
    except TextTooLong as error:
        raise too_large(str(error)) from error
    except BadText as error:
        raise invalid(str(error)) from error

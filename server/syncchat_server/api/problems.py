"""What can go wrong over HTTP, in the one shape that all errors have: RFC 9457, problem+json (W4)."""

import math
from http import HTTPStatus

from starlette.responses import JSONResponse

from syncchat.core.closing import Closing
from syncchat.errors import CloseCode, SyncchatError
from syncchat_server.auth import NO_ROOM

MEDIA_TYPE = "application/problem+json"

SOON = 1.0
"""Seconds after which to try again what failed for the moment."""


class Problem(SyncchatError):
    """An answer that is an error: its HTTP `status`, the cause, and what to do about it.

    `code` is for programs. `retry` are the seconds after which trying again makes sense, None if it is
    no use. `limit` is the limit that was met, `rule` the rule of the SPEC by which something was refused.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        remedy: str,
        *,
        retry: float | None = None,
        limit: str = "",
        rule: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.retry = None if retry is None else max(1, math.ceil(retry))
        more = {"retry": self.retry, "limit": limit, "rule": rule}
        self.content: dict[str, object] = {
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
            "remedy": remedy,
        } | {name: value for name, value in more.items() if value}

    def response(self) -> JSONResponse:
        """The answer."""
        headers = {} if self.retry is None else {"retry-after": str(self.retry)}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.content, self.status, headers, MEDIA_TYPE)


def unauthenticated(reason: str) -> Problem:
    """No valid token."""
    return Problem(401, "unauthenticated", reason, "send a valid token: Authorization: Bearer TOKEN")


def no_room() -> Problem:
    """The one answer for an unknown and for a forbidden room (U2)."""
    return Problem(404, "no_room", NO_ROOM, "check the name, or ask for a token that allows it")


def no_message() -> Problem:
    """A room without this message, or with it on another page than where its time would have it."""
    return Problem(404, "no_message", "no such message", "check its id, and name its page: page=NUMBER")


def no_decision() -> Problem:
    """No agent of this daemon knows of a decision about the message."""
    remedy = "ask about a newer message, or an agent that runs on its own by a request in the room"
    return Problem(404, "no_decision", "no agent here remembers a decision about this message", remedy)


def no_agent() -> Problem:
    """No agent runs in this daemon."""
    return Problem(
        404, "no_agent", "no agent runs here that could tell it", "the operator can run one: --agent"
    )


def not_now(detail: str) -> Problem:
    """It cannot be done for the moment, and nothing was done."""
    return Problem(503, "unavailable", detail, "try again", retry=SOON)


def no_search() -> Problem:
    """A daemon that has no index."""
    return Problem(
        404, "no_search", "nothing can be searched for here", "the operator can allow it: --search"
    )


def invalid(detail: str, remedy: str = "correct the request: see /openapi.json") -> Problem:
    """A request that cannot be meant."""
    return Problem(422, "invalid", detail, remedy)


def too_large(detail: str) -> Problem:
    """A text or a body over its bound."""
    return Problem(413, "too_large", detail, "send less at once")


def unavailable(detail: str, retry: float = SOON) -> Problem:
    """It cannot be done for the moment; what was to be posted may have been posted or not."""
    remedy = "try again; with the same Idempotency-Key nothing is posted twice"
    return Problem(503, "unavailable", detail, remedy, retry=retry)


def too_many(detail: str, limit: str, retry: float) -> Problem:
    """Over the limit of that name; trying again makes sense after `retry` seconds (L2)."""
    remedy = "try again when the header Retry-After says"
    return Problem(429, "too_many", detail, remedy, retry=retry, limit=limit)


def of_closing(said: Closing) -> Problem:
    """What the hub said no to, by its close code."""
    match said.code:
        case CloseCode.REFUSED:
            remedy = f"see rule {said.rule} in SPEC.md"
            return Problem(403, "refused", said.reason, remedy, rule=said.rule)
        case CloseCode.FORBIDDEN | CloseCode.BAD_NAME:
            return no_room()
        case CloseCode.UNAUTHENTICATED:
            return unauthenticated(said.reason)
        case CloseCode.TOO_MANY:
            return too_many(said.reason, said.limit, said.retry or SOON)
        case _:
            return unavailable(said.reason or "the room is closed for now", said.retry or SOON)

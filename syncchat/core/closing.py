"""Why a session was closed or something refused, as one side tells the other: JSON beside the dialect."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from syncchat.errors import CloseCode, ProtocolError

MAX_RETRY = 86_400.0
"""Seconds that a server may tell its clients to wait; what asks for more is not believed."""


class OverLimit(ProtocolError):
    """Somebody is over the limit of that name; trying again makes sense after `retry` seconds (L2)."""

    def __init__(self, limit: str, reason: str, retry: float) -> None:
        super().__init__(f"{reason} ({limit}): try again in {retry:.0f} s", CloseCode.TOO_MANY)
        self.limit = limit
        self.retry = retry


def closing_text(code: int, reason: str, **more: object) -> str:
    """The JSON that travels in a Stateless message to say why something was refused or closed."""
    return json.dumps({"syncchat": "closed", "code": int(code), "reason": reason, **more}, ensure_ascii=False)


def text_of(error: ProtocolError) -> str:
    """The closing text for an error, with the limit's name and when to try again if it is about one."""
    if isinstance(error, OverLimit):
        return closing_text(error.code, error.reason, limit=error.limit, retry=error.retry)
    return closing_text(error.code, error.reason)


class Closing(NamedTuple):
    """What a closing text says: `rule` and `rows` of a refusal; the `limit`, and `retry` in seconds."""

    code: int
    reason: str
    rule: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    limit: str = ""
    retry: float | None = None


def read_closing(payload: str) -> Closing | None:
    """What a Stateless message's JSON says; None if it is about something else.

    Malformed extras read as not there.
    """
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("syncchat") != "closed":
        return None
    code, reason = told.get("code"), told.get("reason")
    if not isinstance(code, int) or not isinstance(reason, str):
        return None
    rule, limit, retry = told.get("rule"), told.get("limit"), told.get("retry")
    return Closing(
        code,
        reason,
        rule if isinstance(rule, str) else "",
        tuple(_rows(told.get("rows"))),
        limit if isinstance(limit, str) else "",
        float(retry) if isinstance(retry, int | float) and 0 <= retry <= MAX_RETRY else None,
    )


def _rows(told: object) -> Iterator[tuple[str, str]]:
    for row in told if isinstance(told, list) else []:
        match row:
            case [str(root), str(key)]:
                yield root, key

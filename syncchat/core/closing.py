"""Why a session was closed or something refused, as one side tells the other: JSON beside the dialect."""

import json

from syncchat.errors import CloseCode, ProtocolError


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


def read_closing(payload: str) -> tuple[int, str] | None:
    """The code and reason in a Stateless message's JSON; None if it is about something else."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("syncchat") != "closed":
        return None
    code, reason = told.get("code"), told.get("reason")
    return (code, reason) if isinstance(code, int) and isinstance(reason, str) else None

"""Why a session was closed or something refused, as one side tells the other: JSON beside the dialect."""

import json


def closing_text(code: int, reason: str, **more: object) -> str:
    """The JSON that travels in a Stateless message to say why something was refused or closed."""
    return json.dumps({"syncchat": "closed", "code": int(code), "reason": reason, **more}, ensure_ascii=False)


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

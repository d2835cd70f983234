"""What a hub tells a client when it opens a doc: who it is here, what it may do, and what time it is."""

import json
from dataclasses import dataclass

from syncchat.core.grant import Role


@dataclass(frozen=True, slots=True)
class Welcome:
    """`time` is the hub's clock, in milliseconds since 1970, when it said so."""

    user: str
    role: Role
    time: int


def welcome_text(welcome: Welcome) -> str:
    """The JSON that travels in a Stateless message, which other clients pass over."""
    told = {"syncchat": "welcome", "user": welcome.user, "role": welcome.role.value, "time": welcome.time}
    return json.dumps(told, ensure_ascii=False)


def read_welcome(payload: str) -> Welcome | None:
    """The welcome in a Stateless message's JSON; None if it is about something else."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("syncchat") != "welcome":
        return None
    user, role, time = told.get("user"), told.get("role"), told.get("time")
    if (
        not isinstance(user, str)
        or not isinstance(time, int)
        or not isinstance(role, str)
        or role not in [*Role]
    ):
        return None
    return Welcome(user, Role(role), time)

"""What a user has missed, asked of the daemon, and how it is read; nothing in the answer is trusted."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from syncchat.core.ids import NAME
from syncchat.core.message import read_id
from syncchat.served import get_served, no_daemon

MAX_POINTS = 40
MAX_TEXT = 600
MAX_LINKS = 32
MAX_LATE = 10**6

SECONDS = 150.0
"""How long a model may take for it, and some more."""

NO_SERVER = "This room has no server: only one can tell what you have missed."
OFFLINE = "The server is not reached: only it can tell what you have missed."


class Point(NamedTuple):
    """One thing that happened: a sentence, its authors, and the messages it is from, the first one first."""

    text: str
    users: tuple[str, ...]
    messages: tuple[str, ...]


class Missed(NamedTuple):
    """What happened in `messages` messages, but for the oldest `left_out`, which nobody looked at.

    `late` more came late, and are not among them.
    """

    points: list[Point]
    messages: int
    left_out: int
    late: int = 0


class Left(NamedTuple):
    """Where a user has left a room: behind the message `id`, when `seen` messages had arrived, if known."""

    id: str
    seen: int | None = None


class CatchesUp(Protocol):
    """What the panel needs of a CatchUp."""

    async def ask(self, room: str, left: Left | None, /) -> Missed:
        """See CatchUp."""


class CatchUp:
    """Asks the daemon at `server` what happened; `token` is what it is shown."""

    def __init__(self, server: str, token: Callable[[], str]) -> None:
        self._server = server
        self._token = token

    async def ask(self, room: str, left: Left | None) -> Missed:
        """What has happened in a room since its user has left, or has read there. Raises NotServed."""
        path = f"/api/v1/rooms/{room}/catch-up"
        body: dict[str, Any] = {} if left is None else {"since": left.id}
        if left is not None and left.seen is not None:
            body["seen"] = left.seen
        told = await get_served(self._server, self._token(), path, {}, body=body, seconds=SECONDS)
        missed = read_missed(told)
        if missed is None:
            raise no_daemon(self._server)
        return missed


def read_missed(told: Any) -> Missed | None:
    """What an answer of the daemon says; None if it is none. Points that are malformed are passed over."""
    match told:
        case {"points": list(points), "messages": int(messages), "left_out": int(left_out)}:
            late = told.get("late")
            late = late if type(late) is int and 0 < late < MAX_LATE else 0
            return Missed(list(_points(points[:MAX_POINTS])), messages, left_out, late)
    return None


def _points(told: list[Any]) -> Iterator[Point]:
    for point in told:
        match point:
            case {"text": str(text), "users": list(users), "messages": list(ids)} if text.strip():
                authors = [user for user in users[:MAX_LINKS] if isinstance(user, str) and NAME.match(user)]
                links = [id for id in ids[:MAX_LINKS] if isinstance(id, str) and read_id(id) is not None]
                yield Point(text[:MAX_TEXT], tuple(authors), tuple(links))


def notice(missed: Missed) -> str:
    """How much was looked at."""
    late = f"; {missed.late} more came late, further up, and are not in it" if missed.late else ""
    if not missed.messages:
        return f"nothing has happened since then{late}"
    one = "one message" if missed.messages == 1 else f"{missed.messages} messages"
    left = f"; the oldest {missed.left_out} of them were not looked at" if missed.left_out > 0 else ""
    return f"from {one}{left}{late}" if missed.points else f"nothing of note in {one}{left}{late}"

"""What is said about a doc on a link, whatever the dialect that carries it.

What comes with every update is not frozen: that would make it three times as dear to make.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Auth:
    """A client asks to open the doc; without authentication the token is a user's name."""

    token: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The hub opens the doc: `scope` is `read-write` or `readonly`."""

    scope: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The hub does not open the doc."""

    reason: str


@dataclass(frozen=True, slots=True)
class Step1:
    """The state vector of the sender: it asks for what it lacks."""

    state: bytes


@dataclass(frozen=True, slots=True)
class Step2:
    """The answer to a Step1: what the other side lacked."""

    update: bytes


@dataclass(slots=True)
class Update:
    """A change that the sender has just made or received."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Awareness:
    """Presence states, in the format of core/presence.py."""

    entries: bytes


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """A request for everybody's presence."""


@dataclass(slots=True)
class Status:
    """The answer to one Step2 or Update: it is durable (`ok`), or it was refused."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Stateless:
    """A text beside the doc; ours is JSON that says why something was refused or closed."""

    payload: str


@dataclass(frozen=True, slots=True)
class Close:
    """The session of this doc ends; the link and its other docs live on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A question whether the link is alive."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a Ping."""


Message = (
    Auth
    | Authenticated
    | Denied
    | Step1
    | Step2
    | Update
    | Awareness
    | QueryAwareness
    | Status
    | Stateless
    | Close
    | Ping
    | Pong
)

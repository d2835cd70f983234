"""Who is in a room, read from its presence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from syncchat.core.grant import Role
from syncchat.core.ids import NAME
from syncchat.core.message import printable
from syncchat.core.presence import Subscription

STANDBY = "standby"
"""The state of a process of an agent that waits for another one to end."""


WRITING: Final = "writing"
"""What somebody says to be doing, as `state`, while writing a message."""


class PresenceLike(Protocol):
    """What a room needs of presence."""

    @property
    def local(self) -> Mapping[str, Any] | None:
        """The own state; None while away."""

    @property
    def states(self) -> Mapping[int, Mapping[str, Any]]:
        """Everybody's state by client id, the own one included."""

    def set_local(self, state: Mapping[str, Any] | None) -> None:
        """Set the own state; None: gone."""

    def listen(self, callback: Callable[[], None]) -> Subscription:
        """Hear of every change of `states`."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is here: `user` the id, `name` for showing, `state` all that was said of the user."""

    user: str
    name: str
    state: Mapping[str, Any]

    @property
    def is_moderator(self) -> bool:
        """Whether the server says so (G15); one that does not tell roles says it of nobody."""
        return self.state.get("role") == Role.MODERATOR

    @property
    def is_writing(self) -> bool:
        """Whether somebody is writing a message: clients tell it with `set_presence(state="writing")`."""
        return self.state.get("state") == WRITING


def people(states: Mapping[int, Mapping[str, Any]]) -> list[Person]:
    """Everybody who is here, sorted by user id; malformed states are left out.

    A user's several connections are one person. Where they say different things, the greatest client id wins,
    and a process of an agent that only stands by has no say.
    """
    merged: dict[str, dict[str, Any]] = {}
    for _, state in sorted(states.items(), key=lambda item: (item[1].get("state") != STANDBY, item[0])):
        user = state.get("user")
        if isinstance(user, str) and NAME.match(user):
            merged.setdefault(user, {}).update(state)
    return [_person(user, merged[user]) for user in sorted(merged)]


def _person(user: str, state: Mapping[str, Any]) -> Person:
    name = state.get("name")
    return Person(user, printable(name) if isinstance(name, str) and name.strip() else user, state)

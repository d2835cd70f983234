"""What the agent shows of itself while it takes part: its presence."""

from typing import Literal

from syncchat.agent.lines import Who
from syncchat.core.people import STANDBY
from syncchat.core.room import Room

State = Literal["watching", "waiting", "judging", "writing", "over budget", "unreachable"]

_FIELDS = ("state", "mode", "re", "until", "problem")


class Face:
    """Tells everybody in the room what the agent does; what has not changed is not told again."""

    def __init__(self, room: Room, me: Who) -> None:
        self._room = room
        self._me = me
        self._told: dict[str, object] = {}

    def stand_by(self) -> None:
        """Show that this process waits: another one tells what the agent does."""
        self._tell({"state": STANDBY})

    def show(
        self,
        state: State,
        *,
        mode: str,
        re: str | None = None,
        until: int | None = None,
        problem: str | None = None,
    ) -> None:
        """Show a state, about the message `re`; `until` (ms since 1970) is when that may be answered."""
        self._tell({"state": state, "mode": mode, "re": re, "until": until, "problem": problem})

    def leave(self) -> None:
        """Show nothing of it any more."""
        self._tell({})

    def _tell(self, fields: dict[str, object]) -> None:
        told = dict.fromkeys(_FIELDS) | fields
        if told != self._told:
            self._told = told
            self._room.set_presence(name=self._me.name, **told)

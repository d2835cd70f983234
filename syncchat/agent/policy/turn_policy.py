"""The turn policy: the state machine that decides when the agent speaks."""

from syncchat.agent.lines import Who
from syncchat.agent.policy.decisions import Decision
from syncchat.agent.policy.events import Event
from syncchat.agent.policy.manners import Manners


class TurnPolicy:
    """Decides for one agent, `me`, in one room. Its decisions are a pure function of what it was told.

    `now` is in ms since 1970, of the clock that the messages' times are of (`Hlc.now`). It may not matter in
    which order messages arrive, nor how often the same one does.
    """

    def __init__(self, me: Who, manners: Manners) -> None:
        self._me = me
        self._manners = manners

    def hear(self, event: Event, now: int) -> list[Decision]:
        """What to do now that `event` has happened, in this order."""
        return []

    @property
    def deadline(self) -> int | None:
        """When to tell a Tick, in ms since 1970 and later than the last `now`; None: nothing waits."""
        return None

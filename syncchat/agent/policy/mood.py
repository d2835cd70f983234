"""What people have told the agent about speaking at all: mode, quiet, and whether it is wanted."""

from dataclasses import dataclass

from syncchat.agent.policy.manners import MAX_SECONDS


@dataclass(slots=True)
class Mood:
    """`ambient`: it may speak unasked. Until `hushed_until` (ms) it says nothing, until `quiet_until` nothing
    unasked; `dismissed`: nothing until it is summoned.
    """

    ambient: bool
    dismissed: bool = False
    hushed_until: int = 0
    quiet_until: int = 0

    def hush(self, seconds: int, now: int) -> None:
        """Say nothing for so long, at most MAX_SECONDS; 0 ends that, and any other request for quiet."""
        self.hushed_until = now + 1000 * max(0, min(seconds, MAX_SECONDS))
        if seconds <= 0:
            self.quiet_until = 0

    def be_quiet(self, seconds: float, since: int) -> None:
        """Say nothing unasked for so long since then (ms), at most MAX_SECONDS."""
        self.quiet_until = max(self.quiet_until, since + int(min(seconds, MAX_SECONDS) * 1000))

    def set_back(self, by: int) -> None:
        """The clock was set back by so many ms."""
        self.hushed_until -= by
        self.quiet_until -= by

    def summon(self) -> None:
        """Be there again."""
        self.dismissed = False
        self.hushed_until = self.quiet_until = 0

"""How an agent behaves in a room: all that can be tuned, with units, defaults and bounds."""

from dataclasses import dataclass
from typing import Literal, get_args

from syncchat.errors import SyncchatError

OnNewer = Literal["queue", "merge", "replace"]

MAX_SECONDS = 7 * 24 * 3600
MAX_HOPS = 8


class BadManners(SyncchatError, ValueError):
    """A value that a setting of manners may not have; the text names setting, bounds and value."""


@dataclass(frozen=True, slots=True)
class Manners:
    """One agent's manners in one room; raises BadManners for what cannot be.

    ambient: whether it may speak unasked; a new room starts without.
    grace: seconds that an open question is left to people.
    hops: how many answers to agents in a row, with nobody between them who is a person; 0: agents get none.
    share: of the last 40 messages, how many may be the agent's without having been asked for (0 to 1).
    gate: calls of the judge for each message of a person, at most (0 to 1).
    on_newer: what becomes of an addressed message while an answer is written. "queue": an answer for each, in
        order; "merge": one answer for all that each person has added; "replace": the person's newer one
        withdraws the answer to the older one, and the new answer is for both.
    follow_up: seconds after an answer in which the person who got it goes on without an address.
    typing_patience: seconds that it waits, at most, for somebody who types.
    fresh: seconds after which a message that it could not hear in time is not answered any more.
    quiet_for: seconds for which it does not speak unasked when somebody has asked it for quiet.
    """

    ambient: bool = False
    grace: float = 120.0
    hops: int = 1
    share: float = 0.25
    gate: float = 0.35
    on_newer: OnNewer = "merge"
    follow_up: float = 180.0
    typing_patience: float = 10.0
    fresh: float = 3600.0
    quiet_for: float = 600.0

    def __post_init__(self) -> None:
        for name in ("grace", "follow_up", "typing_patience", "fresh", "quiet_for"):
            self._check(name, 0, MAX_SECONDS)
        for name in ("share", "gate"):
            self._check(name, 0, 1)
        self._check("hops", 0, MAX_HOPS)
        if type(self.hops) is not int:
            raise BadManners(f"hops is {self.hops!r}: it is a whole number")
        if type(self.ambient) is not bool:
            raise BadManners(f"ambient is {self.ambient!r}: it is true or false")
        if self.on_newer not in get_args(OnNewer):
            raise BadManners(f"on_newer is {self.on_newer!r}: it is one of {', '.join(get_args(OnNewer))}")

    def _check(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if type(value) not in (int, float) or not low <= value <= high:
            raise BadManners(f"{name} is {value!r}: it is a number from {low} to {high}")

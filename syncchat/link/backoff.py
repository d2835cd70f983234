"""How long to wait before the next try to connect: doubling, capped, jittered."""

from collections.abc import Callable


class Backoff:
    """Waits for successive failed tries, in seconds.

    The n-th wait is drawn evenly from the upper half of `min(cap, first * 2**n)`, so that many
    clients that lost one server do not come back in the same instant. `rng` returns numbers in
    [0, 1).
    """

    def __init__(self, rng: Callable[[], float], *, first: float = 0.25, cap: float = 10.0) -> None:
        self._rng = rng
        self._first = first
        self._cap = cap
        self.tries = 0

    def next(self) -> float:
        """The wait after one more failure, in seconds: more than 0, at most `cap`."""
        longest = min(self._cap, self._first * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return longest * (1 + self._rng()) / 2

    def reset(self) -> None:
        """A try has succeeded: the next wait is a short one again."""
        self.tries = 0

"""A token bucket: how fast somebody may go on the whole, and how much at once."""

NEVER = 86_400.0
"""The seconds to wait for what a rate of 0 fills: as many as clients believe (closing.py)."""


class TokenBucket:
    """Fills at `rate` a second up to `burst`; what is taken beyond that is owed, and delays what follows.

    Times are seconds of any clock that does not go back. It begins full.
    """

    __slots__ = ("_burst", "_level", "_rate", "_then")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._then = 0.0

    def delay(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there; 0 if it is."""
        if now > self._then:
            self._fill(now)
        if amount <= self._level:
            return 0.0
        return (amount - self._level) / self._rate if self._rate else NEVER

    def take(self, amount: float, now: float) -> None:
        """Take `amount`, whether it is there or not."""
        if now > self._then:
            self._fill(now)
        self._level -= amount

    def try_take(self, amount: float, now: float) -> bool:
        """Take `amount` if it is there: what `delay` and `take` do, in a third of their time."""
        if now > self._then:
            level = self._level + (now - self._then) * self._rate
            self._level = level if level < self._burst else self._burst
            self._then = now
        if amount > self._level:
            return False
        self._level -= amount
        return True

    def is_full(self, now: float) -> bool:
        """Whether nothing was taken that has not come back: a new bucket would do as well."""
        if now > self._then:
            self._fill(now)
        return self._level >= self._burst

    def _fill(self, now: float) -> None:
        level = self._level + (now - self._then) * self._rate
        self._level = level if level < self._burst else self._burst
        self._then = now

"""Many calls, few actions: at most so many a second, and never without the last one."""

import time
from collections.abc import Callable


class Coalesced:
    """Runs `action` soon after each `poke`, at most once in `interval` seconds.

    `later(seconds, callback)` runs the callback after that time, for 0 as soon as it can; pokes before
    that are answered together.
    """

    def __init__(
        self,
        action: Callable[[], None],
        later: Callable[[float, Callable[[], None]], object],
        *,
        interval: float = 0.05,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._action = action
        self._later = later
        self._interval = interval
        self._now = now
        self._next = 0.0
        self._scheduled = False

    def poke(self) -> None:
        """Have the action run as soon as the interval allows."""
        if not self._scheduled:
            self._scheduled = True
            self._later(max(self._next - self._now(), 0), self._run)

    def _run(self) -> None:
        self._scheduled = False
        self._next = self._now() + self._interval
        self._action()

"""A beat: where many docs are written at the same time they commit together, and each pays a part of it."""

import asyncio
from collections.abc import Callable
from typing import Final

from syncchat.wakeup import Wakeup

BEAT: Final = 0.02
"""Seconds from one beat to the next: the longest that a doc waits for others."""

FEW: Final = 2
"""So many docs in one beat are no reason to wait."""


class Beat:
    """Wakes docs that have something to commit: at once, or with the next beat if more than FEW were woken.

    A daemon with a thousand updates a second would wake for each of them, find cold caches, and commit it
    nearly alone. In one breath each finds what the one before has used. A doc that is written while hardly
    any other is, however often, never waits. What links bring while docs wait is heard in that breath, too.
    """

    __slots__ = ("_end", "_gathered", "_waiting", "_woken")

    def __init__(self) -> None:
        self._end = 0.0
        self._woken: set[Wakeup] = set()
        self._waiting: dict[Wakeup, None] = {}
        self._gathered: list[Callable[[], None]] = []

    def wake(self, wakeup: Wakeup) -> None:
        """Wake a doc, now or when all others are woken."""
        if self._waiting:
            self._waiting[wakeup] = None
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= self._end:
            self._end = now + BEAT
            self._woken.clear()
        self._woken.add(wakeup)
        if len(self._woken) > FEW:
            self._waiting[wakeup] = None
            loop.call_at(self._end, self._wake_all)
        else:
            wakeup.call()

    def gather(self, take: Callable[[], None]) -> bool:
        """Have `take` called just before those that wait are woken; False, and nothing done, if none does."""
        if not self._waiting:
            return False
        self._gathered.append(take)
        return True

    def _wake_all(self) -> None:
        gathered, self._gathered = self._gathered, []
        loop = asyncio.get_running_loop()
        for take in gathered:
            try:
                take()
            except Exception as error:  # noqa: BLE001 - it is told; one link's trouble is not the docs'
                loop.call_exception_handler(
                    {"message": "what a link brought was not heard", "exception": error}
                )
        waiting, self._waiting = self._waiting, {}
        self._end = loop.time() + BEAT
        self._woken = set(waiting)
        for wakeup in waiting:
            wakeup.call()

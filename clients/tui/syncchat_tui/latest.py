"""One thing at a time: whatever is asked for takes the place of what is under way."""

from collections.abc import Awaitable, Callable, Coroutine

import anyio

Start = Callable[[Coroutine[None, None, None]], object]
"""Runs a coroutine in the context of an app."""


class Latest:
    """Runs what was asked for last; what was under way is cancelled."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._scope: anyio.CancelScope | None = None

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this, and nothing that was asked for before."""
        self.stop()
        self._scope = anyio.CancelScope()
        self._start(self._run(work, self._scope))

    def stop(self) -> None:
        """Do nothing more."""
        if self._scope is not None:
            self._scope.cancel()

    async def _run(self, work: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
        with scope:  # not a task's own cancel: that would reach what the peer shields
            await work()

"""Changes as an async iterator: what a timeline, a view or a table's listener is told, in a `for` loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from syncchat.core.deltas import Delta
from syncchat.core.presence import Subscription
from syncchat.mailbox import Mailbox, MailboxClosed

LIMIT = 10_000
"""Deltas that wait for a slow reader; past it one Reset stands for all of them."""


@dataclass(frozen=True, slots=True)
class Reset:
    """More has changed than was kept: look at everything again."""

    row: None = None


class Listenable(Protocol):
    """What tells its changes as deltas: a `Timeline`, a `View`."""

    def listen(self, callback: Callable[[list[Delta]], None], /) -> Subscription:
        """Call `callback` with what changed, after each transaction."""


class Changes:
    """Every change of `source` from now on, in order; use it in `async for`.

    The changes are collected from the moment it is made, so nothing is missed between making it
    and the first step. At most LIMIT wait. Leaving the loop does not end it: `close` does.
    """

    def __init__(self, source: Listenable) -> None:
        self._box: Mailbox[Delta | Reset] = Mailbox(LIMIT, overflow=lambda _: [Reset()])
        self._subscription = source.listen(self._put)

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> Delta | Reset:
        try:
            return await self._box.get()
        except MailboxClosed:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Collect no more; what was collected can still be read."""
        self._subscription.cancel()
        self._box.close()

    def _put(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            self._box.put(delta)


def changes(source: Listenable) -> Changes:
    """What changes in a timeline or a view from now on: `async for change in changes(room.timeline)`."""
    return Changes(source)

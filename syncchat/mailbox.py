"""A bounded box between synchronous callbacks and one awaiting reader, without lost wake-ups."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class MailboxClosed(Exception):
    """The box is closed and empty: nothing will come any more."""


class Mailbox(Generic[T]):
    """Items put synchronously, taken by one reader in the order they came.

    At most `limit` items wait. What happens at the bound is said by `overflow`: it is given
    everything that waits, the newest last, and returns what shall wait instead (at most
    `limit` items); without it the oldest items are dropped.
    """

    def __init__(self, limit: int = 1024, overflow: Callable[[list[T]], list[T]] | None = None) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._overflow = overflow
        self._wakeup: anyio.Event | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item and wake the reader; after `close` it is dropped."""
        if self._closed:
            return
        self._items.append(item)
        if len(self._items) > self._limit:
            kept = self._overflow(list(self._items)) if self._overflow else list(self._items)
            self._items = deque(kept[-self._limit :])
        self._wake()

    def close(self) -> None:
        """Let the reader take what still waits, and then end."""
        self._closed = True
        self._wake()

    def drain(self) -> list[T]:
        """Take everything that waits, without waiting."""
        items = list(self._items)
        self._items.clear()
        return items

    async def wait(self) -> None:
        """Return when at least one item waits; raise MailboxClosed when none will come.

        The event is made before the box is looked at again, so that an item put between the
        look and the wait wakes the reader all the same.
        """
        while not self._items:
            if self._closed:
                raise MailboxClosed
            self._wakeup = anyio.Event()
            await self._wakeup.wait()

    async def get(self) -> T:
        """The oldest item; waits for one, raises MailboxClosed when none will come."""
        await self.wait()
        return self._items.popleft()

    async def take(self) -> list[T]:
        """Everything that waits, at least one item; raises MailboxClosed when none will come."""
        await self.wait()
        return self.drain()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                item = await self.get()
            except MailboxClosed:
                return
            yield item

    def _wake(self) -> None:
        if self._wakeup is not None:
            self._wakeup.set()
            self._wakeup = None

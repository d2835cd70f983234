"""The frames that a websocket has not taken yet: where they wait, who sends them, and how that ends."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from syncchat.errors import LinkClosed

LOW_WATER: Final = 1 << 16
"""Backlog in bytes at which a slow reader has caught up."""


class Outbox:
    """Frames in the order in which they are sent; `send` hands one to the socket, or raises LinkClosed.

    It keeps any number of frames: a sender heeds `backlog`. The owner of the link runs `run` in a task.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._frames: deque[bytes] = deque()
        self._backlog = 0
        self._end: tuple[int, str] | None = None
        self._sending = anyio.Lock()
        self._changed = anyio.Event()

    @property
    def backlog(self) -> int:
        """Bytes of the frames that wait, and of the one under way."""
        return self._backlog

    @property
    def closed(self) -> bool:
        """Whether the link has ended."""
        return self._end is not None

    def put(self, frame: bytes) -> None:
        """Queue a frame; on a closed link it is dropped."""
        if self._end is None:
            self._frames.append(frame)
            self._backlog += len(frame)
            if len(self._frames) == 1:  # only then the sender may be asleep
                self._wake()

    async def drained(self) -> None:
        """Return when at most LOW_WATER bytes wait; raises LinkClosed if they will wait for ever."""
        while self._backlog > LOW_WATER:
            if self._end is not None:
                raise LinkClosed(*self._end)
            await self._changed.wait()

    def close(self, code: int, reason: str) -> LinkClosed:
        """Send nothing any more; returns the error to raise, with the code and reason that came first."""
        if self._end is None:
            self._end = (code, reason)
            self._wake()
        return LinkClosed(*self._end)

    async def run(self) -> None:
        """Send what is queued, and whatever will be, until the link is closed."""
        while self._end is None:
            await self.flush()
            if self._end is None:
                await self._changed.wait()

    async def flush(self) -> None:
        """Send what is queued, until the link ends. Cancelled, it loses the frame that was under way."""
        if self._end is not None:
            return  # the task may be stuck in the socket, with the lock
        # The lock keeps the order: a link that closes flushes beside its task, which may be sending.
        async with self._sending:
            while self._frames and self._end is None:
                frame = self._frames.popleft()
                try:
                    await self._send(frame)
                except LinkClosed as error:
                    self.close(error.code, error.reason)
                finally:
                    self._backlog -= len(frame)
                    if self._backlog <= LOW_WATER < self._backlog + len(frame):
                        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class OutboxLink:
    """The sending half of a link with an outbox; `run_sender` has to run beside whoever uses the link."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._outbox = Outbox(write)

    def send(self, frame: bytes) -> None:
        """Queue a frame for the sending task; on a closed link it is dropped."""
        self._outbox.put(frame)

    def backlog(self) -> int:
        """Bytes that the socket has not taken yet; it takes a frame when there is room for more."""
        return self._outbox.backlog

    async def drained(self) -> None:
        """Return when nearly everything was handed to the socket; raises LinkClosed."""
        await self._outbox.drained()

    async def run_sender(self) -> None:
        """Send what is queued until the link is closed; the link's owner runs this in a task."""
        await self._outbox.run()

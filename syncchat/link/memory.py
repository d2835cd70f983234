"""Two ends of a link in one process: the embedded agent's, and the tests'."""

from collections import deque

import anyio

from syncchat.errors import CloseCode, LinkClosed

HIGH_WATER = 1 << 16
"""Backlog in bytes above which `drained` waits."""


class MemoryLink:
    """One end of a memory pipe; what is sent here is received at the other end.

    It keeps any number of frames: a sender heeds `backlog`, which counts what the other end
    has not received yet.
    """

    def __init__(self) -> None:
        self._other: MemoryLink = self
        self._inbox: deque[bytes] = deque()
        self._inbox_bytes = 0
        self._changed = anyio.Event()
        self._closed: LinkClosed | None = None

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed when the link is closed and everything was received."""
        while not self._inbox:
            if self._closed is not None:
                raise LinkClosed(self._closed.code, self._closed.reason)
            await self._changed.wait()
        frame = self._inbox.popleft()
        self._inbox_bytes -= len(frame)
        self._wake()
        return frame

    def send(self, frame: bytes) -> None:
        """Hand over a frame; on a closed link it is dropped."""
        if self._closed is None:
            self._other._inbox.append(frame)
            self._other._inbox_bytes += len(frame)
            self._other._wake()

    def backlog(self) -> int:
        """Bytes that the other end has not received yet."""
        return self._other._inbox_bytes

    async def drained(self) -> None:
        """Return when the other end has received nearly everything; raises LinkClosed."""
        while self.backlog() > HIGH_WATER:
            if self._closed is not None:
                raise LinkClosed(self._closed.code, self._closed.reason)
            await self._other._changed.wait()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close both ends; frames already sent can still be received."""
        for end in (self, self._other):
            if end._closed is None:
                end._closed = LinkClosed(code, reason)
                end._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def memory_pipe() -> tuple[MemoryLink, MemoryLink]:
    """A new link's two ends."""
    here, there = MemoryLink(), MemoryLink()
    here._other, there._other = there, here
    return here, there

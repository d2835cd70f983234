"""The Link protocol: what the hub and a peer need of a connection."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

MAX_REASON = 123
"""The longest reason in a close frame, in bytes of UTF-8 (RFC 6455, section 5.5)."""


def short(reason: str) -> str:
    """`reason`, cut to what fits into a close frame."""
    return reason.encode("utf-8", "replace")[:MAX_REASON].decode("utf-8", "ignore")


class Link(Protocol):
    """A duplex pipe of binary frames that arrive whole, in order, or not at all."""

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed when none will come.

        Cancelling it loses no frame.
        """

    def send(self, frame: bytes) -> None:
        """Hand over a frame without waiting; on a closed link it is dropped.

        What the network has not taken yet is kept in memory: a sender looks at `backlog`
        and stops, instead of sending more.
        """

    def backlog(self) -> int:
        """Bytes that were handed over and that the network has not taken yet."""

    async def drained(self) -> None:
        """Return when the network has taken nearly everything; raises LinkClosed if the link is gone."""

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        """Close the link; the other side hears the code and the reason. Never waits for long."""


Connect = Callable[[str], AbstractAsyncContextManager[Link]]
"""Opens a new link, given the doc's name where a link carries only one; it is closed when the block is left.

Entering raises LinkClosed when there is none to be had.
"""

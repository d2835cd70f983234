"""Links: duplex pipes of binary frames, in memory and over websockets."""

from syncchat.link.backoff import Backoff
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.link.protocol import Connect, Link

__all__ = ["Backoff", "Connect", "Link", "MemoryLink", "memory_pipe"]

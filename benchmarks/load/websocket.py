"""The client's end of a websocket, for a generator that must not be what is measured.

Frames to be sent are made beforehand. The mask is zero, which RFC 6455 allows and which leaves the
payload as it is. What comes in is cut into frames and hardly looked at.
"""

import struct
from urllib.parse import urlsplit

PING_REPLY = 0x8A
BINARY, CLOSE, PING = 2, 8, 9
_KEY = "c3luY2NoYXQgYmVuY2ggIQ=="


def handshake(url: str) -> bytes:
    """The request that opens a websocket."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(payload: bytes, first: int = 0x80 | BINARY) -> bytes:
    """A client's frame around a payload; `first` holds its kind."""
    return _head(len(payload), first, 0x80) + bytes(4) + payload


def server_frame(payload: bytes) -> bytes:
    """A server's frame around a payload."""
    return _head(len(payload), 0x80 | BINARY, 0) + payload


def _head(size: int, first: int, mask: int) -> bytes:
    if size < 126:
        return struct.pack("!BB", first, mask | size)
    if size < 1 << 16:
        return struct.pack("!BBH", first, mask | 126, size)
    return struct.pack("!BBQ", first, mask | 127, size)


class FrameReader:
    """Cuts a stream of bytes into a server's frames; a frame of any size is copied once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 2

    @property
    def empty(self) -> bool:
        """Whether the stream so far ends at the end of a frame."""
        return not self._have

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take in bytes; return the frames they complete, as kind and payload."""
        if self._have + len(data) < self._need:
            self._keep(data)
            return []
        if self._have:
            data = b"".join((*self._parts, data))
            self._parts.clear()
            self._have = 0
        frames = []
        at = 0
        while (span := _span(data, at)) is not None and span[1] <= len(data):
            frames.append((data[at] & 0x0F, data[span[0] : span[1]]))
            at = span[1]
        self._need = span[1] - at if span is not None else 2
        if at < len(data):
            self._keep(data[at:])
        return frames

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._have += len(data)


def _span(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins and ends; None if its head is not whole."""
    have = len(data) - at
    if have < 2:
        return None
    size = data[at + 1] & 0x7F
    if size < 126:
        return at + 2, at + 2 + size
    if size == 126:
        return None if have < 4 else (at + 4, at + 4 + int.from_bytes(data[at + 2 : at + 4], "big"))
    return None if have < 10 else (at + 10, at + 10 + int.from_bytes(data[at + 2 : at + 10], "big"))

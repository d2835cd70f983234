"""One client of a server under load: it joins a doc, says prepared frames, and counts what it hears."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from benchmarks.load.websocket import CLOSE, PING, PING_REPLY, FrameReader, handshake, masked
from benchmarks.load.wire import EMPTY_STATE, EMPTY_UPDATE, Wire
from syncchat.core.messages import Close, Denied, Status, Step1, Step2, Update


class Failed(Exception):
    """The server closed a link, denied a doc, or did not deliver in time."""


class _Nowhere(asyncio.Transport):
    """The transport of a client that has not connected."""

    def abort(self) -> None:
        """There is nothing to close."""


_NOWHERE = _Nowhere()


class Client(asyncio.Protocol):
    """A client of one doc. Times are those of `perf_counter`.

    `heard` holds, for each frame with numbers in it: when it came, and the first and last number.
    `next` is the number that has to come next; `strays` counts those that came otherwise.
    `goal` is the `next` at which `reached` is called, once. With `keep`, updates are kept in `updates`.
    """

    def __init__(self, wire: Wire, doc: str, *, state: bytes = EMPTY_STATE, keep: bool = False) -> None:
        self.doc = doc
        self.joined = asyncio.get_running_loop().create_future()
        self.heard: list[tuple[float, int, int]] = []
        self.updates: list[bytes] | None = [] if keep else None
        self.bytes_in = self.bytes_out = self.frames_in = 0
        self.acknowledged = self.refused = 0
        self.next = self.strays = 0
        self.goal = -1
        self.reached: Callable[[Client], None] = lambda client: None
        self.acknowledged_at: Callable[[Client], None] | None = None
        self.failure: str | None = None
        self.transport: asyncio.Transport = _NOWHERE
        self._wire = wire
        self._state = state
        self._reader = FrameReader()
        self._head: bytes | None = b""
        wire.clients.append(self)

    # The link.

    async def connect(self, base: str, user: str) -> "Client":
        """Connect and say hello; returns when the server has told what it has. Raises Failed, OSError."""
        await self.open(base, user)
        await self.joined
        return self

    async def open(self, base: str, user: str) -> None:
        """Connect and say hello, without waiting for an answer."""
        self._user = user
        self._url = self._wire.url(base, self.doc, user)
        parts = urlsplit(self._url)
        await asyncio.get_running_loop().create_connection(
            lambda: self, parts.hostname or "", parts.port or 80
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one without being its subclass
        self.transport.write(handshake(self._url))

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        self.fail(str(error or "the server closed the link"))

    def fail(self, reason: str) -> None:
        """Note why this client is of no use any more."""
        self.failure = self.failure or reason
        if not self.joined.done():
            self.joined.set_exception(Failed(reason))

    def say(self, frame: bytes) -> None:
        """Send a frame, or many at once."""
        self.bytes_out += len(frame)
        self.transport.write(frame)

    def close(self) -> None:
        """Close the socket at once."""
        self.joined.cancel()
        self.transport.abort()

    # What is heard.

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        now = perf_counter()
        if self._head is not None:
            data = self._shake_hands(self._head + data)
            if not data:
                return
        self.bytes_in += len(data)
        for kind, payload in self._reader.feed(data):
            if kind == PING:
                self.transport.write(masked(payload, PING_REPLY))
            elif kind == CLOSE:
                self.fail(f"the server closed the link: {payload[:80]!r}")
            else:
                self._hear(payload, now)

    def _shake_hands(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._head = data
            return b""
        self._head = None
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.fail(head.split(b"\r\n", 1)[0].decode("latin-1"))
            return b""
        self._greet()
        return rest

    def _greet(self) -> None:
        self.say(self._wire.hello(self.doc, self._user, self._state))

    def _hear(self, payload: bytes, now: float) -> None:
        doc, message, count, first, last = self._wire.hear(payload)
        self.frames_in += 1
        if count:
            self._number(count, first, last, now)
        if type(message) is Update:
            self._take(doc, message.update)
        elif type(message) is Status:
            self._status(message.ok)
        elif message is not None:
            self._converse(doc, message)

    def _number(self, count: int, first: int, last: int, now: float) -> None:
        self.heard.append((now, first, last))
        if first != self.next or last - first + 1 != count:
            self.strays += 1
        self.next = max(self.next, last + 1)
        if 0 <= self.goal <= self.next:
            self.goal = -1
            self.reached(self)

    def _status(self, ok: bool) -> None:
        self.acknowledged += ok
        self.refused += not ok
        if self.acknowledged_at is not None:
            self.acknowledged_at(self)

    def _take(self, _doc: str, update: bytes) -> None:
        if self.updates is not None:
            self.updates.append(update)

    def _converse(self, doc: str, message: object) -> None:
        match message:
            case Step1():
                self.say(self._wire.frame(doc or self.doc, Step2(EMPTY_UPDATE)))
            case Step2(update):
                self._take(doc, update)
                if not self.joined.done():
                    self.joined.set_result(None)
            case Denied(reason):
                self.fail(f"denied: {reason}")
            case Close(reason):
                self.fail(f"the server closed {doc}: {reason}")
            case _:
                pass

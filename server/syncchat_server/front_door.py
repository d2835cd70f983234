"""The HTTP side of a connection, with an end to waiting: uvicorn's own protocol waits for ever.

Who connects and says nothing, or a byte a minute, holds a socket of ours (slow-loris). So each
request has to arrive within a time and a size; websockets leave this phase with their handshake.
"""

import asyncio
from collections import Counter
from ipaddress import ip_address

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from syncchat_server.limits import DaemonLimits

RETRY = 60
"""Seconds after which somebody who was refused here may try again."""

HEADERS = b"content-type: text/plain\r\nretry-after: %d\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


class FrontDoorConfig(Config):
    """uvicorn's settings, with what its HTTP connections have in common."""

    limits = DaemonLimits()
    waiting: Counter[str]

    def load(self) -> None:
        super().load()
        self.waiting = Counter()


class FrontDoorProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a deadline for each request, and a bound for each address."""

    config: FrontDoorConfig
    _deadline: asyncio.TimerHandle | None = None
    _head = 0
    _in_head = True
    _counted = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if address and not is_local(address):
            self._counted = address
            self.config.waiting[address] += 1
            if self.config.waiting[address] > self.config.limits.requests_per_address:
                self._refuse(503, "requests_per_address", "too many connections from your address")
                return
        self._wait("request_head_seconds")

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._wait("request_head_seconds")
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if (
            self._in_head
            and self._head > self.config.limits.request_head_bytes
            and not self.transport.is_closing()
        ):
            self._refuse(431, "request_head_bytes", "the headers are too long")

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head = 0
        self._wait("request_body_seconds")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._in_head = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._leave()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        """This phase of the connection is over."""
        self._stop_waiting()
        if self._counted:
            self.config.waiting[self._counted] -= 1
            if not self.config.waiting[self._counted]:
                del self.config.waiting[self._counted]
            self._counted = ""

    def _wait(self, limit: str) -> None:
        self._stop_waiting()
        seconds: float = getattr(self.config.limits, limit)
        self._deadline = self.loop.call_later(seconds, self._refuse, 408, limit, "the request took too long")

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int, limit: str, reason: str) -> None:
        """Say why, and when to try again, if no answer has begun; and close (L2)."""
        self._stop_waiting()
        if self.cycle is None or self.cycle.response_complete:
            text = f"{reason} ({limit}): try again in {RETRY} s".encode()
            headers = HEADERS % (RETRY, len(text))
            self.transport.write(STATUS_LINE[status] + headers + text)
        self.transport.close()


def is_local(address: str) -> bool:
    """Whether an address is of this machine."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False

"""A link over a websocket that an ASGI server has accepted."""

from collections import deque

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from syncchat.errors import CloseCode, LinkClosed, ProtocolError
from syncchat.link.protocol import short

LOW_WATER = 1 << 16
"""Backlog in bytes below which a slow reader has caught up."""


class AsgiLink:
    """One accepted websocket; `run_sender` has to run beside whoever uses the link."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._changed = anyio.Event()
        self._closed: LinkClosed | None = None

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed, and ProtocolError for a text frame, as no dialect has any."""
        try:
            message = await self._socket.receive()
        except (WebSocketDisconnect, RuntimeError) as error:
            raise self._end(CloseCode.GOING_AWAY, str(error)) from error
        if message["type"] == "websocket.disconnect":
            raise self._end(message.get("code", CloseCode.GOING_AWAY), message.get("reason") or "")
        data: bytes | None = message.get("bytes")
        if data is None:
            raise ProtocolError("a text frame: all frames are binary")
        return data

    def send(self, frame: bytes) -> None:
        """Queue a frame for the sending task."""
        if self._closed is None:
            self._queue.append(frame)
            self._queued += len(frame)
            self._wake()

    def backlog(self) -> int:
        """Bytes in the queue; the ASGI server holds little beyond it, as its sends wait for the socket."""
        return self._queued

    async def drained(self) -> None:
        """Return when nearly everything was handed to the socket; raises LinkClosed."""
        while self._queued > LOW_WATER:
            if self._closed is not None:
                raise LinkClosed(self._closed.code, self._closed.reason)
            await self._changed.wait()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Send what is queued, as far as the socket takes it, then close it with the code and reason."""
        if self._closed is not None:
            return
        await self._send_queued()
        if self._closed is None:
            self._end(code, reason)
            if self._socket.application_state is not WebSocketState.DISCONNECTED:
                await self._socket.close(code, short(reason))

    async def run_sender(self) -> None:
        """Send what is queued until the link is closed."""
        while self._closed is None:
            await self._send_queued()
            await self._changed.wait()

    async def _send_queued(self) -> None:
        while self._queue and self._closed is None:
            frame = self._queue.popleft()
            try:
                await self._socket.send_bytes(frame)
            except (WebSocketDisconnect, RuntimeError) as error:
                self._end(CloseCode.GOING_AWAY, str(error))
                return
            self._queued -= len(frame)
        self._wake()

    def _end(self, code: int, reason: str) -> LinkClosed:
        if self._closed is None:
            self._closed = LinkClosed(code, reason)
            self._wake()
        return self._closed

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

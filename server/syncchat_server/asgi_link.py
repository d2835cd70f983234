"""A link over a websocket that an ASGI server has accepted."""

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from syncchat.errors import CloseCode, LinkClosed, ProtocolError
from syncchat.link.outbox import OutboxLink
from syncchat.link.protocol import short


class AsgiLink(OutboxLink):
    """One accepted websocket; `run_sender` has to run beside whoever uses the link."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__(self._write)
        self._socket = socket

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed, and ProtocolError for a text frame, as no dialect has any."""
        try:
            message = await self._socket.receive()
        except (WebSocketDisconnect, RuntimeError) as error:
            raise self._outbox.close(CloseCode.GOING_AWAY, str(error)) from error
        if message["type"] == "websocket.disconnect":
            code, reason = message.get("code", CloseCode.GOING_AWAY), message.get("reason") or ""
            raise self._outbox.close(code, reason)
        data: bytes | None = message.get("bytes")
        if data is None:
            raise ProtocolError("a text frame: all frames are binary")
        return data

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Send what is queued, as far as the socket takes it, then close it with the code and reason."""
        await self._outbox.flush()
        if not self._outbox.closed:
            self._outbox.close(code, reason)
            if self._socket.application_state is not WebSocketState.DISCONNECTED:
                await self._socket.close(code, short(reason))

    async def _write(self, frame: bytes) -> None:
        try:
            await self._socket.send_bytes(frame)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise LinkClosed(CloseCode.GOING_AWAY, str(error)) from error

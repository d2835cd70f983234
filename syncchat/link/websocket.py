"""A link over a websocket, from the client's side."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.uri import parse_uri

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link.outbox import OutboxLink
from syncchat.link.protocol import short

MAX_FRAME = 64 << 20
"""The largest frame a client takes from its server, in bytes: a whole doc can come in one."""

OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0


class WebSocketLink(OutboxLink):
    """A link over one websocket; `open_websocket` makes it and owns its sending task."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(self._write)
        self._socket = socket

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed. A text frame ends the link, as no dialect has any."""
        try:
            frame = await self._socket.recv()
        except ConnectionClosed as error:
            raise self._outbox.close(*_ending(error)) from error
        if isinstance(frame, str):
            await self.aclose(CloseCode.BAD_FRAME, "a text frame")
            raise LinkClosed(CloseCode.BAD_FRAME, "the server sent a text frame")
        return frame

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close the socket; waits at most CLOSE_TIMEOUT seconds for the other side."""
        self._outbox.close(code, reason)
        await self._socket.close(code, short(reason))

    async def _write(self, frame: bytes) -> None:
        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            raise LinkClosed(*_ending(error)) from error


def _ending(error: ConnectionClosed) -> tuple[int, str]:
    if error.rcvd is None:
        return CloseCode.GOING_AWAY, "the connection was lost"
    return error.rcvd.code, error.rcvd.reason


def check_url(url: str) -> str:
    """Return `url` without a trailing slash; raises ValueError if it is no websocket's address."""
    try:
        parse_uri(url)
    except InvalidURI as error:
        raise ValueError(f"{url!r} is no server address: write ws://HOST:PORT or wss://HOST") from error
    return url.rstrip("/")


@asynccontextmanager
async def open_websocket(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[WebSocketLink]:
    """Open a link to `url`; it is closed when the block is left.

    Raises LinkClosed when there is no server, or it does not shake hands within OPEN_TIMEOUT
    seconds. The socket does not compress: tokens hardly shrink, and a bomb would grow. What is
    large comes packed by itself (core/packing.py).
    """
    try:
        socket = await connect(
            url,
            additional_headers=headers,
            compression=None,
            max_size=MAX_FRAME,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            proxy=None,
        )
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise LinkClosed(CloseCode.GOING_AWAY, f"no connection: {error}") from error
    link = WebSocketLink(socket)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(link.run_sender)
        try:
            yield link
        finally:
            with anyio.CancelScope(shield=True):
                await link.aclose()
            tasks.cancel_scope.cancel()

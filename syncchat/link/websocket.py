"""A link over a websocket, from the client's side."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.uri import parse_uri

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link.protocol import short

MAX_FRAME = 64 << 20
"""The largest frame a client takes from its server, in bytes: a whole doc can come in one."""

OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
LOW_WATER = 1 << 16


class WebSocketLink:
    """A link over one websocket; `open_websocket` makes it and owns its sending task."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._changed = anyio.Event()
        self._closed: LinkClosed | None = None

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed. A text frame ends the link, as no dialect has any."""
        try:
            frame = await self._socket.recv()
        except ConnectionClosed as error:
            raise self._end(error) from error
        if isinstance(frame, str):
            await self.aclose(CloseCode.BAD_FRAME, "a text frame")
            raise LinkClosed(CloseCode.BAD_FRAME, "the server sent a text frame")
        return frame

    def send(self, frame: bytes) -> None:
        """Queue a frame for the sending task."""
        if self._closed is None:
            self._queue.append(frame)
            self._queued += len(frame)
            self._wake()

    def backlog(self) -> int:
        """Bytes in the queue."""
        return self._queued

    async def drained(self) -> None:
        """Return when nearly everything was handed to the network; raises LinkClosed."""
        while self._queued > LOW_WATER:
            self._raise_if_closed()
            await self._changed.wait()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close the socket; waits at most CLOSE_TIMEOUT seconds for the other side."""
        if self._closed is None:
            self._closed = LinkClosed(code, reason)
            self._wake()
        await self._socket.close(code, short(reason))

    async def run_sender(self) -> None:
        """Send what is queued until the link is closed; its owner runs this in a task."""
        while self._closed is None:
            while self._queue:
                frame = self._queue.popleft()
                try:
                    await self._socket.send(frame)
                except ConnectionClosed as error:
                    self._end(error)
                    return
                self._queued -= len(frame)
            self._wake()
            await self._changed.wait()

    def _raise_if_closed(self) -> None:
        if self._closed is not None:
            raise LinkClosed(self._closed.code, self._closed.reason)

    def _end(self, error: ConnectionClosed) -> LinkClosed:
        if self._closed is None:
            code = error.rcvd.code if error.rcvd is not None else CloseCode.GOING_AWAY
            reason = error.rcvd.reason if error.rcvd is not None else "the connection was lost"
            self._closed = LinkClosed(code, reason)
            self._wake()
        return self._closed

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


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
    seconds. There is no compression: updates hardly shrink, and a bomb would grow.
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

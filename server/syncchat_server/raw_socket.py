"""The fast way from a hub to its sockets: uvicorn's websocket protocol, with its transport within reach.

A plain ASGI send costs a coroutine, an event and a frame for each reader. Here a frame is built once
and written to each reader's transport, and frames that arrive wait in one bounded queue instead of
stopping the socket after each. Another ASGI server lacks the extension, and plain sends serve.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from syncchat.errors import CloseCode, LinkClosed, ProtocolError
from syncchat.link.protocol import short
from syncchat.wakeup import Wakeup
from syncchat_server.app import RAW_SOCKET
from syncchat_server.framing import Frames
from syncchat_server.gate import Gate

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, WebSocketCloseEvent

LOW_WATER: Final = 1 << 16
"""Bytes in a transport's buffer below which its reader has caught up; asyncio's own high-water mark."""

MAX_INBOX: Final = 1 << 18
"""Bytes of received frames that wait; past it the socket is not read until the hub has taken them."""


_HEADS: Final = [bytes((0x82, size)) for size in range(126)]
"""The heads of short frames."""


def server_frame(payload: bytes) -> bytes:
    """`payload` as one binary frame from a server, not masked (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return _HEADS[size] + payload
    if size < 1 << 16:
        return b"\x82\x7e" + size.to_bytes(2, "big") + payload
    return b"\x82\x7f" + size.to_bytes(8, "big") + payload


class _Nowhere:
    """Stands for the queue of an ASGI app that receives no more; a real one takes three kilobytes."""

    def put_nowait(self, _event: object) -> None:
        """Drop it: the link has been told."""

    def empty(self) -> bool:
        """Whether nothing waits: always."""
        return True


_NOBODY_RECEIVES = _Nowhere()


class RawSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which hands binary frames to a RawLink once there is one for it.

    `stream` is what takes frames off the stream from then on, in place of the library's slower parser.
    `is_early` tells whether something came behind the handshake's request before there was a link.
    """

    # uvicorn's own attributes, too: they are more than fit into a dict that instances share the keys of, and
    # a dict of its own is one and a half kilobytes for each connection. One that is not here is in a dict.
    # fmt: off
    __slots__ = (
        "app", "app_state", "asgi_version", "client", "close_sent", "close_timeout", "close_timer", "config",
        "conn", "connections", "curr_msg_data_type", "default_headers", "disconnected", "frames",
        "handshake_complete", "handshake_initiated", "initial_response", "is_early", "last_ping_rtt", "link",
        "logger", "loop", "pending_ping_payload", "ping_interval", "ping_sent_at", "ping_timeout",
        "ping_timer", "pong_timer", "queue", "read_paused", "request", "response", "root_path", "scheme",
        "scope", "server", "stream", "tasks", "transport", "writable",
    )
    # fmt: on

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.link: RawLink | None = None
        self.stream: Frames | None = None
        self.is_early = False
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.stream is not None:
            self.stream.receive(data)
            return
        self.is_early = self.handshake_initiated
        super().data_received(data)
        self.is_early = self.is_early or bool(self.conn.reader.buffer)

    def take_over_stream(self) -> None:
        """From now on binary frames go to the link without the library, if none is under way."""
        if not self.is_early and self.conn.max_message_size is not None:
            link = cast(RawLink, self.link)
            self.stream = Frames(link.deliver, self._leave_to_library, most=self.conn.max_message_size)

    def _leave_to_library(self, data: bytes) -> bool:
        super().data_received(data)
        return self.conn.state is State.OPEN and self.conn.current_size is None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions = cast(dict[str, object], self.scope["extensions"])
            extensions[RAW_SOCKET] = partial(RawLink, self)

    def handle_bytes(self, event: Frame) -> None:
        if self.link is None or not event.fin:
            super().handle_bytes(event)
        else:
            self.link.deliver(bytes(event.data))

    def send_receive_event_to_app(self) -> None:
        # The last part of a frame in parts, or a text frame: a link is no ASGI app that would receive it.
        if self.link is None:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        if self.curr_msg_data_type == "text":
            self.link.refuse_text()
        else:
            self.link.deliver(data)

    def handle_parser_exception(self) -> None:
        error = self.conn.parser_exc
        if self.link is None or not isinstance(error, PayloadTooBig):
            super().handle_parser_exception()
            return
        # In place of the library's own goodbye: who is over a limit is told its name (L2).
        self.conn.data_to_send()
        reason = f"a frame may have at most {error.max_size} bytes (frame_bytes)"
        goodbye = Frame(Opcode.CLOSE, Close(CloseCode.TOO_BIG, reason).serialize())
        self.transport.write(goodbye.serialize(mask=False))
        self.close_sent = True
        self.transport.close()

    def forget_handshake(self) -> None:
        """Let go of what nobody reads or awaits any more: kilobytes for each idle connection."""
        cast(dict[str, object], self.scope).clear()
        self.request.headers.clear()
        self.response.headers.clear()
        self.queue = cast("asyncio.Queue[ASGIReceiveEvent]", _NOBODY_RECEIVES)
        if self.writable.is_set():  # thus nobody waits at the large one
            self.writable = cast(asyncio.Event, Gate())

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.link is not None:
            self.link.congested = True

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.link is not None:
            self.link.congested = False
            self.link.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_link(CloseCode.GOING_AWAY, "the connection was lost")

    def shutdown(self) -> None:
        self._end_link(CloseCode.RESTART, "the server restarts")
        super().shutdown()

    def _end_link(self, code: int, reason: str) -> None:
        if self.link is not None:
            self.link.end(code, reason)


class RawLink:
    """A link on a RawSocketProtocol whose handshake is over; at most one for each."""

    __slots__ = (
        "_arrival",
        "_closed",
        "_context",
        "_gather",
        "_inbox",
        "_inbox_bytes",
        "_paused",
        "_protocol",
        "_relief",
        "_take",
        "_transport",
        "congested",
    )

    def __init__(self, protocol: RawSocketProtocol) -> None:
        self._protocol = protocol
        self._transport: asyncio.Transport = protocol.transport
        self._inbox: list[bytes | None] = []  # short, and mostly empty: a deque takes 600 bytes
        self._inbox_bytes = 0
        self._paused = False
        self._closed: LinkClosed | None = None
        self._arrival: asyncio.Future[bool] | None = None
        """Done when there is something new for who waits; True if that was told to stop."""
        self._take: Callable[[bytes], bool] | None = None
        self._relief = Wakeup()
        self.congested = not protocol.writable.is_set()
        protocol.link = self
        self._take_over()

    # For the hub.

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed, and ProtocolError for a text frame, as no dialect has any."""
        while not self._inbox:
            await self._until_arrival()
        return self._next()

    async def pass_on(
        self, take: Callable[[bytes], bool], gather: Callable[[Callable[[], None]], bool]
    ) -> None:
        """Give frames to `take` as they come, without a turn of the loop between, until it says to stop.

        Raises what that raises, and as `receive`. It is called in the context of who waits here, and where
        `gather` says that it will call what it is given, not before that.
        """
        self._context = copy_context()
        self._gather = gather
        is_over = False
        while not is_over:
            while self._inbox:
                if not take(self._next()):
                    return
            self._take = take
            try:
                is_over = await self._until_arrival()
            finally:
                self._take = None

    def _until_arrival(self) -> "asyncio.Future[bool]":
        self._raise_if_closed()
        # A future, not an event, which is seven times as large: most connections wait most of the time.
        self._arrival = self._protocol.loop.create_future()
        return self._arrival

    def _next(self) -> bytes:
        frame = self._inbox.pop(0)
        if frame is None:
            raise ProtocolError("a text frame: all frames are binary")
        self._inbox_bytes -= len(frame)
        if self._paused and self._inbox_bytes < MAX_INBOX // 2:
            self._paused = False
            self._transport.resume_reading()
        return frame

    def send(self, frame: bytes) -> None:
        """Write a frame to the transport."""
        if self._closed is None:
            self._transport.write(server_frame(frame))

    @staticmethod
    def send_to_each(links: Iterable["RawLink"], frame: bytes) -> list["RawLink"]:
        """Write a frame, framed once, to the transport of each; returns those who have a backlog then."""
        framed, backlogged = server_frame(frame), []
        for link in links:
            if link._closed is None:
                link._transport.write(framed)
                if link.congested:
                    backlogged.append(link)
        return backlogged

    def backlog(self) -> int:
        """Bytes in the transport's buffer; 0 while they are below its high-water mark."""
        return self._transport.get_write_buffer_size() if self.congested else 0

    async def drained(self) -> None:
        """Return when nearly everything was taken by the network; raises LinkClosed."""
        while self.backlog() > LOW_WATER:
            self._raise_if_closed()
            await self._relief.sleep()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Say goodbye with a code, behind what was sent; does not wait for the other side."""
        if self._closed is None:
            self.end(code, reason)
            message: WebSocketCloseEvent = {"type": "websocket.close", "code": code, "reason": short(reason)}
            await self._protocol.send(message)

    # For the protocol.

    def deliver(self, frame: bytes) -> None:
        """A frame has arrived."""
        if self._is_passing and not self._inbox and not self._gather(self._give_gathered):
            self._context.run(self._give, frame)
            return
        self._inbox.append(frame)
        self._inbox_bytes += len(frame)
        if self._inbox_bytes > MAX_INBOX and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        if not self._is_passing and self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(False)

    @property
    def _is_passing(self) -> bool:
        """Whether a frame may be given away now, or was gathered and will be."""
        return self._take is not None and self._arrival is not None and not self._arrival.done()

    def _give_gathered(self) -> None:
        self._context.run(self._give_all)

    def _give_all(self) -> None:
        while self._inbox and self._is_passing:
            self._give(self._next())

    def _give(self, frame: bytes) -> None:
        """Give a frame away; who waits is told if there is something to wait for, or something was raised."""
        take, arrival = self._take, self._arrival
        assert take is not None
        assert arrival is not None
        try:
            if not take(frame):
                arrival.set_result(True)
        except Exception as error:  # noqa: BLE001 - it is raised where the frames are waited for
            arrival.set_exception(error)

    def refuse_text(self) -> None:
        """A text frame has arrived."""
        self._inbox.append(None)
        self.wake()

    def end(self, code: int, reason: str) -> None:
        """The connection is over; what has arrived can still be received."""
        if self._closed is None:
            self._closed = LinkClosed(code, reason)
            self.wake()

    def wake(self) -> None:
        """Something has changed: whoever waits looks again."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(False)
        self._relief.call()

    def _take_over(self) -> None:
        """What has arrived since the handshake waits in the protocol's own queue."""
        queue = self._protocol.queue
        while not queue.empty():
            message = queue.get_nowait()
            if message["type"] == "websocket.disconnect":
                self.end(CloseCode.GOING_AWAY, "the connection was lost")
            elif message["type"] == "websocket.receive":
                data = message.get("bytes")
                self.refuse_text() if data is None else self.deliver(data)
        self._protocol.forget_handshake()
        self._protocol.take_over_stream()
        if self._protocol.read_paused and not self._paused:
            self._protocol.read_paused = False
            self._transport.resume_reading()

    def _raise_if_closed(self) -> None:
        if self._closed is not None:
            raise LinkClosed(self._closed.code, self._closed.reason)

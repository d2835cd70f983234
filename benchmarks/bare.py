"""The floor of a fan-out: `python -m benchmarks.bare PORT`, which does nothing but pass on what it hears.

It stands on the same server library as the daemon. What has come in one turn of the loop is a commit: one
write to each reader. Nothing is applied, judged or stored; who joins gets all updates, unread.
"""

import asyncio
import sys
from collections import defaultdict
from typing import Any, cast

import uvicorn
from pycrdt import merge_updates
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from benchmarks.load.websocket import server_frame
from syncchat.core.dialect import YDialect
from syncchat.core.messages import Step1, Step2, Update

EXTENSION = "transport"
DIALECT = YDialect("")


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's, which lets the app have the transport."""

    def handle_connect(self, event: Request) -> None:
        """A client asks for a websocket."""
        super().handle_connect(event)
        cast(dict[str, Any], self.scope["extensions"])[EXTENSION] = self.transport


class Room:
    """What is passed on between those who connect to one path."""

    def __init__(self) -> None:
        self.readers: set[asyncio.Transport] = set()
        self._updates: list[bytes] = []
        self._fresh: list[bytes] = []

    def admit(self, transport: asyncio.Transport) -> None:
        """Somebody joins and gets all updates."""
        everything = merge_updates(*self._updates) if self._updates else b"\0\0"
        transport.write(server_frame(DIALECT.encode("", Step2(everything)) or b""))
        self.readers.add(transport)

    def take(self, data: bytes, update: bytes, author: asyncio.Transport) -> None:
        """A frame with an update: it goes to the others at the end of this turn of the loop."""
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._pass_on, author)
        self._updates.append(update)
        self._fresh.append(server_frame(data))

    def _pass_on(self, author: asyncio.Transport) -> None:
        frames = b"".join(self._fresh)
        self._fresh.clear()
        for reader in self.readers:
            if reader is not author:
                reader.write(frames)


ROOMS: defaultdict[str, Room] = defaultdict(Room)


async def relay(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI app: serves one websocket."""
    await receive()
    await send({"type": "websocket.accept"})
    transport: asyncio.Transport = scope["extensions"][EXTENSION]
    room = ROOMS[scope["path"]]
    try:
        while (event := await receive())["type"] == "websocket.receive":
            frame = DIALECT.decode(event["bytes"])
            match frame.message if frame is not None else None:
                case Step1():
                    room.admit(transport)
                case Update(update):
                    room.take(event["bytes"], update, transport)
    finally:
        room.readers.discard(transport)


def main(port: int) -> None:
    """Serve on 127.0.0.1 until killed."""
    config = uvicorn.Config(
        cast(Any, relay),
        host="127.0.0.1",
        port=port,
        ws=Protocol,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="error",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))

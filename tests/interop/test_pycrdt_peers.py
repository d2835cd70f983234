"""pycrdt's own programs as peers: its websocket server behind two of ours, its client on our daemon (S11)."""

import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest
from pycrdt import Channel, Doc, Map, Provider
from pycrdt.websocket import ASGIServer, WebsocketServer
from uvicorn import Config, Server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from syncchat.peer import Peer
from tests.interop.daemon import Daemon
from tests.interop.stock import message, message_id, shows

pytestmark = pytest.mark.anyio

ODD = "Zoë 📊 日本語"


class QuietServer(Server):
    """uvicorn, which tells when clients can connect, and leaves pytest its signals."""

    def __init__(self, app: Any) -> None:
        super().__init__(Config(app, port=0, log_config=None, lifespan="off", ws="websockets-sansio"))
        self.listening = anyio.Event()

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def pycrdt_server() -> AsyncIterator[tuple[WebsocketServer, str]]:
    """A server of pycrdt-websocket, and its address."""
    async with WebsocketServer(auto_clean_rooms=False) as rooms, anyio.create_task_group() as tasks:
        server = QuietServer(ASGIServer(rooms))
        tasks.start_soon(server.serve)
        await server.listening.wait()
        yield rooms, server.address
        server.should_exit = True
    for room in rooms.rooms.values():
        room._update_send_stream.close()  # 0.16.5 leaves it open, and warnings are errors here


class WebSocketChannel(Channel):
    """A websocket as pycrdt's Provider wants it."""

    def __init__(self, socket: ClientConnection, path: str) -> None:
        self._socket = socket
        self._path = path

    @property
    def path(self) -> str:
        return self._path

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> bytes:
        frame = await self._socket.recv()
        assert isinstance(frame, bytes)
        return frame

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None


async def test_S11_two_peers_converge_through_pycrdt_websockets_server() -> None:
    async with pycrdt_server() as (theirs, address):
        async with (
            Peer(user="ada", server=address, dialect="y") as ada,
            Peer(user="ben", server=address, dialect="y") as ben,
        ):
            ada_room, ben_room = await ada.enter("lobby"), await ben.enter("lobby")
            posted = ada_room.post(ODD)
            await shows(ben, lambda: ben_room.message(posted) is not None)

            ada.go_offline()
            await shows(ada, lambda: not ada.status.online)
            offline = ada_room.post("written offline")
            meanwhile = ben_room.post("meanwhile")
            assert ada_room.message(meanwhile) is None
            ada.go_online()

            both = [posted, offline, meanwhile]
            await shows(ada, lambda: [m.id for m in ada_room.timeline] == sorted(both))
            await shows(ben, lambda: [m.id for m in ben_room.timeline] == sorted(both))
            assert [m.text for m in ada_room.timeline] == [m.text for m in ben_room.timeline]
            assert set(theirs.rooms) == {"/lobby/0", "/lobby/cover"}  # a doc's name is the path
        rows: Map[str] = theirs.rooms["/lobby/0"].ydoc.get("messages", type=Map)
        assert set(rows.keys()) == set(both)


async def test_S11_a_stream_reaches_the_other_peer_through_pycrdt_websockets_server() -> None:
    async with (
        pycrdt_server() as (_, address),
        Peer(user="ada", server=address, dialect="y") as ada,
        Peer(user="ben", server=address, dialect="y") as ben,
    ):
        ada_room, ben_room = await ada.enter("lobby"), await ben.enter("lobby")
        stream = ada_room.stream()
        stream.append(ODD)
        await shows(ben, lambda: (m := ben_room.message(stream.id)) is not None and m.text == ODD)
        stream.append("!")
        stream.finish()
        await shows(ben, lambda: (m := ben_room.message(stream.id)) is not None and not m.streaming)
        finished = ben_room.message(stream.id)
        assert finished is not None
        assert finished.text == f"{ODD}!"


async def test_S11_pycrdts_client_reads_and_writes_a_room_of_our_daemon(daemon: Daemon) -> None:
    doc: Doc[Any] = Doc()
    rows: Map[str] = doc.get("messages", type=Map)
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        ours = room.post(ODD)
        await peer.settled()
        async with (
            connect(f"{daemon.address}/y/lobby/0?user=zoe", proxy=None) as connection,
            Provider(doc, WebSocketChannel(connection, "lobby/0")) as provider,
        ):
            with anyio.fail_after(10):
                await provider.synced.wait()
            assert rows.to_py() == {ours: message(ODD)}
            theirs = message_id("zoe", 1_000)
            rows[theirs] = message(ODD)
            await shows(peer, lambda: {m.id for m in room.timeline} == {ours, theirs})
            await connection.close()
    assert {m.text for m in room.timeline} == {ODD}

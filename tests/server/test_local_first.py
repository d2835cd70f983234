"""Local first, measured: a dead network, two processes on one folder, reopening, slow readers."""

import contextlib
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread
import pytest
from pycrdt import Doc
from websockets.asyncio.client import ClientConnection, connect

from syncchat.core.dialect import MAX_FRAME, HocuspocusDialect
from syncchat.core.messages import Auth, Step1, Step2, Update
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.link.websocket import OPEN_TIMEOUT
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, Program, python

POSTS = 500
HOCUSPOCUS = HocuspocusDialect()

ECHO = """
    import sys
    import anyio
    from syncchat.peer import Peer

    async def main(path):
        async with Peer(path, user="bob") as peer:
            room = await peer.enter("lobby")
            answered = set()

            def answer(deltas):
                for message in list(room.timeline):
                    if message.user == "ada" and message.id not in answered:
                        answered.add(message.id)
                        room.post("echo " + message.text)

            room.timeline.listen(answer)
            print("ready", flush=True)
            await anyio.sleep_forever()

    anyio.run(main, *sys.argv[1:])
"""


def report(what: str) -> None:
    """Tell a measured number; `pytest -s` shows it."""
    sys.stdout.write(f"\n  measured: {what}\n")


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


@contextlib.asynccontextmanager
async def black_hole() -> AsyncIterator[str]:
    """The address of a server that takes connections and never says a word."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:

        async def swallow(stream: anyio.abc.SocketStream) -> None:
            async with stream:
                async for _ in stream:
                    pass

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, swallow)
            yield f"ws://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_O1_O2_posting_into_a_black_hole_is_at_once_on_the_screen_and_in_the_log(
    tmp_path: Path,
) -> None:
    shown: list[float] = []
    logged: list[float] = []
    async with black_hole() as server, Peer(tmp_path / "ada.sqlite", user="ada", server=server) as peer:
        room = await peer.enter("lobby")
        for number in range(POSTS):
            started = time.perf_counter()
            id = room.post(f"message {number}")
            assert room.timeline[-1].id == id
            shown.append(time.perf_counter() - started)
            await peer.saved()
            logged.append(time.perf_counter() - started)
        assert not any(message.durable for message in room.timeline)
        assert peer.status.waiting == POSTS
    report(f"p99 of {POSTS} posts: on the screen {p99(shown):.2f} ms, in the log {p99(logged):.2f} ms")
    assert p99(shown) < p99(logged) < 1000
    async with Peer(tmp_path / "ada.sqlite", user="ada") as again:
        assert texts(await again.enter("lobby")) == [f"message {number}" for number in range(POSTS)]


@pytest.mark.anyio
async def test_O2_posting_waits_for_no_connection_that_is_never_made(tmp_path: Path) -> None:
    # TEST-NET-1 of RFC 5737: nobody answers there.
    async with Peer(tmp_path / "ada.sqlite", user="ada", server="ws://192.0.2.1:9") as peer:
        room = await peer.enter("lobby")
        room.post("hello from a plane")
        with anyio.fail_after(OPEN_TIMEOUT / 2):
            await peer.saved()
        started = time.perf_counter()
    assert time.perf_counter() - started < OPEN_TIMEOUT / 2, "leaving waited for the network"


@pytest.mark.anyio
async def test_O5_two_processes_on_one_folder_see_each_other_with_no_server(tmp_path: Path) -> None:
    path = tmp_path / "rooms.sqlite"
    trips: list[float] = []
    with anyio.fail_after(2 * PATIENCE), Program(python(ECHO, path), tmp_path / "echo.stderr") as echo:
        assert await anyio.to_thread.run_sync(echo.line) == "ready"
        async with Peer(path, user="ada") as peer:
            room = await peer.enter("lobby")
            for number in range(30):
                started = time.perf_counter()
                room.post(f"message {number}")
                await peer.until(lambda: len(room.timeline) == 2 * number + 2)  # noqa: B023  (awaited here)
                trips.append((time.perf_counter() - started) / 2)
            expected = [
                text for number in range(30) for text in (f"message {number}", f"echo message {number}")
            ]
            assert texts(room) == expected, "a row that nobody wrote, or none that somebody did"
        echo.kill()
        assert echo.errors.read_text() == ""
    report(
        f"O5: from one process to the other {statistics.median(trips) * 1000:.0f} ms in the median, "
        f"{max(trips) * 1000:.0f} ms at most (half of {len(trips)} round trips)"
    )
    assert statistics.median(trips) < 0.25
    async with Peer(path, user="ada") as again:
        assert texts(await again.enter("lobby")) == expected


@pytest.mark.anyio
async def test_O1_O3_O7_what_is_durable_is_known_over_a_restart_offline(
    daemon: Daemon, tmp_path: Path
) -> None:
    path = tmp_path / "ada.sqlite"
    with anyio.fail_after(2 * PATIENCE):
        async with Peer(path, user="ada", server=daemon.address) as peer:
            room = await peer.enter("lobby")
            peer.go_offline()
            first = room.post("written offline")
            assert [message.durable for message in room.timeline] == [False]
            peer.go_online()
            await peer.settled()
            assert [message.durable for message in room.timeline] == [True]
            peer.go_offline()
            second = room.post("written after that")
        await anyio.to_thread.run_sync(daemon.kill)
        async with Peer(path, user="ada", server=daemon.address) as peer:
            room = await peer.enter("lobby")
            assert {message.id: message.durable for message in room.timeline} == {first: True, second: False}
            assert peer.status.waiting == 1
            await anyio.to_thread.run_sync(daemon.start)
            peer.go_online()  # at once, whatever the backoff says
            await peer.settled()
            assert all(message.durable for message in room.timeline)


async def post_much_offline(peer: Peer, room: Room, megabytes: int) -> None:
    peer.go_offline()
    await peer.until(lambda: not peer.status.online)  # what is posted before that may still be sent
    for number in range(megabytes * 100):
        room.post(f"{number:05d}" * 2000)


@pytest.mark.anyio
async def test_S1_O4_three_megabytes_written_offline_arrive_once(daemon: Daemon) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Peer(user="ada", server=daemon.address) as ada,
            Peer(user="bob", server=daemon.address) as bob,
        ):
            written, read = await ada.enter("lobby"), await bob.enter("lobby")
            await post_much_offline(ada, written, 3)
            ada.go_online()
            await ada.settled()
            await bob.until(lambda: len(read.timeline) == 300)
            assert texts(read) == texts(written)


@pytest.mark.anyio
async def test_S7_more_work_than_fits_a_frame_is_told_and_stops_no_other_room(
    daemon: Daemon,
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with Peer(user="ada", server=daemon.address) as ada:
            huge, small = await ada.enter("huge"), await ada.enter("small")
            await post_much_offline(ada, huge, 1 + (MAX_FRAME >> 20))
            ada.go_online()
            await ada.until(lambda: "wait to be synced" in (ada.status.problem or ""))
            id = small.post("in another room")
            await ada.until(lambda: all(message.durable for message in small.timeline))
            assert small.message(id) is not None
            assert ada.status.waiting == len(huge.timeline)
            assert ada.status.attempts <= 3, "it does not try again and again"


# Readers of their own kind


class RawReader:
    """A client that reads only when it is told to; `doc` is what it has read."""

    def __init__(self, socket: ClientConnection, name: str) -> None:
        self.doc: Doc[Any] = Doc()
        self.store = Store(self.doc)
        self.updates = 0
        self.received = 0
        self._socket = socket
        self._name = name

    async def join(self) -> None:
        """Open the doc and ask for its state."""
        for message in (Auth("carol"), Step1(self.doc.get_state())):
            await self._socket.send(HOCUSPOCUS.encode(self._name, message) or b"")

    async def read(self) -> None:
        """Read one frame."""
        data = await self._socket.recv()
        assert isinstance(data, bytes)
        self.received += len(data)
        frame = HOCUSPOCUS.decode(data)
        if frame is not None and isinstance(frame.message, Step2 | Update):
            self.doc.apply_update(frame.message.update)
            self.updates += isinstance(frame.message, Update)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read until `condition()` holds."""
        while not condition():
            await self.read()


@contextlib.asynccontextmanager
async def raw_reader(daemon: Daemon, doc: str) -> AsyncIterator[RawReader]:
    """Somebody who has joined a doc, and whose machine keeps little of what it does not read."""
    host, port = daemon.address.removeprefix("ws://").split(":")
    with socket.socket() as small:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        await anyio.to_thread.run_sync(small.connect, (host, int(port)))
        small.setblocking(False)
        async with connect(f"{daemon.address}/sync", sock=small, max_queue=1) as connection:
            reader = RawReader(connection, doc)
            await reader.join()
            yield reader


@pytest.mark.anyio
async def test_S8_a_burst_of_one_writer_reaches_a_reader_in_few_frames(daemon: Daemon) -> None:
    with anyio.fail_after(PATIENCE):
        async with (
            raw_reader(daemon, "lobby/0") as reader,
            Peer(user="ada", server=daemon.address) as writer,
        ):
            room = await writer.enter("lobby")
            room.post("message 0")
            await writer.settled()
            for number in range(1, 200):
                room.post(f"message {number}")
            await reader.until(lambda: len(reader.store.table("messages")) == 200)
    report(f"S8: 200 posts reached a reader in {reader.updates} frames")
    assert reader.updates <= 50


@pytest.mark.anyio
async def test_P1_P3_who_leaves_is_gone_at_once(daemon: Daemon) -> None:
    with anyio.fail_after(PATIENCE):
        async with Peer(user="bob", server=daemon.address) as bob:
            room = await bob.enter("lobby")
            async with Peer(user="ada", server=daemon.address) as ada:
                await ada.enter("lobby")
                await bob.until(lambda: {person.user for person in room.people} == {"ada", "bob"})
            left = time.perf_counter()
            await bob.until(lambda: {person.user for person in room.people} == {"bob"})
            gone = time.perf_counter() - left
    report(f"P3: who left was gone {1000 * gone:.0f} ms later")
    assert gone < 5


VALUE = 64_000
VALUES = 640


@pytest.mark.anyio
async def test_S4_S7_a_reader_that_stops_reading_costs_bounded_memory_and_catches_up(daemon: Daemon) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with (
            raw_reader(daemon, "board") as slow,
            Peer(user="ada", server=daemon.address) as writer,
            Peer(user="bob", server=daemon.address) as reader,
        ):
            written, read = (
                (await writer.open("board")).store.values,
                (await reader.open("board")).store.values,
            )
            await slow.until(lambda: slow.received > 0)

            async def stream(first: int, count: int) -> None:
                for number in range(first, first + count):
                    written.set("picture", f"{number:08d}" * (VALUE // 8))
                    if number % 16 == 15:
                        await writer.settled()
                await writer.settled()
                await reader.until(lambda: read.get("picture") == written.get("picture"))

            await stream(0, 32)  # buffers and allocators have their size
            before = daemon.process.resident
            started = time.perf_counter()
            await stream(32, VALUES)
            took = time.perf_counter() - started
            grown = daemon.process.resident - before
            assert (writer.status.attempts, reader.status.attempts) == (1, 1)
            held = slow.received
            await slow.until(lambda: slow.store.values.get("picture") == written.get("picture"))
    streamed = VALUE * VALUES
    report(
        f"S4: {streamed / 1e6:.0f} MB in {took:.1f} s beside a reader that had stopped: the daemon grew by "
        f"{grown / 1e6:.1f} MB; catching up took {(slow.received - held) / 1e6:.2f} MB"
    )
    assert streamed > 40e6
    assert grown < streamed / 2
    assert slow.received < streamed / 4

"""Disks that are really full, or fail: nothing unstored is acknowledged or shown, and nothing is lost."""

import contextlib
import os
import random
import resource
import subprocess
from base64 import b85encode
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Auth
from syncchat.core.room import Room
from syncchat.errors import CloseCode
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon

DISK = 1 << 20
PART = 8_000
"""Bytes of one message; a small disk takes some dozens of them."""

OPTIONS = ("--no-agent", "--limit", f"page_bytes={100 * DISK}")
"""One page for all that there is to be seen."""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """A disk of DISK bytes at `folder`, half of it used; what is given makes the other half free."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * DISK}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root, and is not allowed here")
    try:
        filler = folder / "filler"
        filler.write_bytes(b"\0" * (3 * DISK))
        yield filler.unlink
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


def durable(room: Room) -> set[str]:
    return {message.text for message in room.timeline if message.durable}


def problem(peer: Peer) -> str:
    return peer.status.problem or ""


def part(number: int) -> str:
    """A text that does not pack."""
    return b85encode(random.Random(number).randbytes(PART * 4 // 5)).decode()


async def post_until_it_fails(writer: Peer, room: Room) -> int:
    """Post until the daemon cannot store any more; returns how many were posted."""
    number = 0
    while "stored" not in problem(writer):
        room.post(part(number))
        number += 1
        assert number < 2 * DISK // PART, "the disk is never full"
        with anyio.move_on_after(0.05):
            await writer.settled()
    return number


async def code_told(daemon: Daemon) -> int:
    """The code with which a link ends that writes to the room while nothing can be stored."""
    dialect = HocuspocusDialect()
    async with connect(f"{daemon.address}/sync") as socket:
        await socket.send(dialect.encode("lobby/0", Auth("bob")) or b"")
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
        return socket.close_code or 0


async def check_full_disk(daemon: Daemon, make_room: Callable[[], None]) -> None:
    """Fill the disk, see that nobody hears what is not stored, make room, see everything arrive once."""
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Peer(user="ada", server=daemon.address) as writer,
            Peer(user="bob", server=daemon.address) as reader,
        ):
            written, read = await writer.enter("lobby"), await reader.enter("lobby")
            posted = await post_until_it_fails(writer, written)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(writer.settled)  # it must not be, as long as the disk is full
                assert await code_told(daemon) == CloseCode.LOG_FAILED
                assert writer.status.waiting > 0
                assert texts(written) == [part(number) for number in range(posted)]
                await writer.until(lambda: set(texts(read)) <= durable(written) < set(texts(written)))
                tasks.cancel_scope.cancel()
            make_room()
            writer.go_online()  # at once, whatever the backoff says
            reader.go_online()
            await writer.settled()
            await reader.until(lambda: len(read.timeline) == posted)
            assert texts(read) == texts(written) == [part(number) for number in range(posted)]
            await writer.until(lambda: not problem(writer))
        await anyio.to_thread.run_sync(daemon.restart)
        async with Peer(user="eve", server=daemon.address) as fresh:
            kept = await fresh.enter("lobby")
            await fresh.until(lambda: texts(kept) == [part(number) for number in range(posted)])
    assert "Traceback" not in daemon.stderr()


@pytest.mark.anyio
async def test_D1_D2_D3_a_full_disk_of_the_daemon_loses_nothing(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk") as make_room,
        Daemon(tmp_path / "disk" / "data", *OPTIONS) as daemon,
    ):
        await check_full_disk(daemon, make_room)


@pytest.mark.anyio
async def test_D1_D2_D3_a_disk_that_fails_under_the_daemon_loses_nothing(tmp_path: Path) -> None:
    def limit(daemon: Daemon, size: int) -> None:
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with Daemon(tmp_path / "data", *OPTIONS) as daemon:
        limit(daemon, DISK // 2)
        await check_full_disk(daemon, lambda: limit(daemon, resource.RLIM_INFINITY))


@pytest.mark.anyio
async def test_D3_O1_a_full_disk_of_the_client_is_told_and_its_work_is_saved_when_there_is_room(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk") as make_room, anyio.fail_after(2 * PATIENCE):
        path = tmp_path / "disk" / "ada.sqlite"
        async with Peer(path, user="ada") as peer:
            room = await peer.enter("lobby")
            while not problem(peer):
                room.post(part(len(room.timeline)))
                with anyio.move_on_after(0.05):
                    await peer.saved()
            room.post("after the disk was full")
            assert "disk is full" in problem(peer)
            shown = texts(room)
            make_room()
            await peer.saved()
            assert problem(peer) == ""
        async with Peer(path, user="ada") as peer:
            assert texts(await peer.enter("lobby")) == shown


@pytest.mark.anyio
async def test_D3_S7_what_a_client_cannot_save_still_reaches_the_others(
    daemon: Daemon, tmp_path: Path
) -> None:
    log = SqliteLog(tmp_path / "ada.sqlite", max_bytes=DISK // 4)
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Peer(log=log, user="ada", server=daemon.address) as writer,
            Peer(user="bob", server=daemon.address) as reader,
        ):
            written, read = await writer.enter("lobby"), await reader.enter("lobby")
            for number in range(DISK // 2 // PART):
                written.post(part(number))
            await writer.until(lambda: problem(writer) != "")
            await writer.settled()
            await reader.until(lambda: texts(read) == texts(written))
            assert "limit for the file" in problem(writer)

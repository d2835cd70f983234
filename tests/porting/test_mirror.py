"""A mirror is a full copy: of every page, of what comes while it looks, and of what came while it did not."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from syncchat.core.ids import format_id
from syncchat.log import MemoryLog
from syncchat.peer import Peer
from syncchat.porting import mirroring
from syncchat.porting.mirroring import Mirror
from syncchat.porting.reading import NotSynced
from syncchat.testing.program import PATIENCE, Daemon, Program, syncchat
from tests.porting.samples import take, told, written

LINES = 700
LATE = format_id(1_200_000_000_000, "bob", 7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A daemon's folder with a room of three pages."""
    folder = tmp_path / "daemon"
    folder.mkdir()
    text = "".join(f"[12:{n // 60:02d}] <ada> line {n}\n" for n in range(LINES))
    take(folder / "log.sqlite", written(tmp_path / "2005-02-06.log", text))
    return folder


def lines(log: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """What a copy has; a mirror may not know yet what the cover counts."""
    return told(log, tmp_path)[1:]


async def until_equal(folder: Path, copy: Path, tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        while lines(copy, tmp_path) != lines(folder / "log.sqlite", tmp_path):  # noqa: ASYNC110 - of processes
            await anyio.sleep(0.1)


async def post(daemon: Daemon, *texts: str) -> None:
    async with Peer(user="bob", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        await peer.until(lambda: bool(room.timeline))
        for text in texts:
            room.post(text)
        await peer.settled()


async def post_late(daemon: Daemon) -> None:
    """As somebody does who was away: onto a page that is the newest no more."""
    async with Peer(user="bob", server=daemon.address) as peer:
        page = await peer.open("lobby/0")
        page.store.table("messages").set(LATE, {"text": "late"})
        await peer.settled()


def mirror(daemon: Daemon, copy: Path, *options: str) -> Program:
    command = syncchat("mirror", "lobby", "--server", daemon.address, "--data", copy, *options)
    return Program(command, copy.with_name("mirror.stderr"))


@pytest.mark.anyio
async def test_H9_a_mirror_follows_its_room_over_pages_and_late_messages(
    tmp_path: Path, folder: Path
) -> None:
    copy = tmp_path / "copy"
    with (
        Daemon(folder, "--no-agent", "--limit", "page_messages=8") as daemon,
        mirror(daemon, copy) as program,
    ):
        assert program.line() == "syncchat: lobby is here, and is followed"
        await until_equal(folder, copy / "rooms.sqlite", tmp_path)
        await post(daemon, *(f"more {n}" for n in range(20)))
        await post(daemon, "one more")
        await post_late(daemon)
        await until_equal(folder, copy / "rooms.sqlite", tmp_path)
        assert json.dumps(lines(copy / "rooms.sqlite", tmp_path)).count('"late"') == 1
        assert program.terminate() == 0


@pytest.mark.anyio
async def test_H9_a_mirror_outlives_its_daemon(tmp_path: Path, folder: Path) -> None:
    copy = tmp_path / "copy"
    with (
        Daemon(folder, "--no-agent", "--limit", "page_messages=8") as daemon,
        mirror(daemon, copy) as program,
    ):
        program.line()
        daemon.kill()
        daemon.start()
        await post(daemon, *(f"more {n}" for n in range(12)))
        await post_late(daemon)
        await until_equal(folder, copy / "rooms.sqlite", tmp_path)
        assert program.terminate() == 0


@pytest.mark.anyio
async def test_H9_a_mirror_that_was_killed_fetches_what_it_missed(tmp_path: Path, folder: Path) -> None:
    copy = tmp_path / "copy"
    with Daemon(folder, "--no-agent", "--limit", "page_messages=8") as daemon:
        with mirror(daemon, copy) as program:
            program.line()
            program.kill()
        await post(daemon, *(f"more {n}" for n in range(20)))
        await post_late(daemon)
        with mirror(daemon, copy, "--once") as program:
            assert program.line().startswith("syncchat: lobby is here, all ")
        assert lines(copy / "rooms.sqlite", tmp_path) == lines(folder / "log.sqlite", tmp_path)


@pytest.mark.anyio
async def test_H9_what_a_mirror_has_is_a_room_without_a_network(tmp_path: Path, folder: Path) -> None:
    copy = tmp_path / "copy"
    with Daemon(folder, "--no-agent") as daemon, mirror(daemon, copy, "--once") as program:
        program.line()
    async with Peer(copy / "rooms.sqlite", user="ada") as peer:
        room = await peer.enter("lobby")
        while await room.older():
            pass
        assert [message.text for message in room.timeline] == [f"line {n}" for n in range(LINES)]


@pytest.mark.anyio
async def test_H9_a_mirror_says_why_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "RETRY", 0)
    told: list[str] = []
    async with Peer(user="ada", server="ws://127.0.0.1:1", log=MemoryLog()) as peer:
        with pytest.raises(NotSynced, match="lobby/cover could not be read"):
            await Mirror(peer, "lobby", lambda _done, _all: None).fetch()
        async with anyio.create_task_group() as tasks:

            def tell(problem: str) -> None:
                told.append(problem)
                if len(told) == 2:
                    tasks.cancel_scope.cancel()

            await Mirror(peer, "lobby", lambda _done, _all: None).follow(tell)
    assert all("lobby/cover could not be read" in problem for problem in told)

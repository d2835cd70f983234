"""Backups of a log in use, and putting them back: nothing acknowledged is missing, nothing is overwritten."""

import os
import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.core.ids import format_id
from syncchat.core.room import Room
from syncchat.errors import LogError
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.backup import BackupFailed, back_up, restore
from syncchat_server.doctor import examine
from syncchat_server.folder import LOG_NAME, FolderUnusable, own_folder


async def fill(path: Path, count: int = 3, doc: str = "lobby/0") -> None:
    writer = Writer()
    async with SqliteLog(path) as log:
        for number in range(count):
            await log.append(doc, [writer.write(format_id(number, "ada", number), f"message {number}")])


async def docs_in(path: Path) -> dict[str, list[bytes]]:
    async with SqliteLog(path) as log:
        return {doc: [entry.data for entry in await log.read(doc)] for doc in await log.docs()}


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def is_durable(room: Room, id: str) -> bool:
    message = room.message(id)
    return message is not None and message.durable


def silent(_done: int, _total: int) -> None:
    """No progress is shown."""


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 5000)


def poison(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO entries (doc, writer, size, data) VALUES ('bad/0', 1, 1, x'ff')")


@pytest.mark.anyio
async def test_R4_a_backup_taken_while_writers_write_has_all_that_was_acknowledged_before(
    daemon: Daemon, tmp_path: Path
) -> None:
    copy, elsewhere = tmp_path / "copy.sqlite", tmp_path / "elsewhere"
    with anyio.fail_after(3 * PATIENCE):
        async with Peer(user="ada", server=daemon.address) as ada, anyio.create_task_group() as tasks:
            room = await ada.enter("lobby")
            posted: list[str] = []

            async def write() -> None:
                while True:
                    posted.append(room.post("x" * 2000))
                    await anyio.sleep(0.002)

            tasks.start_soon(write)
            await ada.until(lambda: len(posted) > 50 and is_durable(room, posted[50]))
            before = {id for id in posted if is_durable(room, id)}
            await anyio.to_thread.run_sync(back_up, daemon.data / LOG_NAME, copy, silent)
            tasks.cancel_scope.cancel()
        assert list(examine(copy)) == []
        await anyio.to_thread.run_sync(restore, copy, elsewhere)
        with await anyio.to_thread.run_sync(Daemon, elsewhere, "--no-agent") as second:
            async with Peer(user="eve", server=second.address) as eve:
                kept = await eve.enter("lobby")
                await eve.until(lambda: before <= {message.id for message in kept.timeline})


@pytest.mark.anyio
async def test_R4_O4_clients_bring_back_what_was_written_after_the_backup(
    daemon: Daemon, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.sqlite"
    with anyio.fail_after(3 * PATIENCE):
        async with Peer(user="ada", server=daemon.address) as ada:
            room = await ada.enter("lobby")
            room.post("before")
            await ada.settled()
            await anyio.to_thread.run_sync(back_up, daemon.data / LOG_NAME, copy, silent)
            room.post("after")
            await ada.settled()
            await anyio.to_thread.run_sync(daemon.kill)
            await anyio.to_thread.run_sync(restore, copy, daemon.data)
            await anyio.to_thread.run_sync(daemon.start)
            ada.go_online()
            async with Peer(user="eve", server=daemon.address) as eve:
                seen = await eve.enter("lobby")
                await eve.until(lambda: [message.text for message in seen.timeline] == ["before", "after"])


@pytest.mark.anyio
async def test_R4_a_backup_is_for_its_owner_alone_and_tells_its_progress(tmp_path: Path) -> None:
    log, copy = tmp_path / LOG_NAME, tmp_path / "copy.sqlite"
    await fill(log, 50)
    told: list[tuple[int, int]] = []
    back_up(log, copy, lambda done, total: told.append((done, total)))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert told
    assert told[-1][0] == told[-1][1] > 0
    assert names(tmp_path) == {LOG_NAME, copy.name}
    assert await docs_in(copy) == await docs_in(log)


@pytest.mark.anyio
async def test_R4_a_commit_in_the_middle_of_a_backup_is_not_in_it_and_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat_server.backup.PAGES_A_STEP", 1)
    log, copy = tmp_path / LOG_NAME, tmp_path / "copy.sqlite"
    await fill(log, 50)
    async with SqliteLog(log) as writer:
        await writer.append("first", [b"in"])
        begun: list[int] = []

        def append(done: int, _total: int) -> None:
            if not begun:
                anyio.from_thread.run(writer.append, "second", [b"not in"])
            begun.append(done)

        await anyio.to_thread.run_sync(back_up, log, copy, append)
        assert sorted(begun) == begun, "it did not begin again"
        assert len(begun) > 5
    assert list(await docs_in(copy)) == ["first", "lobby/0"]


@pytest.mark.anyio
async def test_R4_a_backup_overwrites_nothing_and_leaves_nothing_when_it_fails(tmp_path: Path) -> None:
    log, copy = tmp_path / LOG_NAME, tmp_path / "copy.sqlite"
    await fill(log, 300)
    copy.write_text("precious")
    with pytest.raises(BackupFailed, match="there already"):
        back_up(log, copy, silent)
    assert copy.read_text() == "precious"
    with pytest.raises(BackupFailed, match="cannot be written"):
        back_up(log, tmp_path / "missing" / "copy.sqlite", silent)
    damage(log)
    with pytest.raises((BackupFailed, LogError), match="damaged"):
        back_up(log, tmp_path / "second.sqlite", silent)
    with pytest.raises(LogError, match="no log"):
        back_up(tmp_path / "missing.sqlite", tmp_path / "second.sqlite", silent)
    assert names(tmp_path) == {LOG_NAME, copy.name}


@pytest.mark.anyio
async def test_R4_a_name_that_was_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    log, copy = tmp_path / LOG_NAME, tmp_path / "copy.sqlite"
    await fill(log)
    with pytest.raises(BackupFailed, match="there already"):
        back_up(log, copy, lambda _done, _total: copy.touch())
    assert copy.read_bytes() == b""


@pytest.mark.anyio
async def test_R4_restoring_keeps_the_log_before_it_with_all_that_it_held(tmp_path: Path) -> None:
    copy, data = tmp_path / "copy.sqlite", tmp_path / "data"
    data.mkdir()
    await fill(copy)
    async with SqliteLog(data / LOG_NAME) as log:
        await log.append("old", [b"\x00\x00"])
        # As a daemon leaves it that was killed: its last commits are in the journal alone.
        for file in list(data.iterdir()):
            os.link(file, file.with_name(f"{file.name}.held"))
    for file in list(data.iterdir()):
        if file.name.endswith(".held"):
            file.replace(file.with_name(file.name.removesuffix(".held")))
    kept = await anyio.to_thread.run_sync(restore, copy, data)
    assert kept == data / f"{LOG_NAME}.before-restore-1"
    assert await docs_in(data / LOG_NAME) == await docs_in(copy)
    assert await docs_in(kept) == {"old": [b"\x00\x00"]}
    assert await anyio.to_thread.run_sync(restore, copy, data) == data / f"{LOG_NAME}.before-restore-2"
    assert stat.S_IMODE((data / LOG_NAME).stat().st_mode) == 0o600


@pytest.mark.anyio
async def test_R4_a_folder_in_use_and_a_damaged_backup_are_refused(tmp_path: Path) -> None:
    copy, data = tmp_path / "copy.sqlite", tmp_path / "data"
    await fill(copy, 300)
    with own_folder(data), pytest.raises(FolderUnusable, match="another daemon"):
        restore(copy, data)
    assert restore(copy, data) is None
    before = await docs_in(data / LOG_NAME)
    await anyio.to_thread.run_sync(poison, copy)
    with pytest.raises(BackupFailed, match="bad/0"):
        restore(copy, data)
    assert await docs_in(data / LOG_NAME) == before
    assert await anyio.to_thread.run_sync(partial(restore, copy, data, damaged=True))
    assert "bad/0" in await docs_in(data / LOG_NAME)
    await anyio.to_thread.run_sync(damage, copy)
    with pytest.raises(BackupFailed, match="damaged"):
        restore(copy, data, damaged=True)
    with pytest.raises(BackupFailed, match="no log"):
        restore(tmp_path / "missing", data)
    assert {name for name in names(data) if "new" in name} == set()

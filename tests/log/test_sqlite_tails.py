"""How SqliteLog learns of what others committed: soon, without missing any, without asking in vain."""

import sqlite3
import threading
from collections import Counter
from pathlib import Path

import anyio
import pytest

from syncchat.log import Entry, SqliteLog
from syncchat.log.sqlite import _Watch
from syncchat.log.tails import Tail


@pytest.mark.anyio
async def test_D7_entries_of_others_are_seen_within_250_ms(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as one, SqliteLog(path) as other:
        tail = one.tail("doc", 0)
        await other.append("doc", [b"first"])
        await anext(tail)
        waits = []
        for _ in range(5):
            await other.append("doc", [b"next"])
            start = anyio.current_time()
            await anext(tail)
            waits.append(anyio.current_time() - start)
    assert sorted(waits)[2] < 0.25


@pytest.mark.anyio
async def test_D7_own_commits_wake_no_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.db"
    looks: Counter[str] = Counter()
    async with SqliteLog(path, poll_seconds=0.001) as one, SqliteLog(path) as other:
        read_tail = one._read_tail

        async def count_and_read(tail: Tail) -> list[Entry]:
            looks[tail.doc] += 1
            return await read_tail(tail)

        async def drain(doc: str) -> None:
            async for _ in one.tail(doc, 0):
                pass

        monkeypatch.setattr(one, "_read_tail", count_and_read)
        foreign = one.tail("foreign", 0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drain, "mine")
            for number in range(30):
                await one.append("mine", [b"own"])
                await other.append("foreign", [b"%d" % number])
                await anext(foreign)
            tasks.cancel_scope.cancel()
    assert looks["foreign"] >= 30
    assert looks["mine"] <= 4


@pytest.mark.anyio
async def test_D7_an_entry_committed_before_the_first_poll_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    look = _Watch.look
    may_look = threading.Event()
    has_read = anyio.Event()
    given: list[Entry] = []

    def look_late(watch: _Watch, connection: sqlite3.Connection) -> set[str] | None:
        assert may_look.wait(20)
        return look(watch, connection)

    async with SqliteLog(path, poll_seconds=0.001) as one, SqliteLog(path) as other:
        read_tail = one._read_tail

        async def read_and_tell(tail: Tail) -> list[Entry]:
            entries = await read_tail(tail)
            has_read.set()
            return entries

        async def drain() -> None:
            async for entries in one.tail("doc", 0):
                given.extend(entries)
                return

        monkeypatch.setattr(_Watch, "look", look_late)
        monkeypatch.setattr(one, "_read_tail", read_and_tell)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(drain)
                await has_read.wait()
                await other.append("doc", [b"between"])
                may_look.set()
    assert [entry.data for entry in given] == [b"between"]


@pytest.mark.anyio
async def test_D7_a_poll_that_fails_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.db"
    look = _Watch.look
    failures = iter(range(3))
    has_failed = threading.Event()

    def look_after_failures(watch: _Watch, connection: sqlite3.Connection) -> set[str] | None:
        if next(failures, None) is not None:
            raise sqlite3.OperationalError("disk I/O error")
        has_failed.set()
        return look(watch, connection)

    async with SqliteLog(path, poll_seconds=0.001) as one, SqliteLog(path) as other:
        tail = one.tail("doc", 0)
        await other.append("doc", [b"a"])
        await anext(tail)
        monkeypatch.setattr(_Watch, "look", look_after_failures)
        assert await anyio.to_thread.run_sync(has_failed.wait, 20)
        for _ in range(5):
            await other.append("doc", [b"b"])
            with anyio.fail_after(20):
                assert [entry.data for entry in await anext(tail)] == [b"b"]

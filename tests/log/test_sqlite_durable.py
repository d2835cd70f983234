"""What SqliteLog promises beyond the contract: crashes, groups, other processes, full disks, shutdown."""

import os
import random
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from syncchat.errors import LogFailed
from syncchat.log import SqliteLog

APPENDER = """
    import sys
    import anyio
    from syncchat.log import SqliteLog

    async def write(log, author):
        for number in range(100_000):
            await log.append("doc", [b"%s:%d:%d" % (author, number, part) for part in range(3)])
            sys.stdout.write(f"{author.decode()}:{number}\\n")
            sys.stdout.flush()

    async def main(path, run):
        async with SqliteLog(path) as log, anyio.create_task_group() as tasks:
            for task in range(4):
                tasks.start_soon(write, log, b"%s.%d" % (run.encode(), task))

    anyio.run(main, *sys.argv[1:])
"""

ROOT = Path(__file__).parents[2]

ECHO = """
    import sys
    import anyio
    from syncchat.log import SqliteLog

    async def main(path, count):
        async with SqliteLog(path) as log:
            print("ready", flush=True)
            seen = 0
            async for entries in log.tail("doc", 0):
                for entry in entries:
                    await log.append("doc", [b"echo " + entry.data])
                    seen += 1
                if seen == int(count):
                    return

    anyio.run(main, *sys.argv[1:])
"""


@contextmanager
def program(source: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of its own that runs `source`; killed at the end if it still lives."""
    command = [sys.executable, "-c", textwrap.dedent(source), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def acknowledged_until_killed(path: Path, run: int, lines: int) -> list[str]:
    """Let a process append, kill -9 it after `lines` acknowledgements, and return all that it told."""
    with program(APPENDER, str(path), str(run)) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told += process.stdout.readlines()
    # The last line may be cut off by the kill; it is no acknowledgement then.
    return [line.strip() for line in told if line.endswith("\n")]


@pytest.mark.anyio
async def test_D1_D5_D6_kill_9_loses_nothing_acknowledged_and_splits_no_append(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    acknowledged: list[str] = []
    for run in range(10):
        acknowledged += await anyio.to_thread.run_sync(acknowledged_until_killed, path, run, 1 + 7 * run)
        async with SqliteLog(path) as log:
            kept = [entry.data.decode() for entry in await log.read("doc")]
        appends = [data.rpartition(":")[0] for data in kept[::3]]
        assert kept == [f"{append}:{part}" for append in appends for part in range(3)]
        assert len(appends) == len(set(appends)), "an append is there twice"
        assert set(acknowledged) <= set(appends)
    assert len(acknowledged) > 10 * 7


@pytest.mark.anyio
async def test_D1_appends_that_wait_together_share_commits(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        async with anyio.create_task_group() as tasks:
            for number in range(300):
                tasks.start_soon(log.append, f"doc-{number % 7}", [b"x" * 33])
        assert 1 < log.commits < 20, "256 appends at most share a commit"
        commits = log.commits
        await log.append("doc", [b"alone"])
        assert log.commits == commits + 1


@pytest.mark.anyio
async def test_D6_a_group_that_is_too_large_for_one_commit_is_split_between_appends(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(log.append, "doc", [b"x" * (1 << 18)])
        assert 3 <= log.commits <= 6


@pytest.mark.anyio
async def test_D7_two_processes_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    count = 50
    with program(ECHO, str(path), str(count)) as process:
        assert process.stdout is not None
        assert await anyio.to_thread.run_sync(process.stdout.readline) == "ready\n"
        async with SqliteLog(path) as log, anyio.create_task_group() as tasks:

            async def write() -> None:
                for number in range(count):
                    await log.append("doc", [b"%d" % number])

            tasks.start_soon(write)
            echoed: list[bytes] = []
            with anyio.fail_after(30):
                async for entries in log.tail("doc", 0):
                    echoed += [entry.data for entry in entries]
                    if len(echoed) == count:
                        break
        assert echoed == [b"echo %d" % number for number in range(count)]
        assert await anyio.to_thread.run_sync(process.wait) == 0


@pytest.mark.anyio
async def test_D7_many_processes_open_a_new_log_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"

    async def use(number: int) -> None:
        async with SqliteLog(path) as log:
            await log.append("doc", [b"%d" % number])

    async with anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(use, number)
    async with SqliteLog(path) as log:
        assert len(await log.read("doc")) == 12
    assert names(tmp_path) == ["log.db"]


@pytest.mark.anyio
async def test_D6_a_full_disk_fails_the_group_and_the_log_goes_on_when_there_is_room(tmp_path: Path) -> None:
    failed: list[str] = []

    async with SqliteLog(tmp_path / "log.db", max_bytes=200_000) as log:

        async def append() -> None:
            try:
                await log.append("doc", [b"part", os.urandom(30_000)])
            except LogFailed as error:
                failed.append(str(error))

        for _ in range(3):
            await log.append("doc", [os.urandom(40_000)])
        before = await log.read("doc")
        async with anyio.create_task_group() as tasks:
            for _ in range(9):
                tasks.start_soon(append)
        assert failed
        assert all("log.db" in text and "full" in text and "make room" in text for text in failed)
        kept = await log.read("doc")
        assert kept[: len(before)] == before
        assert len(kept) - len(before) == 2 * (9 - len(failed)), "nothing of what failed is in"

        assert await log.compact("doc", b"small", base=kept[0].seq, upto=kept[-1].seq)
        await log.append("doc", [os.urandom(40_000)])
        assert [len(entry.data) for entry in await log.read("doc")] == [5, 40_000]


@pytest.mark.anyio
async def test_D4_a_compaction_that_finds_no_room_changes_nothing(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db", max_bytes=100_000) as log:
        await log.append("doc", [b"a", b"b"])
        read = await log.read("doc")
        snapshot = random.Random(1).randbytes(300_000)  # nothing that packs
        with pytest.raises(LogFailed, match="full"):
            await log.compact("doc", snapshot, base=read[0].seq, upto=read[-1].seq)
        assert await log.read("doc") == read


@pytest.mark.anyio
async def test_D6_a_file_locked_by_another_fails_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.log.file.BUSY_SECONDS", 0.01)
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LogFailed, match="another process"):
                await log.append("doc", [b"x"])
            assert await log.read("doc") == [], "reading goes on meanwhile"
        await log.append("doc", [b"y"])
        assert [entry.data for entry in await log.read("doc")] == [b"y"]


@pytest.mark.anyio
async def test_D1_leaving_by_cancellation_commits_what_others_appended(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    entered = anyio.Event()
    logs: list[SqliteLog] = []

    async def hold(scope: anyio.CancelScope) -> None:
        with scope:
            async with SqliteLog(path) as log:
                logs.append(log)
                entered.set()
                await anyio.sleep_forever()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            scope = anyio.CancelScope()
            tasks.start_soon(hold, scope)
            await entered.wait()
            for number in range(10):
                tasks.start_soon(logs[0].append, "doc", [b"%d" % number])
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            scope.cancel()
    async with SqliteLog(path) as log:
        assert len(await log.read("doc")) == 10


@pytest.mark.anyio
async def test_D6_an_unexpected_error_reaches_its_callers_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> list[int]:
        raise OverflowError("a number too large")

    async with SqliteLog(tmp_path / "log.db") as log:
        with monkeypatch.context() as patch:
            patch.setattr("syncchat.log.sqlite.insert", fail)
            with pytest.raises(LogFailed, match="a number too large"):
                await log.append("doc", [b"lost"])
        await log.append("doc", [b"kept"])
        assert [entry.data for entry in await log.read("doc")] == [b"kept"]


@pytest.mark.anyio
async def test_D1_closing_leaves_one_file_and_no_connection(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    before = threading.active_count()
    for _ in range(5):
        async with SqliteLog(path) as log:
            await log.append("doc", [b"x"])
    assert names(tmp_path) == ["log.db"], "the last to close tidies up"
    assert threading.active_count() <= before + 2, "worker threads are used again"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.anyio
async def test_D1_commits_are_synced_to_disk(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        assert log._write_connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert log._write_connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.anyio
async def test_D7_a_page_that_came_in_one_commit_is_packed_and_read_as_it_was_and_a_token_is_left_alone(
    tmp_path: Path,
) -> None:
    page, token, noise = b"some words that come again " * 1000, b"a token", os.urandom(8192)
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("doc", [page, token, noise])
        assert [entry.data for entry in await log.read("doc")] == [page, token, noise]
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        stored = connection.execute("SELECT size, data FROM entries ORDER BY seq").fetchall()
    assert [size for size, _ in stored] == [len(page), len(token), len(noise)]
    assert len(stored[0][1]) < len(page) // 10
    assert [data for _, data in stored[1:]] == [token, noise]

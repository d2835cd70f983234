"""Files that are no log, or no whole one: refused with the path and the remedy, and left alone."""

import hashlib
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from syncchat.errors import LogCorrupt, LogError, LogFailed
from syncchat.log import SqliteLog

PAGE = 4096

CRASH = """
import os, signal, sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("PRAGMA user_version = 99")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


async def fill(path: Path, entries: int = 400) -> None:
    async with SqliteLog(path) as log:
        await log.append("doc", [b"%06d" % number * 100 for number in range(entries)])


async def assert_refused(path: Path, cause: str, remedy: str, kind: type[LogError] = LogCorrupt) -> None:
    """Opening raises `kind` with the path, the cause and the remedy, and the file stays as it is."""
    before = fingerprint(path)
    with pytest.raises(kind, match=cause) as caught:
        await SqliteLog(path).__aenter__()
    assert str(path) in str(caught.value)
    assert remedy in str(caught.value)
    assert fingerprint(path) == before


def fingerprint(path: Path) -> tuple[str, int] | None:
    if not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


def overwrite(path: Path, first: float, last: float) -> None:
    """Fill the pages between two fractions of the file with nonsense."""
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in range(int(pages * first), int(pages * last)):
            file.seek(page * PAGE)
            file.write(b"\xff" * 64)


def cut(path: Path, kept: float) -> None:
    """Keep only the first part of the file, `kept` of the whole."""
    os.truncate(path, int(path.stat().st_size * kept))


def journal_of(path: Path) -> bytes:
    return Path(f"{path}-wal").read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.anyio
@pytest.mark.parametrize("content", [b"hello", b"", b"\x00" * 8192, b"SQLite format 3\x00", b"x" * 100_000])
async def test_D8_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    await anyio.Path(path).write_bytes(content)
    await assert_refused(path, "no log", "path" if not content else "")


@pytest.mark.anyio
async def test_D8_a_damaged_log_is_refused(path: Path) -> None:
    await fill(path)
    overwrite(path, 0.1, 0.3)
    await assert_refused(path, "damaged", "restore it from a backup")


@pytest.mark.anyio
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
async def test_D8_a_log_that_was_cut_short_is_refused(path: Path, kept: float) -> None:
    await fill(path)
    cut(path, kept)
    await assert_refused(path, "damaged", "restore it from a backup")


@pytest.mark.anyio
async def test_D8_a_log_of_a_newer_version_is_refused(path: Path) -> None:
    await fill(path, 3)
    execute(path, "PRAGMA user_version = 99")
    await assert_refused(path, "format 99", "update syncchat")


@pytest.mark.anyio
async def test_D8_a_log_of_a_newer_version_that_crashed_is_left_with_its_journal(path: Path) -> None:
    await fill(path, 3)
    await anyio.run_process([sys.executable, "-c", CRASH, str(path)], check=False)
    journal = journal_of(path)
    assert journal
    await assert_refused(path, "format 99", "update syncchat")
    assert journal_of(path) == journal


@pytest.mark.anyio
async def test_D7_sequence_numbers_are_not_used_again_after_rows_were_removed_by_hand(path: Path) -> None:
    await fill(path, 3)
    execute(path, "DELETE FROM entries")
    async with SqliteLog(path) as log:
        assert await log.append("doc", [b"x"]) == 4


@pytest.mark.anyio
async def test_D8_a_database_of_another_program_is_refused(path: Path) -> None:
    execute(path, "CREATE TABLE entries (seq, doc, writer, data)")
    await assert_refused(path, "no log of syncchat", "choose another path")


@pytest.mark.anyio
async def test_D8_a_log_without_its_table_is_refused(path: Path) -> None:
    await fill(path, 3)
    execute(path, "DROP TABLE entries")
    await assert_refused(path, "lacks what a log has", "restore it from a backup")


@pytest.mark.anyio
async def test_D8_a_folder_and_a_pipe_are_refused(path: Path) -> None:
    await anyio.Path(path).mkdir()
    await assert_refused(path, "folder", "give the path of a file")
    pipe = path / "pipe"
    os.mkfifo(pipe)
    await assert_refused(pipe, "device", "give the path of a file")


@pytest.mark.anyio
async def test_D8_damage_that_is_met_while_reading_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.log.file.CHECKED_WHOLLY", 0)  # as if the file were a large one
    await fill(path)
    overwrite(path, 0.4, 0.5)
    async with SqliteLog(path) as log:
        with pytest.raises(LogCorrupt, match="restore it from a backup") as caught:
            await log.read("doc")
    assert str(path) in str(caught.value)


async def fill_packed(path: Path) -> bytes:
    """A log of one snapshot, which packs well; return the snapshot."""
    snapshot = b"".join(b"message %06d\n" % number for number in range(20_000))
    async with SqliteLog(path) as log:
        await log.append("doc", [b"a", b"b"])
        entries = await log.read("doc")
        assert await log.compact("doc", snapshot, base=entries[0].seq, upto=entries[-1].seq)
    return snapshot


@pytest.mark.anyio
async def test_D4_a_snapshot_is_packed_on_disk_and_read_as_it_was(path: Path) -> None:
    snapshot = await fill_packed(path)
    assert (await anyio.Path(path).stat()).st_size < len(snapshot) / 2
    async with SqliteLog(path) as log, SqliteLog(path) as other:
        assert [entry.data for entry in await log.read("doc")] == [snapshot]
        assert await log.size("doc") == (1, len(snapshot))
        with anyio.fail_after(20):
            assert [entry.data for entry in await anext(other.tail("doc", 0))] == [snapshot]


@pytest.mark.anyio
async def test_D8_a_packed_snapshot_that_is_damaged_is_told(path: Path) -> None:
    await fill_packed(path)
    execute(path, "UPDATE entries SET data = CAST(x'00' || substr(data, 2) AS BLOB)")
    async with SqliteLog(path) as log:
        with pytest.raises(LogCorrupt, match="restore it from a backup") as caught:
            await log.read("doc")
    assert str(path) in str(caught.value)


@pytest.mark.anyio
async def test_D8_a_log_of_an_older_version_is_left_to_it(path: Path) -> None:
    await fill(path, 3)
    execute(path, "PRAGMA user_version = 1")
    await assert_refused(path, "format 1,", "open it with the syncchat that made it")


@pytest.mark.anyio
async def test_D8_a_folder_that_is_missing_or_not_writable_is_told(tmp_path: Path) -> None:
    await assert_refused(tmp_path / "missing" / "log.db", "cannot|failed", "folder", LogFailed)
    file = tmp_path / "file"
    file.write_text("x")
    await assert_refused(file / "log.db", "cannot|failed", "folder", LogFailed)


@pytest.mark.anyio
async def test_D8_a_failed_opening_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("hello")
    with pytest.raises(LogCorrupt):
        await SqliteLog(tmp_path / "log.db").__aenter__()
    assert names(tmp_path) == ["log.db"]


@pytest.mark.anyio
async def test_D8_a_file_system_without_hard_links_holds_a_log(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr("os.link", refuse)
    await fill(path, 3)
    await fill(path, 3)
    async with SqliteLog(path) as log:
        assert (await log.size("doc"))[0] == 6
    assert names(path.parent) == ["log.db"]


@pytest.mark.anyio
async def test_D8_odd_paths_are_only_paths(tmp_path: Path) -> None:
    for name in ("a?mode=memory", "b#c", "100%.db", "Zoë 📊", ":memory:"):
        await fill(tmp_path / name, 3)
        assert (tmp_path / name).is_file()


@pytest.mark.anyio
async def test_D4_compaction_gives_the_disk_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    async with SqliteLog(path) as log:
        for number in range(20):
            await log.append("doc", [bytes([number]) * 200] * 100)
        entries = await log.read("doc")
        assert await log.compact("doc", b"s" * 20_000, base=entries[0].seq, upto=entries[-1].seq)
    assert path.stat().st_size < 100_000, "400 kB of entries stand for 20 kB now"

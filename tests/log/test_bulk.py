"""Many entries at once, into a log that nobody else has open: whole, packed, or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncchat.errors import LogCorrupt
from syncchat.log import SqliteLog
from syncchat.log.bulk import bulk

LONG = b"the same again and again " * 1000


async def entries(path: Path, doc: str) -> list[bytes]:
    async with SqliteLog(path) as log:
        return [entry.data for entry in await log.read(doc)]


@pytest.mark.anyio
async def test_D6_what_was_appended_in_bulk_is_read_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    async with SqliteLog(path) as log:
        await log.append("lobby/0", [b"first"])
    with bulk(path) as batch:
        batch.append("lobby/0", LONG)
        batch.append("lobby/1", b"short")
        assert batch.read("lobby/0") == [b"first", LONG]
    assert await entries(path, "lobby/0") == [b"first", LONG]
    assert await entries(path, "lobby/1") == [b"short"]


@pytest.mark.anyio
async def test_D6_a_bulk_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"

    def fail() -> None:
        with bulk(path) as log:
            log.append("lobby/0", LONG)
            raise ValueError("half of it")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert await entries(path, "lobby/0") == []


def test_D6_large_entries_are_packed_and_keep_their_size(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with bulk(path) as log:
        log.append("lobby/0", LONG)
    with closing(sqlite3.connect(path)) as connection:
        ((size, stored),) = connection.execute("SELECT size, length(data) FROM entries").fetchall()
    assert size == len(LONG)
    assert stored < size / 20


def test_D8_bulk_refuses_a_file_that_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"something else " * 500)
    with pytest.raises(LogCorrupt), bulk(path):
        pass

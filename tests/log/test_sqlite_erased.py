"""What was compacted away or dropped is not on the disk any more once the log was scrubbed (H10)."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from syncchat.log import SqliteLog

pytestmark = pytest.mark.anyio

SECRET = b"correct horse battery staple"


def on_disk(path: Path) -> int:
    """How often the secret stands in the log's files."""
    return sum(file.read_bytes().count(SECRET) for file in path.parent.glob(f"{path.name}*"))


async def compact(log: SqliteLog, doc: str, snapshot: bytes) -> None:
    read = await log.read(doc)
    assert await log.compact(doc, snapshot, base=read[0].seq, upto=read[-1].seq)


async def test_H10_what_was_dropped_or_compacted_is_in_no_file_after_a_scrub(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        for number in range(200):
            await log.append("doc", [b"%d %s" % (number, SECRET * (number % 7))])
            await log.append("gone", [SECRET, b"%d" % number])
            await log.append("kept", [b"kept %d" % number])
        assert on_disk(path) > 0
        await compact(log, "doc", b"nothing is left of it")
        await log.drop("gone")
        assert await log.scrub()
        assert on_disk(path) == 0
        assert len(await log.read("kept")) == 200


@pytest.mark.parametrize("seed", range(6))
async def test_H10_whatever_the_file_went_through_nothing_is_left_in_its_corners(
    tmp_path: Path, seed: int
) -> None:
    """Pages are split, filled again and moved: no copy of a row stays behind in one of them."""
    rand = random.Random(seed)
    path = tmp_path / "log.db"
    docs = [f"room-{number}/{number % 3}" for number in range(8)]
    async with SqliteLog(path) as log:
        for _ in range(120):
            doc = rand.choice(docs)
            text = rand.randbytes(rand.choice((3, 30, 300, 3000, 9000)))
            beside = {rand.choice(docs) + "#beside": [SECRET]} if rand.random() < 0.3 else None
            await log.append(doc, [text + SECRET] * rand.randint(1, 4), beside=beside)
            if rand.random() < 0.15 and len(await log.read(doc)) > 1:
                await compact(log, doc, rand.randbytes(rand.choice((40, 4000))) + SECRET)
            if rand.random() < 0.05:
                await log.drop(doc)
        for doc in await log.docs():
            await log.append(doc, [b"the end"])
            await compact(log, doc, b"clean")
        assert await log.scrub()
        assert on_disk(path) == 0


async def test_H10_a_scrub_waits_for_who_reads_and_says_when_it_was_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.log.sqlite.SCRUB_TRIES", 2)
    monkeypatch.setattr("syncchat.log.sqlite.SCRUB_SECONDS", 0.01)
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await log.append("doc", [SECRET])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM entries").fetchall()
            await log.drop("doc")
            with anyio.fail_after(5):
                assert not await log.scrub()
                await log.append("doc", [b"who appends waits for nobody"])
            assert on_disk(path) > 0
            other.execute("COMMIT")
        assert await log.scrub()
        assert on_disk(path) == 0

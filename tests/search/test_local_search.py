"""Search over what a peer holds itself: the log, and an index that follows it."""

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from syncchat.core.ids import format_id
from syncchat.errors import LogError
from syncchat.log import Log, MemoryLog, SqliteLog
from syncchat.peer import Peer
from syncchat.search import Change, Feeder, Found, Index, LocalSearch, SearchFailed, parse, writing
from syncchat.search.file import open_index
from syncchat.search.index import PART
from syncchat.testing.client import Writer

PATIENCE = 30.0

T = TypeVar("T")


def message(number: int) -> str:
    return format_id(1_800_000_000_000 + number, "ada", number)


async def write(log: Log, doc: str, said: dict[str, object]) -> int:
    writer = Writer()
    return await log.append(doc, [writer.write(id, value) for id, value in said.items()])


async def find(local: LocalSearch, text: str) -> set[str]:
    return {hit.id for hit in (await local.search(text, limit=100)).hits}


@pytest.mark.anyio
async def test_H8_what_a_peer_holds_is_found_with_no_server_and_after_a_restart(tmp_path: Path) -> None:
    async with Peer(tmp_path / "rooms.sqlite", user="ada") as ada:
        room = await ada.enter("lobby")
        cake, tea = room.post("the cake is in the cellar"), room.post("tea?")
        gone = room.post("no cake at all")
        room.delete(gone)
        room.edit(tea, "coffee?")
        await ada.saved()
    for _ in range(2):
        log = SqliteLog(tmp_path / "rooms.sqlite")
        async with log, LocalSearch(log, tmp_path / "search.sqlite") as local:
            await local.update()
            assert local.complete
            assert await find(local, "cake") == {cake}
            assert await find(local, "coffee") == {tea}
            assert await find(local, "tea") == set()


@pytest.mark.anyio
async def test_H8_an_update_reads_what_is_new_and_nothing_else() -> None:
    async with MemoryLog() as log, LocalSearch(log) as local:
        for page in range(5):
            await write(log, f"lobby/{page}", {message(page): {"text": "cake"}})
        read: list[int] = []
        await local.update(read.append)
        assert read == [5, 4, 3, 2, 1]
        await write(log, "lobby/3", {message(100): {"text": "cake"}})
        await write(log, "lobby/cover", {"newest": 4})
        await write(log, "lobby/3#owners", {"x": 4})
        await write(log, "todo", {"x": {"text": "cake"}})
        read.clear()
        await local.update(read.append)
        assert read == [1]
        assert len(await find(local, "cake")) == 6


@pytest.mark.anyio
async def test_H8_rows_that_are_no_messages_are_not_found() -> None:
    rows: dict[str, object] = {
        message(1): {"text": "cake"},
        message(2): {"text": "cake", "deleted": True},
        message(3): {"text": ["cake"]},
        message(4): "cake",
        "no id": {"text": "cake"},
    }
    async with MemoryLog() as log, LocalSearch(log) as local:
        await write(log, "lobby/0", rows)
        await local.update()
        assert await find(local, "cake") == {message(1)}


@pytest.mark.anyio
async def test_H8_an_index_that_was_lost_damaged_or_of_another_log_is_built_again(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    said: dict[str, object] = {message(number): {"text": f"cake {number}"} for number in range(300)}
    async with SqliteLog(tmp_path / "log.sqlite") as log, LocalSearch(log, path) as local:
        await write(log, "lobby/0", said)
        await local.update()
        whole = await local.search("cake")
    for damage in (path.unlink, lambda: path.write_bytes(b"x" * 9999), lambda: _overwrite(path)):
        damage()
        async with SqliteLog(tmp_path / "log.sqlite") as log, LocalSearch(log, path) as local:
            assert await _found(local) == whole
    async with MemoryLog() as other, LocalSearch(other, path) as local:
        await local.update()
        assert await find(local, "cake") == set()


async def _found(local: LocalSearch) -> Found:
    await local.update()
    return await local.search("cake")


def _overwrite(path: Path) -> None:
    """What a broken disk leaves: the head of the file is right, and nothing behind it."""
    with closing(open_index(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


@pytest.mark.anyio
async def test_H8_a_log_that_cannot_be_read_is_told_and_costs_nothing_that_was_found() -> None:
    log = MemoryLog()
    async with LocalSearch(log) as local:
        async with log:
            await write(log, "lobby/0", {message(1): {"text": "cake"}})
            await local.update()
        with pytest.raises(LogError):
            await local.update()
        assert await find(local, "cake") == {message(1)}


@pytest.mark.anyio
async def test_H8_a_page_of_thousands_is_found_whole_and_may_be_cut_off_anywhere(tmp_path: Path) -> None:
    said: dict[str, object] = {message(number): {"text": f"cake {number}"} for number in range(2 * PART + 1)}
    async with MemoryLog() as log:
        await write(log, "lobby/0", said)
        for parts in (0, 1, 2, 3, None):
            async with Cut(tmp_path / "search.sqlite", parts) as index:
                with pytest.raises(CutOff) if parts is not None else nullcontext():
                    await Feeder(log, index).update()
        async with LocalSearch(log, tmp_path / "search.sqlite") as local:
            assert await local.count() == len(said)
            read: list[int] = []
            await local.update(read.append)
            assert read == []


class CutOff(Exception):
    """What stands for the end of the process."""


class Cut(Index):
    """An index of which only so many parts of a page are put in."""

    def __init__(self, path: Path, parts: int | None) -> None:
        super().__init__(path)
        self._left = parts

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if isinstance(work, partial) and work.func in (writing.put_part, writing.settle):
            if self._left == 0:
                raise CutOff
            self._left = None if self._left is None else self._left - 1
        return await super()._run(work)


@pytest.mark.anyio
async def test_H8_a_log_that_is_behind_its_index_is_read_anew(tmp_path: Path) -> None:
    for texts in (["cake", "cake", "cake"], ["tea"]):
        async with MemoryLog() as log, LocalSearch(log, tmp_path / "search.sqlite") as local:
            for number, text in enumerate(texts):
                await write(log, "lobby/0", {message(number): {"text": text}})
            await local.update()
            assert len(await find(local, "cake")) == texts.count("cake")
            assert len(await find(local, "tea")) == texts.count("tea")


# The feeder, told of each commit


class Watched(Index):
    """Tells when something was put in."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.put = anyio.Event()

    async def apply(self, changes: Sequence[Change]) -> None:
        await super().apply(changes)
        self.put.set()

    async def wait(self) -> None:
        """Return when something has been put in since the last return."""
        with anyio.fail_after(PATIENCE):
            await self.put.wait()
        self.put = anyio.Event()


async def found(index: Index, text: str) -> set[str]:
    return {hit.id for hit in (await index.search(parse(text), limit=100)).hits}


@pytest.mark.anyio
async def test_H8_what_is_noted_is_found_and_so_is_more_than_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.search.feeder.MAX_NOTED", 300)
    writer = Writer()
    async with MemoryLog() as log, Watched(tmp_path / "search.sqlite") as index:
        feeder = Feeder(log, index)
        await log.append("lobby/0", [writer.write(message(0), {"text": "cake"})])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feeder.run)
            await index.wait()
            assert feeder.complete
            for number in range(1, 6):
                id = message(number)
                seq = await log.append("lobby/0", [writer.write(id, {"text": "cake"})])
                feeder.note("lobby/0", seq, {id: writer.root[id]})
                feeder.note("lobby/cover", seq, {})
            while len(await found(index, "cake")) < 6:
                await index.wait()
            assert await index.cursors() == await log.heads()
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_H8_S7_an_index_that_is_damaged_is_built_again_while_the_log_is_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, said = tmp_path / "search.sqlite", {message(number): {"text": "cake"} for number in range(900)}
    async with MemoryLog() as log:
        await write(log, "lobby/0", dict(said))
        async with LocalSearch(log, path) as local:
            await local.update()
        _overwrite(path)
        async with Watched(path) as index, anyio.create_task_group() as tasks:
            feeder = Feeder(log, index)
            tasks.start_soon(feeder.run)
            with pytest.raises(SearchFailed):
                await found(index, "cake")
            feeder.distrust()
            writer, id = Writer(), message(9999)
            seq = await log.append("team-a/0", [writer.write(id, {"text": "tea"})])
            feeder.note("team-a/0", seq, {id: writer.root[id]})
            with anyio.fail_after(PATIENCE):
                while not feeder.complete or not await found(index, "tea"):
                    await index.wait()
            assert len(await found(index, "cake")) == 100
            tasks.cancel_scope.cancel()
    assert "damaged" in caplog.text
    assert "cake" not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(6))
async def test_H8_D5_whenever_it_ends_nothing_is_missing_afterwards(seed: int, tmp_path: Path) -> None:
    """Random commits, told or not, index work that is cut off anywhere, compaction, pages that go."""
    rng, path = random.Random(seed), tmp_path / "search.sqlite"
    writers = {f"room-{number}/0": Writer() for number in range(3)}
    expected: dict[str, str] = {}
    async with MemoryLog() as log:
        for _ in range(12):
            async with Index(path) as index:
                feeder = Feeder(log, index)
                for _ in range(rng.randrange(12)):
                    await _do_something(rng, log, feeder, writers, expected)
        async with LocalSearch(log, path) as local:
            await local.update()
            assert await find(local, "cake") == {id for id, text in expected.items() if text == "cake"}
            assert await find(local, "tea") == {id for id, text in expected.items() if text == "tea"}


async def _do_something(
    rng: random.Random, log: Log, feeder: Feeder, writers: dict[str, Writer], expected: dict[str, str]
) -> None:
    doc = rng.choice(list(writers))
    match rng.randrange(5):
        case 0:
            await feeder.update()
        case 1:
            await feeder.put_noted()
        case _:
            id = format_id(1_800_000_000_000 + rng.randrange(8), "ada", list(writers).index(doc))
            text = rng.choice(("cake", "tea", ""))
            value = {"text": text} if text else {"deleted": True}
            seq = await log.append(doc, [writers[doc].write(id, value)])
            feeder.note(doc, seq, {id: writers[doc].root[id]})
            expected[id] = text


@pytest.mark.anyio
async def test_H8_H11_a_page_that_the_log_drops_is_found_no_more_and_does_not_come_back(
    tmp_path: Path,
) -> None:
    writer, id = Writer(), message(7)
    async with MemoryLog() as log, Index(tmp_path / "search.sqlite") as index:
        await write(log, "lobby/0", {message(1): {"text": "cake"}})
        await write(log, "lobby/1", {message(2): {"text": "cake"}})
        feeder = Feeder(log, index)
        await feeder.update()
        seq = await log.append("lobby/0", [writer.write(id, {"text": "cake"})])
        feeder.note("lobby/0", seq, {id: writer.root[id]})
        await log.drop("lobby/0")
        await feeder.refresh("lobby/0")
        await feeder.put_noted()
        assert await found(index, "cake") == {message(2)}
        assert await index.cursors() == await log.heads()


@pytest.mark.anyio
async def test_H8_H11_what_was_dropped_while_nobody_looked_is_found_no_more(tmp_path: Path) -> None:
    async with MemoryLog() as log:
        async with LocalSearch(log, tmp_path / "search.sqlite") as local:
            for page in range(3):
                await write(log, f"lobby/{page}", {message(page): {"text": "cake"}})
            await local.update()
        await log.drop("lobby/0", "lobby/1")
        async with LocalSearch(log, tmp_path / "search.sqlite") as local:
            await local.update()
            assert await find(local, "cake") == {message(2)}


@pytest.mark.anyio
async def test_H8_O5_two_processes_that_search_one_folder_find_the_same(tmp_path: Path) -> None:
    """Each has handles of its own, as two processes have; one builds the index anew meanwhile."""
    path = tmp_path / "search.sqlite"
    async with SqliteLog(tmp_path / "log.sqlite") as one, SqliteLog(tmp_path / "log.sqlite") as other:
        for page in range(20):
            said = {message(1000 * page + number): {"text": "cake"} for number in range(4)}
            await write(one, f"lobby/{page}", dict(said))
        async with LocalSearch(one, path) as first, LocalSearch(other, path) as second:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(first.update)
                tasks.start_soon(second.update)
            await write(one, "lobby/20", {message(99_999): {"text": "cake"}})
            await second.update()
            assert await find(first, "cake") == await find(second, "cake")
            assert len(await find(first, "cake")) == 81
            path.unlink()
            await second.update()
            assert len(await find(second, "cake")) == 81
            async with LocalSearch(one, path) as third:
                await third.update()
                assert len(await find(third, "cake")) == 81


@pytest.mark.anyio
async def test_H8_H10_what_was_deleted_leaves_the_file_of_a_client_too(tmp_path: Path) -> None:
    path, writer = tmp_path / "search.sqlite", Writer()
    async with MemoryLog() as log:
        await log.append("lobby/0", [writer.write(message(1), {"text": "zyzzyva beetles"})])
        await log.append("lobby/0", [writer.write(message(2), {"text": "other beetles"})])
        async with LocalSearch(log, path) as local:
            await local.update()
        assert b"zyzzyva" in path.read_bytes()
        await log.append("lobby/0", [writer.write(message(1), {"deleted": True})])
        async with LocalSearch(log, path) as local:
            await local.update()
            assert await find(local, "beetles") == {message(2)}
    assert b"zyzzyva" not in path.read_bytes()

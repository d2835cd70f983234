"""The feeder of an index: told of each commit, cut off anywhere, and set back by whatever fails."""

import random
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from syncchat.core.ids import format_id
from syncchat.log import Log, MemoryLog
from syncchat.search import Change, Feeder, Index, LocalSearch, SearchFailed
from syncchat.testing.client import Writer
from tests.search.filling import Torn, find, found, message, overwrite, write

PATIENCE = 30.0


class Watched(Index):
    """Tells when something was put in."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.put = anyio.Event()

    async def apply(self, changes: Iterable[Change]) -> None:
        await super().apply(changes)
        self.put.set()

    async def wait(self) -> None:
        """Return when something has been put in since the last return."""
        with anyio.fail_after(PATIENCE):
            await self.put.wait()
        self.put = anyio.Event()


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
        overwrite(path)
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
async def test_H8_a_page_that_could_not_be_read_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.search.feeder.AGAIN", 0.0)
    async with Torn("lobby/0") as log, Watched(tmp_path / "search.sqlite") as index:
        await write(log, "lobby/0", {message(1): {"text": "cake"}})
        await write(log, "lobby/1", {message(2): {"text": "cake"}})
        feeder = Feeder(log, index)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feeder.run)
            await index.wait()
            assert await found(index, "cake") == {message(2)}
            assert not feeder.complete
            log.torn.clear()
            await index.wait()
            assert await found(index, "cake") == {message(1), message(2)}
            tasks.cancel_scope.cancel()


class Full(Index):
    """An index on a disk that is full for some calls."""

    def __init__(self, path: Path, failures: int) -> None:
        super().__init__(path)
        self._failures = failures

    async def apply(self, changes: Iterable[Change]) -> None:
        self._failures -= 1
        if self._failures >= 0:
            raise SearchFailed("the disk is full")
        await super().apply(changes)


@pytest.mark.anyio
async def test_H8_a_full_disk_is_told_and_what_it_cost_is_made_good(tmp_path: Path) -> None:
    async with MemoryLog() as log, Full(tmp_path / "search.sqlite", 1) as index:
        await write(log, "lobby/0", {message(1): {"text": "cake"}})
        feeder = Feeder(log, index)
        with pytest.raises(SearchFailed):
            await feeder.update()
        assert feeder.waiting == 1
        await feeder.update()
        assert feeder.complete
        assert await found(index, "cake") == {message(1)}


@pytest.mark.anyio
async def test_H8_after_a_full_disk_nothing_counts_as_read_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.search.feeder.RETRY", 0.0)
    monkeypatch.setattr("syncchat.search.feeder.BATCH_SECONDS", 0.0)
    writer = Writer()
    async with MemoryLog() as log, Full(tmp_path / "search.sqlite", 3) as index:
        feeder = Feeder(log, index)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feeder.run)
            for number in range(20):
                id = message(number)
                seq = await log.append("lobby/0", [writer.write(id, {"text": "cake"})])
                feeder.note("lobby/0", seq, {id: writer.root[id]})
                head = await log.heads()
                with anyio.fail_after(PATIENCE):
                    while await index.cursors() != head:
                        pass  # each look is a trip to the index's thread
                assert len(await found(index, "cake")) == number + 1
            tasks.cancel_scope.cancel()

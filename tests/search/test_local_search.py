"""Search over what a peer holds itself: the log, and an index that follows it."""

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from syncchat.errors import LogCorrupt, LogError
from syncchat.log import MemoryLog, SqliteLog
from syncchat.peer import Peer
from syncchat.search import Feeder, Found, Index, LocalSearch, writing
from syncchat.search.index import PART
from syncchat.testing.client import Writer
from tests.files import holding
from tests.search.filling import Torn, find, message, overwrite, write

T = TypeVar("T")


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
        assert await find(local, "cake") == await find(local, "author:ada") == {message(1)}


@pytest.mark.anyio
async def test_H8_an_index_that_was_lost_damaged_or_of_another_log_is_built_again(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    said: dict[str, object] = {message(number): {"text": f"cake {number}"} for number in range(300)}
    async with SqliteLog(tmp_path / "log.sqlite") as log, LocalSearch(log, path) as local:
        await write(log, "lobby/0", said)
        await local.update()
        whole = await local.search("cake")
    for damage in (path.unlink, lambda: path.write_bytes(b"x" * 9999), lambda: overwrite(path)):
        damage()
        async with SqliteLog(tmp_path / "log.sqlite") as log, LocalSearch(log, path) as local:
            assert await _found(local) == whole
    async with MemoryLog() as other, LocalSearch(other, path) as local:
        await local.update()
        assert await find(local, "cake") == set()


async def _found(local: LocalSearch) -> Found:
    await local.update()
    return await local.search("cake")


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


@pytest.mark.anyio
async def test_H8_H10_what_was_deleted_leaves_the_files_of_a_client_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.search.local.FOLLOW_SECONDS", 0.01)
    path, writer = tmp_path / "search.sqlite", Writer()

    def told() -> list[str]:
        return holding(tmp_path, b"zyzzyva", "search.sqlite*")

    async with Torn() as log, LocalSearch(log, path) as local:
        await log.append("lobby/0", [writer.write(message(1), {"text": "zyzzyva beetles"})])
        await log.append("lobby/0", [writer.write(message(2), {"text": "other beetles"})])
        await local.update()
        assert told()
        await log.append("lobby/1", [b"no update at all"])  # it keeps no other from being taken out
        await log.append("lobby/0", [writer.write(message(1), {"deleted": True})])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(local.follow)
            with anyio.fail_after(20):
                while told():  # noqa: ASYNC110 - a file tells nobody that it was written
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        assert await find(local, "beetles") == {message(2)}


@pytest.mark.anyio
async def test_H8_S7_a_page_that_cannot_be_read_keeps_no_other_from_being_found() -> None:
    async with Torn("lobby/2") as log, LocalSearch(log) as local:
        for page in range(4):
            await write(log, f"lobby/{page}", {message(page): {"text": "cake"}})
        await log.append("lobby/1", [b"no update at all"])
        with pytest.raises(LogError):
            await local.update()
        assert not local.complete
        assert await find(local, "cake") == {message(0), message(3)}
        log.torn.clear()
        with pytest.raises(LogCorrupt, match="lobby/1"):
            await local.update()
        assert await find(local, "cake") == {message(0), message(2), message(3)}

"""A journal says what its entries say: in order, over restarts, cut short or not, to all processes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from syncchat.errors import LogCorrupt, LogFailed
from syncchat.journal import CHECK_EVERY, MAX_LOADED, Journal, Journals
from syncchat.log import MemoryLog, MemoryStore

pytestmark = pytest.mark.anyio


@dataclass
class Words:
    """Remembers what it was told, in order."""

    said: list[str] = field(default_factory=list)

    def take(self, entry: Any) -> None:
        if isinstance(entry, str):
            self.said.append(entry)

    def whole(self) -> Any:
        return self.said

    def restore(self, whole: Any) -> None:
        self.said += whole


async def test_what_is_written_is_there_after_closing_and_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    async with Journals.open(path) as journals:
        await journals.get("words", Words).write("one")
        await journals.get("others", Words).write("two")
    async with Journals.open(path) as journals:
        assert (await journals.get("words", Words).read()).said == ["one"]
        assert await journals.names() == ["others", "words"]


async def test_two_handles_on_one_file_come_to_the_same_order(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    async with Journals.open(path) as one, Journals.open(path) as other:
        here, there = one.get("words", Words), other.get("words", Words)
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(here.append, f"a{number}")
                tasks.start_soon(there.append, f"b{number}")
        said = (await here.read()).said
        assert len(said) == 40
        assert (await there.read()).said == said


async def test_a_long_journal_is_cut_short_and_says_the_same() -> None:
    store = MemoryStore()
    async with MemoryLog(store) as log, MemoryLog(store) as other_log:
        journal = Journal(log, "words", Words, longest=10)
        follower = Journal(other_log, "words", Words, longest=10)
        told = [str(number) for number in range(3 * CHECK_EVERY)]
        for number, word in enumerate(told):
            await journal.append(word)
            if number % 50 == 7:
                await follower.read()  # has read a part of what will stand for all
        count, _ = await log.size("words")
        assert count <= 10 + CHECK_EVERY
        assert (await journal.read()).said == told
        assert (await follower.read()).said == told
        assert (await Journal(log, "words", Words).read()).said == told


async def test_what_somebody_else_writes_meanwhile_is_not_cut_off() -> None:
    class Slow(MemoryLog):
        """Lets another process write between reading and compacting."""

        async def compact(self, doc: str, snapshot: bytes, *, base: int, upto: int) -> bool:
            await other.append("late")
            return await super().compact(doc, snapshot, base=base, upto=upto)

    store = MemoryStore()
    async with Slow(store) as log, MemoryLog(store) as other_log:
        other = Journal(other_log, "words", Words)
        journal = Journal(log, "words", Words, longest=1)
        for word in ("a", "b", *"c" * CHECK_EVERY):
            await journal.append(word)
        assert sorted((await journal.read()).said) == ["a", "b", *"c" * CHECK_EVERY, "late"]


async def test_a_full_disk_is_told_and_nothing_is_written() -> None:
    store = MemoryStore()
    async with MemoryLog(store) as log:
        journal = Journal(log, "words", Words)
        await journal.append("one")
        store.failure = "full"
        with pytest.raises(LogFailed):
            await journal.append("two")
        store.failure = None
        assert (await journal.read()).said == ["one"]


async def test_an_entry_that_is_damaged_is_named() -> None:
    for damage in (b"\xff no JSON", b"{}", b'["whole", 5]'):
        async with MemoryLog() as log:
            await log.append("words", [damage])
            with pytest.raises(LogCorrupt, match="entry 1 of the journal words is damaged"):
                await Journal(log, "words", Words).read()


async def test_a_later_versions_entries_change_nothing() -> None:
    async with MemoryLog() as log:
        journal = Journal(log, "words", Words)
        await journal.append({"kind": "unknown here"})
        assert (await journal.write("one")).said == ["one"]


async def test_of_many_journals_few_are_in_memory_and_all_say_what_they_said() -> None:
    async with Journals.open(None) as journals:
        for number in range(MAX_LOADED + 5):
            await journals.get(str(number), Words).append(f"w{number}")
        assert (await journals.get("0", Words).read()).said == ["w0"]
        await journals.drop("0")
        assert (await journals.get("0", Words).read()).said == []

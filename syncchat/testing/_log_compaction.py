"""What a log has to keep of the rules D4 and D7 when it is compacted."""

import random

import anyio
import pytest

from syncchat.log import Entry, Log
from syncchat.testing._log_case import PATIENCE_SECONDS, LogCase, assert_ascending, compact, follow


class CompactionContract(LogCase):
    """Compaction as compare-and-swap, and what tails see of it."""

    @pytest.mark.anyio
    async def test_D4_compaction_replaces_what_was_read_and_keeps_what_came_after(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"a", b"b"])
            await log.append("other", [b"untouched"])
            read = await log.read("doc")
            later = await log.append("doc", [b"c"])
            assert await compact(log, "doc", read, b"ab")
            assert await log.read("doc") == [Entry(read[-1].seq, b"ab"), Entry(later, b"c")]
            assert [entry.data for entry in await log.read("other")] == [b"untouched"]
            assert await log.size("doc") == (2, 3)

    @pytest.mark.anyio
    async def test_D4_D7_the_head_of_a_doc_is_its_newest_entry_and_compaction_leaves_it(self) -> None:
        async with self.open_log() as log, self.open_log() as other:
            assert await log.heads() == {}
            await log.append("doc", [b"a", b"b"], beside={"doc#beside": [b"x"]})
            await other.append("a", [b"c"])
            read = {doc: await log.read(doc) for doc in ("doc", "doc#beside", "a")}
            heads = {doc: entries[-1].seq for doc, entries in read.items()}
            assert await log.heads() == await other.heads() == heads
            assert await compact(log, "doc", read["doc"], b"ab")
            assert await other.heads() == heads

    @pytest.mark.anyio
    async def test_D4_compaction_that_lost_the_race_changes_nothing(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"a", b"b", b"c"])
            read = await other.read("doc")
            assert await compact(one, "doc", read[:2], b"ab")
            after = await one.read("doc")
            assert not await compact(other, "doc", read, b"abc")
            assert not await compact(other, "doc", read[:2], b"ab again")
            assert await one.read("doc") == after == [Entry(read[1].seq, b"ab"), read[2]]

    @pytest.mark.anyio
    async def test_D4_of_many_compactions_at_once_exactly_one_wins(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"a", b"b", b"c"])
            read = await one.read("doc")
            won: list[bytes] = []

            async def compete(log: Log, snapshot: bytes) -> None:
                if await compact(log, "doc", read, snapshot):
                    won.append(snapshot)

            async with anyio.create_task_group() as tasks:
                for number in range(6):
                    tasks.start_soon(compete, (one, other)[number % 2], b"snapshot %d" % number)
            assert len(won) == 1
            assert await one.read("doc") == [Entry(read[-1].seq, won[0])]

    @pytest.mark.anyio
    async def test_D4_compaction_of_what_is_not_there_changes_nothing(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"a", b"b"])
            elsewhere = await log.append("elsewhere", [b"x"])
            read = await log.read("doc")
            first, last = read[0].seq, read[-1].seq
            assert not await log.compact("doc", b"s", base=first, upto=last + 100)
            assert not await log.compact("doc", b"s", base=first, upto=elsewhere)
            assert not await log.compact("doc", b"s", base=first - 1, upto=last)
            assert not await log.compact("doc", b"s", base=last, upto=last)
            assert not await log.compact("elsewhere", b"s", base=first, upto=last)
            assert await log.read("doc") == read

    @pytest.mark.anyio
    async def test_D7_sequence_numbers_are_not_used_again_after_compaction(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"a", b"b"])
            read = await log.read("doc")
            assert await compact(log, "doc", read, b"ab")
        async with self.open_log() as log:
            assert await log.append("doc", [b"c"]) > read[-1].seq
            again = await log.read("doc")
            assert await compact(log, "doc", again, b"abc")
            assert await log.append("doc", [b"d"]) > again[-1].seq

    @pytest.mark.anyio
    async def test_D7_a_tail_gives_nothing_again_when_another_compacts_what_it_gave(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            tail = one.tail("doc", 0)
            await other.append("doc", [b"a", b"b"])
            await follow(tail, 2)
            assert await compact(other, "doc", await other.read("doc"), b"ab")
            await other.append("doc", [b"c"])
            assert [entry.data for entry in await follow(tail, 1)] == [b"c"]

    @pytest.mark.anyio
    async def test_D7_a_tail_that_is_behind_a_compaction_gives_the_snapshot(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await other.append("doc", [b"a", b"b"])
            read = await other.read("doc")
            tail = one.tail("doc", read[0].seq)
            assert await compact(other, "doc", read, b"ab")
            later = await other.append("doc", [b"c"])
            assert await follow(tail, 2) == [Entry(read[-1].seq, b"ab"), Entry(later, b"c")]

    @pytest.mark.anyio
    async def test_D7_a_handle_that_compacts_what_its_tail_has_not_given_still_gives_it(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await other.append("doc", [b"foreign"])
            await one.append("doc", [b"own"])
            read = await one.read("doc")
            assert await compact(one, "doc", read, b"both")
            assert await follow(one.tail("doc", 0), 1) == [Entry(read[-1].seq, b"both")]

    @pytest.mark.anyio
    async def test_D7_a_tail_started_behind_its_handles_own_compaction_gives_it(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await other.append("doc", [b"foreign"])
            first = one.tail("doc", 0)
            await follow(first, 1)
            await one.append("doc", [b"own"])
            read = await one.read("doc")
            assert await compact(one, "doc", read, b"both")
            late = one.tail("doc", 0)
            assert await follow(late, 1) == [Entry(read[-1].seq, b"both")]
            later = await other.append("doc", [b"later"])
            assert await follow(first, 1) == await follow(late, 1) == [Entry(later, b"later")]

    @pytest.mark.anyio
    async def test_D7_a_tail_never_gives_a_compaction_of_own_entries_only(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"own", b"own"])
            assert await compact(one, "doc", await one.read("doc"), b"own own")
            later = await other.append("doc", [b"later"])
            assert await follow(one.tail("doc", 0), 1) == [Entry(later, b"later")]

    @pytest.mark.anyio
    async def test_D7_a_tail_never_gives_the_handles_own_compaction_of_what_it_gave(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            tail = one.tail("doc", 0)
            await other.append("doc", [b"foreign"])
            await follow(tail, 1)
            await one.append("doc", [b"own"])
            assert await compact(one, "doc", await one.read("doc"), b"both")
            await other.append("doc", [b"later"])
            assert [entry.data for entry in await follow(tail, 1)] == [b"later"]

    @pytest.mark.anyio
    @pytest.mark.parametrize("seed", range(12))
    async def test_D4_D7_whatever_happens_at_once_nothing_is_lost(self, seed: int) -> None:
        rand = random.Random(seed)
        writes = {mark: [b"%s%d," % (mark, number) for number in range(25)] for mark in (b"p", b"q", b"r")}
        async with self.open_log() as one, self.open_log() as two, self.open_log() as three:
            handles = dict(zip(writes, (one, two, three), strict=True))
            seen: dict[bytes, set[bytes]] = {mark: set() for mark in writes}

            async def write(mark: bytes) -> None:
                for data in writes[mark]:
                    await handles[mark].append("doc", [data])
                    if rand.random() < 0.3:
                        read = await handles[mark].read("doc")
                        await compact(handles[mark], "doc", read, b"".join(entry.data for entry in read))

            async def watch(mark: bytes) -> None:
                foreign = {data for other, datas in writes.items() if other != mark for data in datas}
                async for entries in handles[mark].tail("doc", 0):
                    assert_ascending(entries)
                    seen[mark] |= {data for entry in entries for data in entry.data.split(b",") if data}
                    if {data.rstrip(b",") for data in foreign} <= seen[mark]:
                        return

            with anyio.fail_after(PATIENCE_SECONDS):
                async with anyio.create_task_group() as tasks:
                    for mark in writes:
                        tasks.start_soon(write, mark)
                        tasks.start_soon(watch, mark)
            content = b"".join(entry.data for entry in await one.read("doc"))
        assert sorted(content.split(b",")[:-1]) == sorted(
            data.rstrip(b",") for datas in writes.values() for data in datas
        )

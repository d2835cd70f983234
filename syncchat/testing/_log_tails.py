"""What a log has to keep of the rule D7 when several handles follow each other."""

import anyio
import pytest

from syncchat.log import Entry, Log
from syncchat.testing._log_case import PATIENCE_SECONDS, LogCase, assert_ascending, follow


class TailContract(LogCase):
    """Tails: each entry of others once, in order."""

    @pytest.mark.anyio
    async def test_D7_a_tail_gives_others_entries_once_in_order_and_none_of_its_own(self) -> None:
        async with self.open_log() as one, self.open_log() as other, anyio.create_task_group() as tasks:

            async def write(log: Log, mark: bytes) -> None:
                for number in range(40):
                    await log.append("doc", [b"%s%d" % (mark, number)])
                    await log.append("elsewhere", [b"elsewhere"])

            tasks.start_soon(write, one, b"one")
            tasks.start_soon(write, other, b"other")
            entries = await follow(one.tail("doc", 0), 40)
        assert_ascending(entries)
        assert [entry.data for entry in entries] == [b"other%d" % number for number in range(40)]

    @pytest.mark.anyio
    async def test_D7_a_tail_wakes_for_each_entry_that_comes_later(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            tails = [one.tail(name, 0) for name in ("a", "b")]
            for number in range(20):
                name = "ab"[number % 2]
                seq = await other.append(name, [b"%d" % number])
                assert await follow(tails[number % 2], 1) == [Entry(seq, b"%d" % number)]
                await one.append(name, [b"own"])

    @pytest.mark.anyio
    async def test_D7_a_tail_that_starts_late_begins_after_what_was_read(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await other.append("doc", [b"read"])
            read = await one.read("doc")
            await other.append("doc", [b"between"])
            tail = one.tail("doc", read[-1].seq)
            await other.append("doc", [b"later"])
            entries = await follow(tail, 2)
        assert [entry.data for entry in entries] == [b"between", b"later"]

    @pytest.mark.anyio
    async def test_D7_entries_of_a_former_handle_are_anothers(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"before"])
        async with self.open_log() as log:
            assert [entry.data for entry in await follow(log.tail("doc", 0), 1)] == [b"before"]

    @pytest.mark.anyio
    async def test_D7_every_tail_of_a_handle_gets_everything(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            tails = [one.tail("doc", 0) for _ in range(3)]
            await other.append("doc", [b"a", b"b"])
            for tail in tails:
                assert [entry.data for entry in await follow(tail, 2)] == [b"a", b"b"]

    @pytest.mark.anyio
    async def test_D7_a_tail_ends_when_its_log_is_left(self) -> None:
        ended: list[str] = []

        async def drain(log: Log, name: str) -> None:
            async for _ in log.tail(name, 0):
                pass
            ended.append(name)

        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks, self.open_log() as log:
                tasks.start_soon(drain, log, "started")
                await log.append("doc", [b"x"])
                late = log.tail("late", 0)
        assert ended == ["started"]
        assert [entries async for entries in late] == []

    @pytest.mark.anyio
    async def test_D7_a_cancelled_tail_disturbs_nobody(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            with anyio.move_on_after(0):
                await follow(one.tail("doc", 0), 1)
            await other.append("doc", [b"x"])
            assert [entry.data for entry in await follow(one.tail("doc", 0), 1)] == [b"x"]

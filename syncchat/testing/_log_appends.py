"""What a log has to keep of the rules D1, D6 and D7 when it is appended to and read."""

import anyio
import anyio.lowlevel
import pytest

from syncchat.errors import InvalidName, LogError
from syncchat.testing._log_case import (
    PATIENCE_SECONDS,
    LogCase,
    assert_ascending,
    follow,
    group,
    group_numbers,
)

ODD_NAMES = ("a", "lobby/0", "lobby/cover", "../x", "%_'\";--", "Zoë 📊", "a\x00b", "x" * 300, "A", " ")


class AppendContract(LogCase):
    """Appending, reading, opening again."""

    @pytest.mark.anyio
    async def test_D7_entries_are_read_in_the_order_they_were_appended(self) -> None:
        async with self.open_log() as log:
            first = await log.append("doc", [b"a", b"b"])
            second = await log.append("doc", [b"c"])
            entries = await log.read("doc")
        assert [entry.data for entry in entries] == [b"a", b"b", b"c"]
        assert entries[1].seq == first
        assert entries[2].seq == second
        assert_ascending(entries)

    @pytest.mark.anyio
    async def test_D7_reading_after_a_sequence_number_leaves_out_what_came_before(self) -> None:
        async with self.open_log() as log:
            first = await log.append("doc", [b"a"])
            await log.append("doc", [b"b", b"c"])
            assert [entry.data for entry in await log.read("doc", first)] == [b"b", b"c"]
            last = (await log.read("doc"))[-1].seq
            assert await log.read("doc", last) == []
            assert await log.read("doc", last + 1000) == []

    @pytest.mark.anyio
    async def test_D7_sequence_numbers_rise_across_handles(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            seqs = [await (one, other)[turn % 2].append("doc", [b"%d" % turn]) for turn in range(10)]
            assert seqs == sorted(set(seqs))
            assert await one.read("doc") == await other.read("doc")
            assert [entry.data for entry in await one.read("doc")] == [b"%d" % turn for turn in range(10)]

    @pytest.mark.anyio
    async def test_D1_what_was_appended_is_there_after_opening_again(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"kept"])
        async with self.open_log() as log:
            before = await log.read("doc")
            again = await log.append("doc", [b"more"])
            assert [entry.data for entry in await log.read("doc")] == [b"kept", b"more"]
            assert again > before[-1].seq

    @pytest.mark.anyio
    async def test_D6_groups_stand_together_when_many_tasks_append(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            async with anyio.create_task_group() as tasks:
                for number in range(60):
                    tasks.start_soon((one, other)[number % 2].append, "doc", group(number))
            assert group_numbers(await one.read("doc")) == set(range(60))

    @pytest.mark.anyio
    async def test_D7_one_task_after_another_appends_in_its_own_order(self) -> None:
        async with self.open_log() as log:

            async def write(author: int) -> None:
                for number in range(10):
                    await log.append("doc", [b"%d:%d" % (author, number)])

            async with anyio.create_task_group() as tasks:
                for author in range(8):
                    tasks.start_soon(write, author)
            entries = await log.read("doc")
        for author in range(8):
            own = [entry.data for entry in entries if entry.data.startswith(b"%d:" % author)]
            assert own == [b"%d:%d" % (author, number) for number in range(10)]

    @pytest.mark.anyio
    async def test_D7_docs_do_not_see_each_other(self) -> None:
        async with self.open_log() as log:
            for name in ODD_NAMES:
                await log.append(name, [name.encode()])
            for name in ODD_NAMES:
                assert [entry.data for entry in await log.read(name)] == [name.encode()]
            assert await log.docs() == sorted(ODD_NAMES, key=str.encode)

    @pytest.mark.anyio
    async def test_D7_an_unknown_doc_is_empty(self) -> None:
        async with self.open_log() as log:
            assert await log.docs() == []
            assert await log.read("doc") == []
            assert await log.size("doc") == (0, 0)
            assert not await log.compact("doc", b"s", base=0, upto=0)
            assert await log.docs() == []

    @pytest.mark.anyio
    async def test_D6_an_empty_append_and_a_name_that_cannot_be_are_refused(self) -> None:
        async with self.open_log() as log:
            with pytest.raises(ValueError, match="at least one update"):
                await log.append("doc", [])
            for name in ("", "\ud800"):
                with pytest.raises(InvalidName):
                    await log.append(name, [b"x"])
                with pytest.raises(InvalidName):
                    await log.read(name)
            assert await log.docs() == []

    @pytest.mark.anyio
    async def test_D6_what_is_appended_beside_a_doc_is_in_the_log_with_it(self) -> None:
        async with self.open_log() as log, self.open_log() as other:
            await log.append("doc", [b"a"])
            last = await log.append("doc", [b"b", b"c"], beside={"doc#x": [b"1", b"2"], "z": [b"3"]})
            assert [entry.data for entry in await log.read("doc")] == [b"a", b"b", b"c"]
            assert (await log.read("doc"))[-1].seq == last
            assert [entry.data for entry in await log.read("doc#x")] == [b"1", b"2"]
            assert [entry.data for entry in await follow(other.tail("z", 0), 1)] == [b"3"]

    @pytest.mark.anyio
    async def test_D7_of_many_at_once_each_is_told_its_own_last_number(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            told: dict[int, int] = {}

            async def write(number: int) -> None:
                log = (one, other)[number % 2]
                beside = {f"beside-{number}": [b"b"]} if number % 5 == 0 else None
                updates = [b"%d" % number] * (1 + number % 3)
                told[number] = await log.append(f"doc-{number % 7}", updates, beside=beside)

            async with anyio.create_task_group() as tasks:
                for number in range(50):
                    tasks.start_soon(write, number)
            for doc in range(7):
                last = {int(entry.data): entry.seq for entry in await one.read(f"doc-{doc}")}
                assert last == {number: seq for number, seq in told.items() if number % 7 == doc}

    @pytest.mark.anyio
    async def test_D6_nothing_is_appended_if_anything_beside_it_cannot_be(self) -> None:
        async with self.open_log() as log:
            with pytest.raises(ValueError, match="at least one update"):
                await log.append("doc", [b"a"], beside={"x": [b"1"], "y": []})
            with pytest.raises(InvalidName):
                await log.append("doc", [b"a"], beside={"x": [b"1"], "": [b"2"]})
            assert await log.docs() == []

    @pytest.mark.anyio
    async def test_D1_bytes_come_back_as_they_were(self) -> None:
        datas = [b"", b"\x00", bytes(range(256)), b"\xff" * 3, "Zoë".encode(), b"x" * (3 << 20)]
        async with self.open_log() as log, self.open_log() as other:
            await log.append("doc", datas)
            assert [entry.data for entry in await log.read("doc")] == datas
            assert [entry.data for entry in await follow(other.tail("doc", 0), len(datas))] == datas
            assert await log.size("doc") == (len(datas), sum(map(len, datas)))

    @pytest.mark.anyio
    async def test_D1_more_than_may_wait_at_once_is_appended_all_the_same(self) -> None:
        async with self.open_log() as log:
            async with anyio.create_task_group() as tasks:
                for number in range(24):
                    tasks.start_soon(log.append, "doc", [b"%02d" % number * (1 << 19)])
            assert await log.size("doc") == (24, 24 << 20)

    @pytest.mark.anyio
    async def test_D6_cancelling_appenders_leaves_whole_groups_and_a_log_that_goes_on(self) -> None:
        async with self.open_log() as log:
            for patience in range(12):
                async with anyio.create_task_group() as tasks:
                    for number in range(10):
                        tasks.start_soon(log.append, "doc", group(patience * 10 + number))
                    for _ in range(patience):
                        await anyio.lowlevel.checkpoint()
                    tasks.cancel_scope.cancel()
            with anyio.fail_after(PATIENCE_SECONDS):
                await log.append("doc", group(1000))
            entries = await log.read("doc")
        assert 1000 in group_numbers(entries)
        assert_ascending(entries)

    @pytest.mark.anyio
    async def test_D1_leaving_commits_what_waits(self) -> None:
        async with anyio.create_task_group() as tasks, self.open_log() as log:
            for number in range(20):
                tasks.start_soon(log.append, "doc", group(number))
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
        async with self.open_log() as log:
            assert group_numbers(await log.read("doc")) == set(range(20))

    @pytest.mark.anyio
    async def test_D1_a_log_that_was_left_refuses_every_call(self) -> None:
        async with self.open_log() as log:
            seq = await log.append("doc", [b"x"])
        with pytest.raises(LogError):
            await log.append("doc", [b"y"])
        with pytest.raises(LogError):
            await log.read("doc")
        with pytest.raises(LogError):
            await log.compact("doc", b"z", base=seq, upto=seq)
        with pytest.raises(LogError):
            await log.docs()
        with pytest.raises(LogError):
            await log.size("doc")

    @pytest.mark.anyio
    async def test_D1_an_error_inside_leaves_as_it_is(self) -> None:
        async def fail_inside() -> None:
            async with self.open_log() as log:
                await log.append("doc", [b"x"])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail_inside()
        async with self.open_log() as log:
            assert [entry.data for entry in await log.read("doc")] == [b"x"]

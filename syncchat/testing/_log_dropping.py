"""What a log has to keep of the rules D1, D4, D6 and D7 when docs are dropped from it."""

import anyio
import pytest

from syncchat.errors import InvalidName, LogError
from syncchat.log import Entry
from syncchat.testing._log_case import LogCase, compact, follow


class DropContract(LogCase):
    """Dropping docs, and scrubbing what is left of them."""

    @pytest.mark.anyio
    async def test_D1_what_was_dropped_is_gone_for_every_handle_and_nothing_else_is(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"a", b"b"], beside={"doc#owners": [b"owners"]})
            await other.append("doc", [b"c"])
            kept = await other.append("other", [b"kept"])
            await one.drop("doc", "doc#owners", "unknown")
            for log in (one, other):
                assert await log.read("doc") == await log.read("doc#owners") == []
                assert await log.docs() == ["other"]
                assert await log.size("doc") == (0, 0)
                assert await log.read("other") == [Entry(kept, b"kept")]
        async with self.open_log() as log:
            assert await log.docs() == ["other"]

    @pytest.mark.anyio
    async def test_D7_a_doc_that_was_dropped_begins_again_with_numbers_never_used_before(self) -> None:
        async with self.open_log() as log:
            last = await log.append("doc", [b"a", b"b"])
            await log.drop("doc")
        async with self.open_log() as log:
            again = await log.append("doc", [b"c"])
            assert again > last
            assert await log.read("doc") == await log.read("doc", last) == [Entry(again, b"c")]

    @pytest.mark.anyio
    async def test_D4_what_was_dropped_does_not_come_back_by_a_compaction(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"a", b"b"])
            read = await one.read("doc")
            await other.drop("doc")
            assert not await compact(one, "doc", read, b"ab")
            assert await one.read("doc") == []
            later = await one.append("doc", [b"c"])
            assert not await compact(one, "doc", read, b"ab")
            assert await one.read("doc") == [Entry(later, b"c")]

    @pytest.mark.anyio
    async def test_D7_a_tail_gives_nothing_of_what_was_dropped_and_what_comes_later_once(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            tail, late = one.tail("doc", 0), one.tail("doc", 0)
            await other.append("doc", [b"a", b"b"])
            await follow(tail, 2)
            await other.drop("doc")
            later = await other.append("doc", [b"c"])
            assert await follow(tail, 1) == await follow(late, 1) == [Entry(later, b"c")]

    @pytest.mark.anyio
    async def test_D7_dropping_nothing_and_dropping_twice_change_nothing(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"a"])
            read = await log.read("doc")
            await log.drop()
            await log.drop("other")
            await log.drop("other")
            assert await log.read("doc") == read
            with pytest.raises(InvalidName):
                await log.drop("")

    @pytest.mark.anyio
    async def test_D6_appends_beside_a_drop_are_whole(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"old"])

            async def write(number: int) -> None:
                await other.append("doc", [b"%d" % number], beside={"beside": [b"%d" % number]})

            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(write, number)
                tasks.start_soon(one.drop, "doc", "beside")
            left = [entry.data for entry in await one.read("doc")]
            assert left == [entry.data for entry in await one.read("beside")]
            assert b"old" not in left

    @pytest.mark.anyio
    async def test_D4_scrubbing_changes_nothing_that_is_there(self) -> None:
        async with self.open_log() as one, self.open_log() as other:
            await one.append("doc", [b"a", b"b"])
            await one.append("gone", [b"c"])
            read = await one.read("doc")
            assert await compact(one, "doc", read, b"ab")
            await one.drop("gone")
            assert await one.scrub()
            await other.append("doc", [b"d"])
            assert [entry.data for entry in await one.read("doc")] == [b"ab", b"d"]
            assert await one.docs() == ["doc"]

    @pytest.mark.anyio
    async def test_D7_a_log_that_was_left_drops_and_scrubs_nothing(self) -> None:
        async with self.open_log() as log:
            await log.append("doc", [b"a"])
        with pytest.raises(LogError):
            await log.drop("doc")
        with pytest.raises(LogError):
            await log.scrub()

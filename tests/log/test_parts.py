"""The parts that logs are made of: the wake-up, the backlog, batches."""

import anyio
import anyio.lowlevel
import pytest

from syncchat.errors import LogError, LogFailed
from syncchat.log import MemoryLog, MemoryStore
from syncchat.log.backlog import GROUP_APPENDS, GROUP_BYTES, Append, Backlog
from syncchat.log.tails import TAIL_BYTES, batch
from syncchat.wakeup import Wakeup


def append_of(size: int) -> Append:
    return Append((("doc", b"x" * size),))


async def rounds(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
async def test_D7_a_call_made_while_awake_is_not_lost() -> None:
    wakeup = Wakeup()
    wakeup.call()
    wakeup.call()
    with anyio.fail_after(5):
        await wakeup.sleep()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wakeup.sleep)
            await rounds()
            wakeup.call()
    with anyio.move_on_after(0) as scope:
        await wakeup.sleep()
    assert scope.cancelled_caught, "calls are not counted"


@pytest.mark.anyio
async def test_D1_a_full_backlog_lets_callers_wait_and_in_again_in_their_order() -> None:
    backlog = Backlog(limit=100)
    appends = [append_of(40) for _ in range(6)]
    async with anyio.create_task_group() as tasks:
        for append in appends:
            tasks.start_soon(backlog.put, append)
            await rounds()
        assert await backlog.take() == appends[:2]
        await rounds()
        assert await backlog.take() == appends[2:4]
        await rounds()
        assert await backlog.take() == appends[4:]


@pytest.mark.anyio
async def test_D1_an_append_larger_than_the_backlog_goes_alone() -> None:
    backlog = Backlog(limit=10)
    large, small = append_of(1000), append_of(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backlog.put, large)
        await rounds()
        tasks.start_soon(backlog.put, small)
        await rounds()
        assert await backlog.take() == [large]
        await rounds()
        assert await backlog.take() == [small]


@pytest.mark.anyio
async def test_D6_groups_are_bounded_in_number_and_bytes() -> None:
    backlog = Backlog()
    for _ in range(GROUP_APPENDS + 1):
        await backlog.put(append_of(1))
    assert len(await backlog.take()) == GROUP_APPENDS
    assert len(await backlog.take()) == 1
    sizes = [GROUP_BYTES // 2, GROUP_BYTES // 2, 1, GROUP_BYTES * 2, 1]
    for size in sizes:
        await backlog.put(append_of(size))
    groups = [[append.size for append in await backlog.take()] for _ in range(4)]
    assert groups == [sizes[:2], sizes[2:3], sizes[3:4], sizes[4:]]


@pytest.mark.anyio
async def test_D6_withdrawing_makes_room_and_leaves_what_is_being_committed() -> None:
    backlog = Backlog(limit=100)
    first, second, third = (append_of(60) for _ in range(3))
    await backlog.put(first)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(backlog.put, second)
        await rounds()
        backlog.withdraw(first)
        await rounds()
        assert await backlog.take() == [second]
        backlog.withdraw(second)
        await backlog.put(third)
        assert await backlog.take() == [third]


@pytest.mark.anyio
async def test_D1_a_closed_backlog_lets_nothing_in_and_gives_what_came_before() -> None:
    backlog = Backlog(limit=100)
    first, second = append_of(80), append_of(80)
    await backlog.put(first)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backlog.put, second)
            await rounds()
            backlog.close()
            with pytest.raises(LogError, match="closed"):
                await backlog.put(append_of(1))
            assert await backlog.take() == [first]
            assert await backlog.take() == [second]
            assert await backlog.take() == []


@pytest.mark.anyio
async def test_D1_a_caller_that_gives_up_waiting_does_not_keep_a_closed_backlog_open() -> None:
    backlog = Backlog(limit=100)
    await backlog.put(append_of(80))
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backlog.put, append_of(80))
            await rounds()
            backlog.close()
            tasks.cancel_scope.cancel()
        assert len(await backlog.take()) == 1
        assert await backlog.take() == []


def test_D7_a_batch_is_bounded_and_never_empty_of_what_there_is() -> None:
    half = b"x" * (TAIL_BYTES // 2)
    assert batch([]) == ([], True)
    assert batch([(1, half), (2, half)]) == ([(1, half), (2, half)], True)
    assert batch([(1, half), (2, half), (3, b"y")]) == ([(1, half), (2, half)], False)
    assert batch([(1, half * 5), (2, b"y")]) == ([(1, half * 5)], False)


@pytest.mark.anyio
async def test_D6_a_memory_log_fails_when_it_is_told_to() -> None:
    store = MemoryStore()
    async with MemoryLog(store) as log:
        seq = await log.append("doc", [b"x"])
        store.failure = "disk full"
        with pytest.raises(LogFailed, match="disk full"):
            await log.append("doc", [b"y"])
        with pytest.raises(LogFailed, match="disk full"):
            await log.compact("doc", b"z", base=seq, upto=seq)
        store.failure = None
        assert [entry.data for entry in await log.read("doc")] == [b"x"]

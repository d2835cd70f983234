"""The mailbox and the wake-up call: bounded, and nobody sleeps through anything."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from syncchat.mailbox import Mailbox, MailboxClosed
from syncchat.testing.loop import Stuck, run
from syncchat.wakeup import Wakeup


def test_S4_at_the_bound_the_oldest_items_go() -> None:
    box: Mailbox[int] = Mailbox(3)
    for item in range(10):
        box.put(item)
        assert len(box) <= 3
    assert box.drain() == [7, 8, 9]
    assert len(box) == 0


def test_S4_the_owner_says_what_stays_at_the_bound() -> None:
    seen: list[list[int]] = []

    def merge(items: list[int]) -> list[int]:
        seen.append(items)
        return [sum(items)]

    box: Mailbox[int] = Mailbox(3, merge)
    for item in (1, 2, 3, 4, 5):
        box.put(item)
    assert seen == [[1, 2, 3, 4]]
    assert box.drain() == [10, 5]


def test_S4_an_owner_that_keeps_too_much_is_not_followed() -> None:
    box: Mailbox[int] = Mailbox(2, lambda items: [0, *items])
    for item in (1, 2, 3):
        box.put(item)
    assert box.drain() == [2, 3]


def test_items_come_in_order_and_the_end_after_them() -> None:
    async def main() -> list[int]:
        box: Mailbox[int] = Mailbox()
        box.put(1)
        box.put(2)
        box.close()
        box.put(3)
        return [item async for item in box]

    assert run(main) == [1, 2]


def test_a_closed_box_that_is_empty_says_so() -> None:
    async def main() -> None:
        box: Mailbox[int] = Mailbox()
        box.close()
        for wait in (box.get, box.take, box.wait):
            with pytest.raises(MailboxClosed):
                await wait()

    run(main)


def test_a_sleeping_reader_hears_each_item_and_the_end() -> None:
    async def main() -> list[list[int]]:
        box: Mailbox[int] = Mailbox()
        taken: list[list[int]] = []

        async def read() -> None:
            try:
                while True:
                    taken.append(await box.take())
            except MailboxClosed:
                taken.append([])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            box.put(1)
            box.put(2)
            await anyio.wait_all_tasks_blocked()
            box.put(3)
            await anyio.wait_all_tasks_blocked()
            box.close()
        return taken

    assert run(main) == [[1, 2], [3], []]


@pytest.mark.parametrize("ticks", range(6))
def test_no_wake_up_is_lost_whenever_the_item_comes(ticks: int) -> None:
    async def main() -> list[int]:
        box: Mailbox[int] = Mailbox()
        got: list[int] = []

        async def read() -> None:
            while len(got) < 3:
                got.append(await box.get())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for item in range(3):
                for _ in range(ticks):
                    await checkpoint()
                box.put(item)
        return got

    assert run(main) == [0, 1, 2]


def test_a_reader_that_is_cancelled_takes_nothing_with_it() -> None:
    async def main() -> int:
        box: Mailbox[int] = Mailbox()
        with anyio.move_on_after(1):
            await box.get()
        box.put(7)
        return await box.get()

    assert run(main) == 7


def test_a_call_before_the_sleep_ends_it_at_once_and_only_once() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        wakeup.call()
        wakeup.call()
        await wakeup.sleep()
        await wakeup.sleep()  # nobody called since

    with pytest.raises(Stuck):
        run(main)


@pytest.mark.parametrize("ticks", range(6))
def test_no_call_is_lost_whenever_it_comes(ticks: int) -> None:
    async def main() -> int:
        wakeup = Wakeup()
        work: list[int] = []
        done: list[int] = []

        async def worker() -> None:
            while len(done) < 3:
                await wakeup.sleep()
                while work:
                    done.append(work.pop())
                    await checkpoint()  # a call may come while it is awake

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worker)
            for item in range(3):
                work.append(item)
                wakeup.call()
                for _ in range(ticks):
                    await checkpoint()
        return len(done)

    assert run(main) == 3


def test_a_cancelled_sleep_loses_no_call() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        with anyio.move_on_after(1):
            await wakeup.sleep()
        wakeup.call()
        await wakeup.sleep()

    run(main)

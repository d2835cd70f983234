"""The memory link: whole frames in order, nothing lost by cancelling, and an end that both sides hear."""

import anyio
import pytest

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link.memory import HIGH_WATER, MemoryLink, memory_pipe
from syncchat.testing.loop import run


def test_S7_frames_arrive_whole_and_in_order_both_ways() -> None:
    async def main() -> None:
        here, there = memory_pipe()
        for number in range(5):
            here.send(bytes([number]))
            there.send(bytes([number, 9]))
        assert [await there.receive() for _ in range(5)] == [bytes([n]) for n in range(5)]
        assert [await here.receive() for _ in range(5)] == [bytes([n, 9]) for n in range(5)]

    run(main)


@pytest.mark.parametrize("closer", [0, 1])
def test_S7_what_was_sent_before_the_end_still_arrives(closer: int) -> None:
    async def main() -> None:
        ends = memory_pipe()
        here, there = ends
        here.send(b"last words")
        await ends[closer].aclose(CloseCode.RESTART, "the server restarts")
        here.send(b"too late")
        assert await there.receive() == b"last words"
        for end in ends:
            with pytest.raises(LinkClosed) as error:
                await end.receive()
            assert (error.value.code, error.value.reason) == (CloseCode.RESTART, "the server restarts")

    run(main)


def test_S7_the_first_reason_to_close_counts() -> None:
    async def main() -> None:
        here, there = memory_pipe()
        await here.aclose(CloseCode.TOO_MANY, "first")
        await there.aclose(CloseCode.NORMAL, "second")
        with pytest.raises(LinkClosed) as error:
            await here.receive()
        assert error.value.code == CloseCode.TOO_MANY

    run(main)


def test_S7_whoever_waits_hears_the_end() -> None:
    async def main() -> list[str]:
        here, there = memory_pipe()
        here.send(b"x" * (HIGH_WATER + 1))
        heard: list[str] = []

        async def wait(what: str, end: MemoryLink) -> None:
            with pytest.raises(LinkClosed):
                await (end.drained() if what == "drained" else end.receive())
            heard.append(what)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, "drained", here)
            tasks.start_soon(wait, "receive", here)
            await anyio.wait_all_tasks_blocked()
            await there.aclose()
        return sorted(heard)

    assert run(main) == ["drained", "receive"]


def test_S4_the_backlog_is_what_the_other_end_has_not_received() -> None:
    async def main() -> None:
        here, there = memory_pipe()
        frame = b"x" * (HIGH_WATER // 2 + 1)
        here.send(frame)
        await here.drained()
        here.send(frame)
        assert (here.backlog(), there.backlog()) == (2 * len(frame), 0)
        with anyio.move_on_after(60) as waiting:
            await here.drained()
        assert waiting.cancelled_caught
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.drained)
            await anyio.wait_all_tasks_blocked()
            await there.receive()
        await there.receive()
        assert here.backlog() == 0

    run(main)


def test_S7_cancelling_a_reader_loses_no_frame() -> None:
    async def main() -> None:
        here, there = memory_pipe()
        got: list[bytes] = []
        scope = anyio.CancelScope()

        async def read() -> None:
            with scope:
                while True:
                    got.append(await there.receive())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            here.send(b"1")
            scope.cancel()  # in the same instant
        here.send(b"2")
        while len(got) < 2:
            got.append(await there.receive())
        assert got == [b"1", b"2"]

    run(main)

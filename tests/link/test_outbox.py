"""The outbox of a websocket: order, backlog, and what becomes of those who wait when it ends."""

import anyio.lowlevel
import pytest

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link.outbox import LOW_WATER, Outbox
from syncchat.testing.loop import run


class Socket:
    """Takes frames while its gate is open; raises `error`, if there is one, instead."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.error: LinkClosed | None = None
        self.gate = anyio.Event()
        self.gate.set()

    async def send(self, frame: bytes) -> None:
        await self.gate.wait()
        await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        self.taken.append(frame)


def test_S7_frames_are_sent_in_order_by_whoever_flushes() -> None:
    async def main() -> None:
        socket = Socket()
        outbox = Outbox(socket.send)
        frames = [bytes([number]) for number in range(20)]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.run)
            await anyio.wait_all_tasks_blocked()
            for frame in frames[:10]:
                outbox.put(frame)
            await anyio.lowlevel.checkpoint()
            for frame in frames[10:]:
                outbox.put(frame)
            await outbox.flush()
            assert socket.taken == frames
            outbox.close(CloseCode.NORMAL, "")

    run(main)


def test_S4_the_backlog_holds_the_frame_under_way_until_it_was_taken() -> None:
    async def main() -> None:
        socket = Socket()
        socket.gate = anyio.Event()
        outbox = Outbox(socket.send)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.run)
            outbox.put(b"12345")
            outbox.put(b"678")
            await anyio.wait_all_tasks_blocked()
            assert (outbox.backlog, socket.taken) == (8, [])
            socket.gate.set()
            await anyio.wait_all_tasks_blocked()
            assert (outbox.backlog, socket.taken) == (0, [b"12345", b"678"])
            tasks.cancel_scope.cancel()

    run(main)


def test_S4_drained_waits_until_no_more_than_the_low_water_mark_is_left() -> None:
    async def main() -> None:
        socket = Socket()
        socket.gate = anyio.Event()
        outbox = Outbox(socket.send)
        outbox.put(b"x" * LOW_WATER)
        await outbox.drained()
        outbox.put(b"y")
        backlogs: list[int] = []

        async def wait() -> None:
            await outbox.drained()
            backlogs.append(outbox.backlog)

        async with anyio.create_task_group() as tasks:
            for task in (wait, wait, outbox.run):
                tasks.start_soon(task)
            await anyio.wait_all_tasks_blocked()
            assert backlogs == []
            socket.gate.set()
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert len(backlogs) == 2
        assert max(backlogs) <= LOW_WATER

    run(main)


@pytest.mark.parametrize("how", ["closed", "broken"])
def test_S4_S7_the_end_ends_the_sender_and_whoever_waits(how: str) -> None:
    async def main() -> None:
        socket = Socket()
        socket.gate = anyio.Event()
        outbox = Outbox(socket.send)
        for _ in range(3):
            outbox.put(b"x" * LOW_WATER)
        heard: list[LinkClosed] = []

        async def wait() -> None:
            with pytest.raises(LinkClosed) as error:
                await outbox.drained()
            heard.append(error.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.run)
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            if how == "closed":
                outbox.close(CloseCode.RESTART, "first")
            else:
                socket.error = LinkClosed(CloseCode.RESTART, "first")
            socket.gate.set()
        again = outbox.close(CloseCode.NORMAL, "second")
        assert [(error.code, error.reason) for error in (*heard, again)] == [(CloseCode.RESTART, "first")] * 2
        assert len(socket.taken) == (1 if how == "closed" else 0), "only what was under way is sent"

    run(main)


def test_S7_a_frame_for_a_closed_link_is_dropped() -> None:
    async def main() -> None:
        socket = Socket()
        outbox = Outbox(socket.send)
        outbox.close(CloseCode.NORMAL, "")
        outbox.put(b"late")
        await outbox.run()
        assert (outbox.backlog, outbox.closed, socket.taken) == (0, True, [])

    run(main)


def test_S7_a_link_that_has_ended_waits_for_no_frame() -> None:
    async def main() -> None:
        socket = Socket()
        socket.gate = anyio.Event()
        outbox = Outbox(socket.send)
        outbox.put(b"stuck")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.run)
            await anyio.wait_all_tasks_blocked()
            outbox.close(CloseCode.GOING_AWAY, "")
            with anyio.fail_after(1):
                await outbox.flush()
            tasks.cancel_scope.cancel()

    run(main)


def test_S4_a_cancelled_sender_leaves_what_it_had_not_begun_to_the_next() -> None:
    async def main() -> None:
        socket = Socket()
        socket.gate = anyio.Event()
        outbox = Outbox(socket.send)
        for frame in (b"under way", b"2", b"3"):
            outbox.put(frame)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.run)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert outbox.backlog == 2
        socket.gate.set()
        await outbox.flush()
        assert (outbox.backlog, socket.taken) == (0, [b"2", b"3"])

    run(main)

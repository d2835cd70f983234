"""The simulated network, and virtual time: what the stories of tests/sim stand on."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio.abc import TaskGroup

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link import Link
from syncchat.testing.loop import Stuck, run
from syncchat.testing.network import LOW_WATER, Network, Wire


def _wire(delay: float = 0.1, seed: int = 1) -> Wire:
    return Wire(random.Random(seed), delay)


def test_frames_arrive_in_order_and_not_before_their_time() -> None:
    async def main() -> None:
        here, there = _wire(10.0).ends
        for number in range(20):
            here.send(bytes([number]))
        assert [await there.receive() for _ in range(20)] == [bytes([n]) for n in range(20)]
        assert 5.0 <= anyio.current_time() <= 15.1
        assert here.backlog() == 0

    run(main)


def test_cut_wires_lose_what_is_under_way_and_tell_both_ends() -> None:
    async def main() -> None:
        wire = _wire()
        here, there = wire.ends
        here.send(b"lost")
        wire.cut()
        for end in (here, there):
            with pytest.raises(LinkClosed) as error:
                await end.receive()
            assert error.value.code == CloseCode.GOING_AWAY
        here.send(b"dropped")
        await anyio.sleep(60)
        with pytest.raises(LinkClosed):
            await there.receive()

    run(main)


def test_a_wire_that_swallows_says_nothing() -> None:
    async def main() -> None:
        wire = _wire()
        here, there = wire.ends
        wire.swallows = True
        here.send(b"lost")
        with anyio.move_on_after(3600) as waiting:
            await there.receive()
        assert waiting.cancelled_caught
        assert here.backlog() == 0

    run(main)


def test_the_backlog_drains_with_time() -> None:
    async def main() -> None:
        here, _ = _wire(10.0).ends
        here.send(b"x" * (LOW_WATER + 1))
        assert here.backlog() == LOW_WATER + 1
        await here.drained()
        assert (here.backlog(), anyio.current_time() > 5) == (0, True)

    run(main)


def test_the_other_end_hears_why_a_link_was_closed() -> None:
    async def main() -> None:
        here, there = _wire().ends
        await here.aclose(CloseCode.TRY_LATER, "later")
        with pytest.raises(LinkClosed) as error:
            await there.receive()
        assert (error.value.code, error.value.reason) == (CloseCode.TRY_LATER, "later")

    run(main)


def _network(tasks: TaskGroup) -> Network:
    def start(task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        tasks.start_soon(task)

    return Network(random.Random(1), start)


def test_a_network_without_a_server_gives_no_link() -> None:
    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            network = _network(tasks)
            with pytest.raises(LinkClosed):
                async with network.connect("ann"):
                    pytest.fail("there is nobody to talk to")

    run(main)


def test_a_link_is_served_and_gone_when_its_block_is_left() -> None:
    async def main() -> None:
        heard: list[bytes] = []

        async def serve(link: Link) -> None:
            with suppress(LinkClosed):
                while True:
                    heard.append(await link.receive())
                    link.send(b"echo")

        async with anyio.create_task_group() as tasks:
            network = _network(tasks)
            network.serve = serve
            async with network.connect("ann") as link:
                link.send(b"hello")
                assert await link.receive() == b"echo"
                assert len(network.wires("ann")) == len(network.wires()) == 1
            assert network.wires() == network.wires("ann") == network.wires("bob") == []
        assert heard == [b"hello"]

    run(main)


def test_time_is_virtual_and_starts_at_nothing() -> None:
    async def main() -> float:
        await anyio.sleep(365 * 24 * 3600.0)
        return anyio.current_time()

    assert run(main) == pytest.approx(365 * 24 * 3600.0)


def test_waiting_for_nothing_is_told_instead_of_hanging() -> None:
    async def main() -> None:
        await anyio.Event().wait()

    with pytest.raises(Stuck):
        run(main)


def test_virtual_time_has_no_threads() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="no threads"):
            asyncio.get_running_loop().run_in_executor(None, int)

    run(main)


def test_what_is_meant_for_a_thread_is_done_at_once_in_virtual_time() -> None:
    async def main() -> None:
        assert await anyio.to_thread.run_sync(threading.get_ident) == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await anyio.to_thread.run_sync(divmod, 1, 0)

    run(main)
    assert anyio.run(anyio.to_thread.run_sync, threading.get_ident) != threading.get_ident()

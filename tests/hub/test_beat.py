"""Docs that are written at the same time commit together, none waits longer than a beat (S13)."""

import asyncio
from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import pytest

from syncchat.core.messages import Update
from syncchat.hub.beat import BEAT, FEW, Beat
from syncchat.testing.client import HeldLog, RawClient, statuses
from syncchat.testing.loop import run
from syncchat.testing.server import make_hub
from syncchat.wakeup import Wakeup
from tests.hub.paging import id_of


class Doc:
    """Something that is woken: when, by the loop's time."""

    def __init__(self, beat: Beat) -> None:
        self.wakeup = Wakeup()
        self.woken: list[float] = []
        self._beat = beat

    def write(self) -> None:
        self._beat.wake(self.wakeup)

    async def run(self) -> None:
        while True:
            await self.wakeup.sleep()
            self.woken.append(asyncio.get_running_loop().time())


def play(count: int, gap: float, rounds: int) -> tuple[list[Doc], float]:
    """Write to so many docs in turn, with a gap between two writes."""
    beat = Beat()
    docs = [Doc(beat) for _ in range(count)]

    async def main() -> float:
        begun = asyncio.get_running_loop().time()
        async with anyio.create_task_group() as tasks:
            for doc in docs:
                tasks.start_soon(doc.run)
            await anyio.lowlevel.checkpoint()
            for at in range(count * rounds):
                docs[at % count].write()
                await anyio.sleep(gap)
            await anyio.sleep(2 * BEAT)
            tasks.cancel_scope.cancel()
        return begun

    return docs, run(main)


def test_S13_a_doc_that_is_written_alone_never_waits() -> None:
    docs, _ = play(FEW, 0.001, 50)
    assert [len(doc.woken) for doc in docs] == [50] * FEW


def test_S13_docs_that_are_written_at_the_same_time_are_woken_together() -> None:
    docs, begun = play(20, 0.001, 5)
    beats = {when for doc in docs for when in doc.woken}
    first = [when - begun for when in sorted(beats)[:FEW]]
    assert first == pytest.approx([0, 0.001]), "the first ones do not wait"
    assert len(beats) <= FEW + 1 + round(0.1 / BEAT)
    for doc in docs:
        assert 4 <= len(doc.woken) <= 5, "nothing is forgotten; what waits for the same beat is one"


def test_S13_what_comes_while_docs_wait_is_heard_in_the_breath_in_which_they_are_woken() -> None:
    async def main() -> None:
        beat, heard = Beat(), list[str]()
        assert not beat.gather(lambda: heard.append("too early")), "nobody waits"
        wakeups = [Wakeup() for _ in range(FEW + 2)]
        for wakeup in wakeups[:-1]:
            beat.wake(wakeup)

        def take() -> None:
            heard.append("taken")
            beat.wake(wakeups[-1])

        assert beat.gather(take)
        begun = anyio.current_time()
        await wakeups[-1].sleep()
        assert heard == ["taken"]
        assert anyio.current_time() - begun <= BEAT + 1e-9
        await anyio.sleep(2 * BEAT)
        assert heard == ["taken"], "once"
        assert not beat.gather(take)

    run(main)


def test_S13_S7_a_link_that_fails_keeps_no_doc_asleep_and_is_told() -> None:
    async def main() -> None:
        beat, told, wakeups = Beat(), list[object](), [Wakeup() for _ in range(FEW + 1)]
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        for wakeup in wakeups:
            beat.wake(wakeup)
        error = RuntimeError("the transport is closed")

        def take() -> None:
            raise error

        assert beat.gather(take)
        await wakeups[-1].sleep()
        assert told == [error]

    run(main)


def test_S13_none_waits_for_longer_than_a_beat() -> None:
    beat, waits = Beat(), list[float]()

    async def main() -> None:
        async def write_one(after: float) -> None:
            await anyio.sleep(after)
            wakeup, begun = Wakeup(), anyio.current_time()
            beat.wake(wakeup)
            await wakeup.sleep()
            waits.append(anyio.current_time() - begun)

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(write_one, number * 0.0007)

    run(main)
    assert len(waits) == 200
    assert max(waits) <= BEAT + 1e-9


def test_S13_D2_rooms_that_are_written_at_the_same_time_are_durable_when_they_are_answered() -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            log = HeldLog()
            hub = await stack.enter_async_context(make_hub(log))
            clients, writers = [], []
            for number in range(10):
                client = RawClient(await stack.enter_async_context(hub.connect()), "ann")
                clients.append(client)
                writers.append(await client.enter(f"room-{number}/0"))
                await anyio.sleep(2 * BEAT)
            for number, (client, writer) in enumerate(zip(clients, writers, strict=True)):
                client.say(f"room-{number}/0", Update(writer.write(id_of(1), {"text": "x"})))
            for number, client in enumerate(clients):
                answers = [message for _, message in await client.heard(2 * BEAT)]
                assert statuses(answers) == [True]
                assert len(await log.read(f"room-{number}/0")) == 1

    run(main)

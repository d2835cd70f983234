"""How a hub ends: it takes nothing in any more, stores what it took, and says when to come again (R3)."""

import anyio
import pytest

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Update
from syncchat.errors import CloseCode
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, end_of, statuses
from syncchat.testing.loop import run
from syncchat.testing.server import make_hub

DOC = "todo"


def test_R3_D1_a_drained_hub_has_stored_all_it_acknowledged_and_ends_every_link_with_restart() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        async with (
            make_hub(log) as hub,
            hub.connect() as one,
            hub.connect() as two,
            anyio.create_task_group() as tasks,
        ):
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            writer, _ = await ann.enter(DOC), await bob.enter("elsewhere")
            log.hold()
            ann.say(DOC, *(Update(writer.write(f"k{n}", "v")) for n in range(5)))
            await anyio.sleep(1)
            tasks.start_soon(hub.drain, 10)
            await anyio.sleep(1)
            late, there = memory_pipe()
            tasks.start_soon(hub.serve, there, HocuspocusDialect())
            assert (await end_of(late)).code == CloseCode.RESTART
            ann.say(DOC, Update(writer.write("late", "v")))
            await anyio.sleep(1)
            assert statuses(await ann.said(DOC)) == []
            log.release()
            await anyio.sleep(1)
            assert statuses(await ann.said(DOC)) == [True] * 5, "and nothing of what came later"
            for link in (one, two):
                assert (await end_of(link)).code == CloseCode.RESTART
            assert hub.links == hub.pending == 0
            assert len(store.rows(DOC)) == 1

    run(main)


@pytest.mark.parametrize("seconds", [0, 3])
def test_R3_a_log_that_hangs_keeps_nobody_longer_than_is_allowed(seconds: float) -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log) as hub, hub.connect() as one:
            ann = RawClient(one, "ann")
            writer = await ann.enter(DOC)
            log.hold()
            ann.say(DOC, Update(writer.write("k", "v")))
            await anyio.sleep(1)
            before = anyio.current_time()
            await hub.drain(seconds)
            closed = await end_of(one)
            assert closed.code == CloseCode.RESTART
            assert anyio.current_time() - before == pytest.approx(seconds, abs=0.1)
            assert hub.stats.updates == 0

    run(main)


def test_R3_a_hub_that_rests_is_drained_at_once() -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one:
            await RawClient(one, "ann").enter(DOC)
            before = anyio.current_time()
            await hub.drain(30)
            assert (await end_of(one)).code == CloseCode.RESTART
            assert anyio.current_time() - before < 0.1

    run(main)

"""What a hub says and shows while its log waits, fails and comes back (D1, D2, D3, S7)."""

import asyncio
from contextlib import AsyncExitStack

import anyio
import pytest

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Authenticated, Step1, Step2, Update
from syncchat.errors import CloseCode, LinkClosed
from syncchat.hub import Hub, Limits, ledger
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, statuses, updates
from syncchat.testing.loop import run
from syncchat.testing.server import believe

DOC = "todo"


class Place(AsyncExitStack):
    """A hub on a log that can be held, and clients of it."""

    def __init__(self, limits: Limits | None = None, store: MemoryStore | None = None) -> None:
        super().__init__()
        self.store = store or MemoryStore()
        self.log = HeldLog(self.store)
        self.hub = Hub(self.log, authorize=believe, limits=limits)

    async def __aenter__(self) -> "Place":
        await super().__aenter__()
        await self.enter_async_context(self.hub)
        return self

    async def client(self, user: str) -> RawClient:
        return RawClient(await self.enter_async_context(self.hub.connect()), user)

    def stored(self, doc: str = DOC) -> int:
        return len(self.store.rows(doc))


def test_D1_D2_nothing_is_acknowledged_or_shown_before_it_is_in_the_log() -> None:
    async def main() -> None:
        async with Place() as place:
            ann, bob, joiner = [await place.client(user) for user in ("ann", "bob", "joiner")]
            writer = await ann.enter(DOC)
            await bob.enter(DOC)
            place.log.hold()
            ann.say(DOC, Update(writer.write("k", "v")))
            joiner.ask(DOC)
            assert await ann.heard() == []
            assert await bob.heard() == []
            assert [type(message) for message in await joiner.said(DOC)] == [Authenticated]
            place.log.release()
            assert statuses(await ann.said(DOC)) == [True]
            assert place.stored() == 1
            assert len(updates(await bob.said(DOC))) == 1
            [step2] = [message for message in await joiner.said(DOC) if isinstance(message, Step2)]
            assert len(step2.update) > 2

    run(main)


@pytest.mark.parametrize("error", [None, OSError(28, "disk full"), RuntimeError("a bug in somebody's log")])
def test_D3_S7_a_log_that_fails_takes_nothing_but_the_doc_with_it(error: Exception | None) -> None:
    async def main() -> None:
        async with Place() as place:
            ann, bob, other = [await place.client(user) for user in ("ann", "bob", "other")]
            writer = await ann.enter(DOC)
            await bob.enter(DOC)
            elsewhere = await other.enter("elsewhere")
            if error is None:
                place.store.failure = "the disk is full"
            place.log.error = error
            change = writer.write("k", "v")
            ann.say(DOC, Update(change))
            for client in (ann, bob):
                with pytest.raises(LinkClosed) as closed:
                    await client.heard()
                assert closed.value.code == CloseCode.LOG_FAILED
            assert place.hub.loaded == ["elsewhere"]
            place.store.failure = place.log.error = None
            other.say("elsewhere", Update(elsewhere.write("k", "v")))
            assert statuses(await other.said("elsewhere")) == [True]

            again, watcher = await place.client("ann"), await place.client("bob")
            seen = await watcher.enter(DOC)
            assert seen.rows() == {}, "nobody saw what was not stored"
            again.ask(DOC)
            await again.heard()
            again.say(DOC, Step2(writer.doc.get_update()))
            assert statuses(await again.said(DOC)) == [True]
            for update in updates(await watcher.said(DOC)):
                seen.take(update)
            assert (seen.rows(), place.stored()) == ({"k": "v"}, 1)

    run(main)


@pytest.mark.parametrize("error", [None, RuntimeError("a bug in somebody's log")])
def test_D3_S7_a_log_that_cannot_be_read_ends_who_asks_and_is_tried_again(error: Exception | None) -> None:
    async def main() -> None:
        async with Place() as place:
            other = await place.client("other")
            elsewhere = await other.enter("elsewhere")
            ann = await place.client("ann")
            place.log.error = error or LinkClosed(0, "any error of ours")
            ann.ask(DOC)
            with pytest.raises(LinkClosed) as closed:
                await ann.heard()
            assert closed.value.code == CloseCode.LOG_FAILED
            place.log.error = None
            assert (await (await place.client("ann")).enter(DOC)).rows() == {}
            other.say("elsewhere", Update(elsewhere.write("k", "v")))
            assert statuses(await other.said("elsewhere")) == [True]

    run(main)


def test_D4_S7_a_log_that_cannot_be_compacted_is_served_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "COMPACT_FIRST", 250)

    async def main() -> None:
        store = MemoryStore()
        async with Place(store=store) as place:
            ann = await place.client("ann")
            writer = await ann.enter(DOC)
            for number in range(250):
                ann.say(DOC, Update(writer.write("k", f"v{number}")))
                assert statuses(await ann.said(DOC)) == [True]
        store.failure = "the disk is full"
        async with Place(store=store) as place:
            assert (await (await place.client("bob")).enter(DOC)).rows() == {"k": "v249"}
            assert place.stored() == 250
        store.failure = None
        async with Place(store=store) as place:
            assert (await (await place.client("bob")).enter(DOC)).rows() == {"k": "v249"}
            assert place.stored() == 1

    run(main)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (Limits(compact_entries=8), 8),
        (Limits(compact_bytes=4000), 4),
        (Limits(compact_bytes=1), 3),  # never for less than twice the snapshot
    ],
)
def test_D4_S4_a_doc_in_use_is_compacted_before_reading_its_log_takes_much(limits: Limits, most: int) -> None:
    async def main() -> None:
        async with Place(limits) as place:
            ann = await place.client("ann")
            writer = await ann.enter(DOC)
            stored = []
            for number in range(30):
                ann.say(DOC, Update(writer.write("k", f"{number}" * 1000)))
                assert statuses(await ann.said(DOC)) == [True]
                stored.append(place.stored())
            assert max(stored) <= most
            assert stored.count(1) > 2, "it was compacted again and again"

    run(main)


def test_S6_a_cold_doc_is_read_once_for_all_who_come_together() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with Place(store=store) as place:
            ann = await place.client("ann")
            ann.say(DOC, Update((await ann.enter(DOC)).write("k", "v")))
            await ann.heard()
        async with Place(store=store) as place:
            place.log.hold("read")
            joiners = [await place.client(f"user{number}") for number in range(50)]
            for joiner in joiners:
                joiner.ask(DOC)
            await anyio.sleep(1)
            place.log.release()
            for joiner in joiners:
                kinds = [type(message) for message in await joiner.said(DOC)]
                assert kinds == [Authenticated, Step2, Step1]
            assert place.log.reads[DOC] == 1

    run(main)


@pytest.mark.parametrize("leaves", [True, False])
def test_S6_who_leaves_while_the_doc_is_loaded_stops_nobody(leaves: bool) -> None:
    async def main() -> None:
        async with Place() as place:
            place.log.hold("read")
            first, second = await place.client("first"), await place.client("second")
            first.ask(DOC)
            second.ask(DOC)
            await anyio.sleep(1)
            if leaves:
                await first.link.aclose()
            await anyio.sleep(1)
            place.log.release()
            assert len(await second.said(DOC)) == 3
            assert place.hub.occupants() == {DOC: {"second"} if leaves else {"first", "second"}}

    run(main)


def test_D1_D5_leaving_the_hub_ends_links_with_restart_after_the_commits_under_way() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        here, there = memory_pipe()
        async with anyio.create_task_group() as tasks:
            async with Hub(log, authorize=believe) as hub:
                tasks.start_soon(hub.serve, there, HocuspocusDialect())
                ann = RawClient(here, "ann")
                writer = await ann.enter(DOC)
                log.hold()
                ann.say(DOC, Update(writer.write("k", "v")))
                await anyio.sleep(1)
                assert len(store.rows(DOC)) == 0
                asyncio.get_running_loop().call_later(1, log.release)
            assert len(store.rows(DOC)) == 1
            assert statuses(await ann.said(DOC)) == [True], "told before the goodbye"
            with pytest.raises(LinkClosed) as closed:
                await here.receive()
            assert closed.value.code == CloseCode.RESTART

    run(main)

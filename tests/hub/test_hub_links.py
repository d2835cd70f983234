"""One frame for each commit, bounds for slow readers and floods, and docs that come and go."""

import asyncio

import anyio
import pytest

from syncchat.core.messages import (
    Auth,
    QueryAwareness,
    Step1,
    Step2,
    Update,
)
from syncchat.errors import CloseCode
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, end_of, hello, present, statuses, updates
from syncchat.testing.loop import VirtualLoop, run
from syncchat.testing.server import make_hub

DOC = "todo"
PAGE = "lobby/0"


def test_S8_a_commit_reaches_each_reader_as_one_frame_and_its_only_author_not() -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log) as hub, hub.connect() as one, hub.connect() as two, hub.connect() as three:
            ann, bob, reader = RawClient(one, "ann"), RawClient(two, "bob"), RawClient(three, "reader")
            anns, bobs, seen = [await client.enter(DOC) for client in (ann, bob, reader)]
            log.hold()
            ann.say(DOC, Update(anns.write("first", "x")))
            await anyio.sleep(1)
            ann.say(DOC, *(Update(anns.write(f"a{n}", "x")) for n in range(5)))
            await anyio.sleep(1)
            log.release()
            assert statuses(heard := await ann.said(DOC)) == [True] * 6
            assert updates(heard) == [], "it wrote all of it"
            frames = updates(await reader.said(DOC))
            assert len(frames) == 2, "one for the commit that was held, one for the five that waited"
            log.hold()
            bob.say(DOC, Update(bobs.write("b0", "x")))
            await anyio.sleep(1)
            ann.say(DOC, Update(anns.write("both", "x")))
            bob.say(DOC, Update(bobs.write("both", "y")))
            await anyio.sleep(1)
            log.release()
            assert len(updates(await ann.said(DOC))) == 2, "bob's, and the one of both"
            for frame in [*frames, *updates(await reader.said(DOC))]:
                seen.take(frame)
            assert set(seen.rows()) == {"first", *(f"a{n}" for n in range(5)), "b0", "both"}

    run(main)


def test_S8_who_only_repeats_what_is_known_is_no_author() -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            anns, _ = await ann.enter(DOC), await bob.enter(DOC)
            known = anns.write("k", "v")
            ann.say(DOC, Update(known))
            await ann.heard()
            await bob.heard()
            log.hold()
            ann.say(DOC, Update(anns.write("k", "w")))
            await anyio.sleep(1)
            bob.say(DOC, Update(known))
            ann.say(DOC, Update(anns.write("k", "x")))
            await anyio.sleep(1)
            log.release()
            assert updates(await ann.said(DOC)) == []
            assert len(updates(await bob.said(DOC))) == 2

    run(main)


def test_S4_P2_a_reader_that_does_not_read_gets_one_difference_when_it_does() -> None:
    async def main() -> None:
        async with make_hub(reader_backlog=100_000) as hub, hub.connect() as one, hub.connect() as two:
            ann, slow = RawClient(one, "ann"), RawClient(two, "slow")
            anns, seen = await ann.enter(DOC), await slow.enter(DOC)
            waiting = []
            for number in range(100):
                ann.say(
                    DOC, Update(anns.write(f"k{number}", "x" * 20_000)), hello(7, number + 1, {"at": number})
                )
                assert statuses(await ann.said(DOC)) == [True]
                waiting.append(hub_backlog(slow))
            assert max(waiting) < 200_000
            assert waiting[-1] == waiting[20], "nothing more is queued for it"
            heard = await slow.said(DOC)
            assert len(updates(heard)) < 10
            for update in updates(heard):
                seen.take(update)
            assert seen.rows() == anns.rows()
            assert present(heard) == {7: {"at": 99, "user": "ann"}}
            ann.say(DOC, Update(anns.write("after", "all")))
            for update in updates(await slow.said(DOC)):
                seen.take(update)
            assert seen.rows()["after"] == "all"

    def hub_backlog(client: RawClient) -> int:
        return client.link._inbox_bytes  # type: ignore[attr-defined, no-any-return]  # what the hub's end counts

    run(main)


def test_S4_presence_alone_cannot_fill_the_queue_of_who_does_not_read() -> None:
    async def main() -> None:
        async with make_hub(reader_backlog=100_000) as hub, hub.connect() as one, hub.connect() as two:
            ann, slow = RawClient(one, "ann"), RawClient(two, "slow")
            await ann.enter(DOC)
            await slow.enter(DOC)
            for number in range(500):
                ann.say(DOC, hello(7, number + 1, {"at": number, "padding": "x" * 2000}))
                await ann.heard()
            assert slow.link._inbox_bytes < 200_000  # type: ignore[attr-defined]  # what the hub's end counts
            entry = present(await slow.said(DOC))[7]
            assert isinstance(entry, dict)
            assert entry["at"] == 499

    run(main)


def test_S4_too_much_presence_for_who_does_not_read_ends_its_link() -> None:
    async def main() -> None:
        async with (
            make_hub(reader_backlog=10, missed_presence=20) as hub,
            hub.connect() as one,
            hub.connect() as two,
        ):
            ann, slow = RawClient(one, "ann"), RawClient(two, "slow")
            await ann.enter(DOC)
            await slow.enter(DOC)
            for number in range(30):
                ann.say(DOC, hello(number % 15, number + 1, {"padding": "x" * 4000}))
                await anyio.sleep(0.1)
            for number in range(15, 30):
                async with hub.connect() as link:
                    other = RawClient(link, f"user{number}")
                    await other.enter(DOC)
                    other.say(DOC, hello(100 + number))
                    await other.heard()
            closed = await end_of(slow.link)
            assert closed.code == CloseCode.TRY_LATER
            assert "missed_presence" in closed.reason

    run(main)


def test_S4_asking_again_and_again_without_reading_gets_few_answers() -> None:
    async def main() -> None:
        async with make_hub(reader_backlog=100_000) as hub, hub.connect() as one:
            ann = RawClient(one, "ann")
            writer = await ann.enter(DOC)
            ann.say(DOC, Update(writer.write("k", "x" * 50_000)))
            await ann.heard()
            for _ in range(200):
                ann.say(DOC, Step1(b"\x00"))
                await anyio.sleep(0.1)
            assert ann.link._inbox_bytes < 300_000  # type: ignore[attr-defined]  # what the hub's end counts
            kinds = [type(message) for message in await ann.said(DOC)]
            assert kinds[-2:] == [Step2, Step1], "the last question is answered"

    run(main)


def test_S4_a_flood_of_updates_is_read_no_faster_than_it_is_stored() -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log, pending_updates=8) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            writer, _ = await ann.enter(DOC), await bob.enter("elsewhere")
            log.hold()
            ann.say(DOC, *(Update(writer.write(f"k{n}", "v")) for n in range(100)))
            await anyio.sleep(60)
            assert ann.link.backlog() > 0, "the hub reads no more of it for now"
            bob.say("elsewhere", QueryAwareness())
            await anyio.sleep(1)
            assert bob.link.backlog() == 0, "other links are read"
            log.release()
            assert statuses(await ann.said(DOC)) == [True] * 100

    run(main)


def test_S10_S6_what_waited_for_admission_is_not_overtaken() -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log, pending_updates=2) as hub, hub.connect() as one:
            ann, writer = RawClient(one, "ann"), Writer()
            log.hold("read")
            ann.say(DOC, Auth("ann"), *(Update(writer.write("k", f"v{n}")) for n in range(20)))
            await anyio.sleep(1)
            log.hold("append")
            log._gates["read"].set()
            ann.say(DOC, Update(b"rubbish"))
            await anyio.sleep(1)
            log.release()
            assert statuses(await ann.said(DOC)) == [True] * 20 + [False]

    run(main)


def test_S9_an_idle_doc_is_compacted_unloaded_and_served_again_as_it_was() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        async with make_hub(log, idle_seconds=60) as hub:
            async with hub.connect() as one:
                ann = RawClient(one, "ann")
                writer = await ann.enter(DOC)
                for number in range(10):
                    ann.say(DOC, Update(writer.write(f"k{number}", "v")))
                    await ann.heard()
                await anyio.sleep(120)
                assert (hub.loaded, len(store.rows(DOC))) == ([DOC], 10), "somebody is there"
            await anyio.sleep(59)
            assert hub.loaded == [DOC]
            await anyio.sleep(2)
            assert (hub.loaded, len(store.rows(DOC))) == ([], 1)
            async with hub.connect() as two:
                assert (await RawClient(two, "bob").enter(DOC)).rows() == writer.rows()

    run(main)


@pytest.mark.parametrize("delay", [60.0, 60.00001, *(60 + n / 1000 for n in range(1, 6))])
@pytest.mark.parametrize("ticks", range(0, 24, 3))
def test_S9_S6_who_joins_at_the_instant_of_unloading_is_served(delay: float, ticks: int) -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log, idle_seconds=60) as hub, hub.connect() as two:
            async with hub.connect() as one:
                ann = RawClient(one, "ann")
                writer = await ann.enter(DOC)
                for number in range(3):
                    ann.say(DOC, Update(writer.write("k", f"v{number}")))
                    await ann.heard()
            log.hold("read")  # the compaction reads first
            await anyio.sleep(delay)
            for _ in range(ticks):
                await anyio.lowlevel.checkpoint()
            bob = RawClient(two, "bob")
            bob.ask(DOC)
            for _ in range(ticks):
                await anyio.lowlevel.checkpoint()
            log.release()
            assert [type(m) for m in await bob.said(DOC)][1:] == [Step2, Step1]
            assert hub.occupants() == {DOC: {"bob"}}

    run(main)


@pytest.mark.parametrize("ticks", range(16))
def test_S9_S6_nobody_joins_a_doc_that_is_just_being_unloaded(ticks: int) -> None:
    async def main() -> None:
        async with make_hub(idle_seconds=60) as hub, hub.connect() as two:
            async with hub.connect() as one:
                await RawClient(one, "ann").enter(DOC)
            left = anyio.current_time()
            await anyio.sleep_until(left + 59)
            bob = RawClient(two, "bob")
            bob.ask(DOC)
            for _ in range(ticks):
                await anyio.lowlevel.checkpoint()
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.now = left + 60  # the idle time is over while bob is on his way
            assert len(await bob.said(DOC)) == 3
            assert hub.occupants() == {DOC: {"bob"}}

    run(main)

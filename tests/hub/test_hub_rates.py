"""Limits of work and memory: who is over one is told or slowed down, and nobody else notices (L2, S4)."""

import anyio
import pytest

from syncchat.core.hub_session import MAX_QUEUED
from syncchat.core.messages import Auth, Close, Message, QueryAwareness, Step1, Update
from syncchat.errors import CloseCode
from syncchat.testing.beside import DOC, beside_bob, dial, named
from syncchat.testing.client import HeldLog, RawClient, Writer, end_of, hello, statuses, told
from syncchat.testing.loop import run
from syncchat.testing.server import make_hub
from syncchat.testing.updates import gc, update


async def _until_told(ann: RawClient, writer: Writer, size: int) -> tuple[bytes, str, float]:
    """Write until the session is ended for a limit; the update that was too much, and what was told."""
    for number in range(400):
        update = writer.write(f"ann{number}", "x" * size)
        ann.say(DOC, Update(update))
        heard = await ann.said(DOC)
        if isinstance(heard[-1], Close):
            return update, *named(heard[-2])
    raise AssertionError("no limit was met")


@pytest.mark.parametrize(
    ("user", "size", "limit"),
    [
        ("ann", 1, "updates_per_second"),
        ("ann", 7000, "bytes_per_second"),
        ("bot", 1, "agent_updates_per_second"),
        ("bot", 5000, "agent_bytes_per_second"),
    ],
)
def test_L2_who_writes_too_fast_is_read_slower_and_then_told(user: str, size: int, limit: str) -> None:
    async def main() -> None:
        rates: dict[str, float] = {
            "updates_per_second": 2,
            "updates_burst": 10,
            "bytes_per_second": 1000,
            "bytes_burst": 10_000,
        }
        limits = {**rates, **{f"agent_{name}": number * 3 for name, number in rates.items()}}
        async with beside_bob(throttle_seconds=0, **limits) as (hub, bob, tasks):
            client = RawClient(dial(hub, tasks), user)
            writer = await client.enter(DOC)
            update, found, retry = await _until_told(client, writer, size)
            assert found == limit
            assert hub.stats.over_limit == {limit: 1}
            await bob.goes_on()
            for wait, statuses_then in ((retry / 2, []), (retry / 2 + 1, [True])):  # its token counts
                await anyio.sleep(wait)
                client.say(DOC, Auth(user))
                await client.heard()
                client.say(DOC, Update(update))
                assert statuses(await client.said(DOC)) == statuses_then

    run(main)


@pytest.mark.parametrize("question", [Step1(b"\x00"), QueryAwareness(), hello(1), Auth("ann")])
def test_L2_G15_questions_and_presence_count_as_updates_do(question: Message) -> None:
    async def main() -> None:
        limits = {"updates_per_second": 1, "updates_burst": 20, "throttle_seconds": 0}
        async with beside_bob(**limits) as (hub, bob, tasks):
            ann = RawClient(dial(hub, tasks), "ann")
            await ann.enter(DOC)
            ann.say(DOC, *[question] * 30)
            heard = await ann.said(DOC)
            assert any(isinstance(message, Close) for message in heard)
            assert {why["limit"] for why in told(heard)} == {"updates_per_second"}
            await bob.goes_on()

    run(main)


def test_L2_within_the_patience_a_fast_writer_is_only_read_slower() -> None:
    async def main() -> None:
        limits = {"updates_per_second": 10, "updates_burst": 20, "throttle_seconds": 30}
        async with beside_bob(**limits) as (hub, bob, tasks):
            ann = RawClient(dial(hub, tasks), "ann")
            writer = await ann.enter(DOC)
            before = anyio.current_time()
            ann.say(DOC, *(Update(writer.write(f"ann{n}", "x")) for n in range(219)))
            answered = 0
            while answered < 219:
                answered += len(statuses(await ann.said(DOC)))
                await bob.goes_on()
                await anyio.sleep(0.5)
            assert 19 <= anyio.current_time() - before <= 22

    run(main)


def test_L2_a_user_has_one_account_however_many_links_and_whenever_they_come() -> None:
    async def main() -> None:
        limits = {"updates_per_second": 1, "updates_burst": 10, "throttle_seconds": 0}
        async with beside_bob(**limits) as (hub, bob, tasks):
            done = 0
            for _ in range(6):
                link = dial(hub, tasks)
                ann = RawClient(link, "ann")
                writer = Writer()
                ann.say(DOC, Auth("ann"))
                await ann.heard()
                for number in range(3):
                    ann.say(DOC, Update(writer.write(f"ann{number}", "x")))
                    done += len(statuses(await ann.said(DOC)))
                await link.aclose()
            assert done == 10
            await bob.goes_on()

    run(main)


@pytest.mark.parametrize(
    ("user", "limit"), [("ann", "new_docs_per_hour"), ("bot", "agent_new_docs_per_hour")]
)
def test_L2_a_user_begins_an_upper_number_of_docs_in_an_hour(user: str, limit: str) -> None:
    async def main() -> None:
        async with beside_bob(new_docs_per_hour=5, agent_new_docs_per_hour=8) as (hub, bob, tasks):
            await bob.goes_on()
            client = RawClient(dial(hub, tasks), user)
            begun = 0
            for number in range(12):
                doc = f"doc{number}"
                writer = await client.enter(doc)
                client.say(doc, Update(writer.write("k", "v")))
                heard = await client.said(doc)
                begun += len(statuses(heard))
                if statuses(heard) == []:
                    assert isinstance(heard[-1], Close)
                    found, retry = named(heard[-2])
                    assert found == limit
                    assert 0 < retry <= 3600
            assert begun == (5 if user == "ann" else 8)
            writer = await client.enter(DOC)
            client.say(DOC, Update(writer.write("k", "v")))
            assert statuses(await client.said(DOC)) == [True], "what others began is written all the same"
            await bob.goes_on()

    run(main)


def test_L2_messages_that_wait_for_a_token_to_be_judged_have_an_upper_number() -> None:
    async def main() -> None:
        async with beside_bob() as (hub, bob, tasks):
            ann = RawClient(dial(hub, tasks), "ann")
            ann.say(DOC, *[QueryAwareness()] * (MAX_QUEUED + 1))
            heard = await ann.said(DOC)
            assert isinstance(heard[-1], Close)
            assert named(heard[-2])[0] == "MAX_QUEUED"
            await ann.enter(DOC)
            await bob.goes_on()

    run(main)


def test_L2_S4_messages_for_docs_that_nobody_opened_have_an_upper_size_on_each_link() -> None:
    async def main() -> None:
        async with beside_bob(waiting_bytes=100_000) as (hub, bob, tasks):
            link = dial(hub, tasks)
            ann = RawClient(link, "ann")
            await ann.enter(DOC)
            for number in range(100):
                ann.say(f"doc{number}", Update(bytes(10_000)))
            heard = await ann.heard()
            assert named(heard[-1][1])[0] == "waiting_bytes"
            assert (await end_of(link)).code == CloseCode.TOO_MANY
            await bob.goes_on()

    run(main)


def test_L2_an_update_of_very_many_parts_counts_as_many() -> None:
    """Half a megabyte of the smallest structs is seconds of work, and but one update."""

    async def main() -> None:
        limits = {"updates_per_second": 100, "updates_burst": 1000, "throttle_seconds": 5}
        async with beside_bob(**limits) as (hub, bob, tasks):
            ann = RawClient(dial(hub, tasks), "ann")
            await ann.enter(DOC)
            for made, left in (
                (update((1, 0, [gc(1)] * 2000)), True),
                (update((1, 2000, [gc(1)] * 8000)), False),
            ):
                ann.say(DOC, Update(made))
                assert statuses(await ann.said(DOC)) == [True]
                ann.say(DOC, Update(b"\x00\x00"))
                heard = await ann.said(DOC)
                assert (statuses(heard) == [True]) == left
            assert named(heard[-2])[0] == "updates_per_second"
            await bob.goes_on()

    run(main)


def test_L2_who_shows_tokens_without_end_is_read_slower() -> None:
    async def main() -> None:
        limits = {"updates_per_second": 1, "updates_burst": 20, "throttle_seconds": 5}
        async with beside_bob(**limits) as (hub, bob, tasks):
            link = dial(hub, tasks)
            ann = RawClient(link, "ann")
            await ann.enter(DOC)
            for number in range(50):
                ann.say(f"doc{number}", Auth("nonsense"))
            await anyio.sleep(10)
            assert link.backlog() > 0
            assert hub.stats.over_limit["updates_per_second"] > 5
            await bob.goes_on()

    run(main)


# Memory


def test_S4_L2_who_does_not_read_its_answers_is_not_read_either() -> None:
    async def main() -> None:
        async with beside_bob(reader_backlog=100_000) as (hub, bob, tasks):
            link = dial(hub, tasks)
            ann = RawClient(link, "ann")
            writer = await ann.enter(DOC)
            for _ in range(20_000):
                link.send(b"\x09")
                ann.say(DOC, Update(b"\x01rubbish"))
            await anyio.sleep(60)
            assert link._inbox_bytes < 150_000, "its answers"
            assert link.backlog() > 100_000, "what it sends waits in its own memory"
            await bob.goes_on()
            with anyio.fail_after(600):
                while link.backlog():
                    await ann.heard()
            ann.say(DOC, Update(writer.write("after", "all")))
            heard: list[bool] = []
            while True not in heard:
                heard = statuses(await ann.said(DOC))

    run(main)


def test_S4_S8_answers_to_many_questions_at_once_are_bounded_for_all_of_one_links_docs() -> None:
    async def main() -> None:
        async with beside_bob(reader_backlog=100_000) as (hub, bob, tasks):
            link = dial(hub, tasks)
            ann = RawClient(link, "ann")
            for number in range(5):
                doc = f"doc{number}"
                writer = await ann.enter(doc)
                ann.say(doc, Update(writer.write("k", "x" * 60_000)))
                await ann.heard()
            for _ in range(20):
                for number in range(5):
                    ann.say(f"doc{number}", Step1(b"\x00"))
                await anyio.sleep(0.1)
            assert link._inbox_bytes < 500_000
            await bob.goes_on()

    run(main)


# Nobody


def test_L1_no_limit_is_met_by_honest_use() -> None:
    """A replica with a month of offline work: thousands of messages in one update, and many docs."""

    async def main() -> None:
        async with make_hub(HeldLog()) as hub, hub.connect() as link:
            ann = RawClient(link, "ann")
            for number in range(50):
                doc = f"doc{number}"
                writer = await ann.enter(doc)
                ann.say(doc, *(Update(writer.write(f"k{n}", "x" * 200)) for n in range(100)), hello(number))
                heard = await ann.said(doc)
                assert statuses(heard) == [True] * 100
                assert not told(heard)
            assert hub.stats.over_limit == {}

    run(main)

"""Limits of a hub: who is over one is told its name and when to try again, and nobody else notices (L2)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from syncchat.core.dialect import HocuspocusDialect, YDialect
from syncchat.core.grant import Grant, Role
from syncchat.core.hub_session import MAX_QUEUED
from syncchat.core.messages import Close, Denied, Message, QueryAwareness, Stateless, Step1, Update
from syncchat.errors import CloseCode
from syncchat.hub import Hub
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.testing.client import HeldLog, RawClient, Writer, end_of, hello, statuses, told
from syncchat.testing.loop import run
from syncchat.testing.server import Tokens, make_hub

DOC = "todo"
TOKENS = Tokens(**{name: Grant(name, Role.WRITER) for name in ("ann", "bob")}, bot=Grant("bot", Role.AGENT))


class Neighbour:
    """Somebody else at the same hub, for whom everything must go on as if nothing had happened."""

    def __init__(self, client: RawClient, writer: Writer) -> None:
        self._client = client
        self._writer = writer
        self._written = 0

    async def goes_on(self) -> None:
        """It writes, and is acknowledged."""
        self._written += 1
        self._client.say(DOC, Update(self._writer.write(f"bob{self._written}", "x")))
        assert statuses(await self._client.said(DOC)) == [True]


@asynccontextmanager
async def beside_bob(**limits: Any) -> AsyncIterator[tuple[Hub, Neighbour, TaskGroup]]:
    """A hub with these limits, at which bob is at work."""
    async with (
        make_hub(authorize=TOKENS, **limits) as hub,
        anyio.create_task_group() as tasks,
        hub.connect() as link,
    ):
        bob = RawClient(link, "bob")
        yield hub, Neighbour(bob, await bob.enter(DOC)), tasks
        tasks.cancel_scope.cancel()


def dial(hub: Hub, tasks: TaskGroup, address: str = "") -> MemoryLink:
    """A link to the hub as one from the network."""
    here, there = memory_pipe()
    tasks.start_soon(lambda: hub.serve(there, HocuspocusDialect(), address=address))
    return here


def named(message: Message) -> tuple[str, float]:
    """The limit that a message names, and the seconds after which to try again."""
    text = message.reason if isinstance(message, Denied) else ""
    text = message.payload if isinstance(message, Stateless) else text
    why = json.loads(text)
    assert why["code"] == CloseCode.TOO_MANY
    assert why["retry"] > 0
    assert why["limit"] in why["reason"]
    return why["limit"], why["retry"]


async def farewell(link: MemoryLink) -> str:
    """The limit that a link names before it is closed with the code for that."""
    client = RawClient(link, "")
    [(_, message)] = [said for said in await client.heard(60) if isinstance(said[1], Stateless)]
    closed = await end_of(link)
    assert closed.code == CloseCode.TOO_MANY
    limit, _ = named(message)
    assert limit in closed.reason
    return limit


# Links


def test_L2_links_from_one_address_have_an_upper_number_and_those_of_others_do_not_count() -> None:
    async def main() -> None:
        async with beside_bob(links_per_address=3) as (hub, bob, tasks):
            links = [dial(hub, tasks, "192.0.2.1") for _ in range(3)]
            await RawClient(links[0], "ann").enter(DOC)
            assert await farewell(dial(hub, tasks, "192.0.2.1")) == "links_per_address"
            for address in ("192.0.2.2", *["127.0.0.1"] * 5, *[""] * 5):
                await RawClient(dial(hub, tasks, address), "ann").enter(DOC)
            await links[1].aclose()
            await anyio.sleep(1)
            await RawClient(dial(hub, tasks, "192.0.2.1"), "ann").enter(DOC)
            assert await farewell(dial(hub, tasks, "192.0.2.1")) == "links_per_address"
            assert hub.stats.over_limit == {"links_per_address": 2}
            await bob.goes_on()

    run(main)


@pytest.mark.parametrize(("user", "limit"), [("ann", "links_per_user"), ("bot", "agent_links_per_user")])
def test_L2_links_of_one_user_have_an_upper_number(user: str, limit: str) -> None:
    async def main() -> None:
        async with beside_bob(links_per_user=2, agent_links_per_user=3) as (hub, bob, tasks):
            links = [dial(hub, tasks) for _ in range(3 if user == "bot" else 2)]
            for link in links:
                await RawClient(link, user).enter(DOC)
            late = RawClient(dial(hub, tasks), user)
            late.ask(DOC)
            [denied] = await late.said(DOC)
            assert named(denied)[0] == limit
            await links[0].aclose()
            await anyio.sleep(1)
            await late.enter(DOC)
            await bob.goes_on()

    run(main)


def test_L2_docs_on_one_link_have_an_upper_number() -> None:
    async def main() -> None:
        async with beside_bob(docs_per_link=2) as (hub, bob, tasks):
            ann = RawClient(dial(hub, tasks), "ann")
            writer, _ = await ann.enter("first"), await ann.enter("second")
            ann.ask("third")
            [denied] = await ann.said("third")
            assert named(denied)[0] == "docs_per_link"
            ann.say("first", Update(writer.write("k", "v")))
            assert statuses(await ann.said("first")) == [True]
            await bob.goes_on()

    run(main)


@pytest.mark.parametrize("limit", ["stranger_frames", "stranger_bytes", "stranger_seconds"])
def test_L2_who_has_no_good_token_has_little_of_everything(limit: str) -> None:
    async def main() -> None:
        limits = {"stranger_frames": 20, "stranger_bytes": 2000, "stranger_seconds": 5}
        async with beside_bob(**limits) as (hub, bob, tasks):
            link = dial(hub, tasks)
            stranger = RawClient(link, "mallory")
            if limit == "stranger_frames":
                stranger.say("a", *[QueryAwareness()] * 21)
            elif limit == "stranger_bytes":
                stranger.say("a", *[Update(bytes(500))] * 4)
            else:
                for _ in range(10):
                    stranger.say("a", QueryAwareness())
                    await anyio.sleep(0.45)
                assert link.backlog() == 0
            assert await farewell(link) == limit
            patient = RawClient(dial(hub, tasks), "mallory")
            patient.ask(DOC)
            [denied] = await patient.said(DOC)
            assert isinstance(denied, Denied)
            patient.user = "ann"
            writer = await patient.enter(DOC)
            patient.say(DOC, Update(writer.write("big", "x" * 3000)), *[QueryAwareness()] * 30)
            await anyio.sleep(6)
            assert statuses(await patient.said(DOC)) == [True], "it is no stranger any more"
            await bob.goes_on()

    run(main)


def test_L2_S3_a_frame_over_the_limit_ends_its_link_and_the_limit_is_named() -> None:
    async def main() -> None:
        async with beside_bob(frame_bytes=10_000) as (hub, bob, tasks):
            link = dial(hub, tasks)
            ann = RawClient(link, "ann")
            writer = await ann.enter(DOC)
            ann.say(DOC, Update(writer.write("big", "x" * 10_000)))
            closed = await end_of(link)
            assert closed.code == CloseCode.TOO_BIG
            assert "frame_bytes" in closed.reason
            await bob.goes_on()

    run(main)


def test_L2_in_the_dialect_of_y_websocket_the_reason_of_the_close_names_the_limit() -> None:
    async def main() -> None:
        async with beside_bob(links_per_user=1) as (hub, bob, tasks):
            await RawClient(dial(hub, tasks), "ann").enter(DOC)
            here, there = memory_pipe()
            tasks.start_soon(hub.serve, there, YDialect(DOC), "ann", DOC)
            closed = await end_of(here)
            assert closed.code == CloseCode.TOO_MANY
            assert "links_per_user" in closed.reason
            await bob.goes_on()

    run(main)


# Work


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
        ("ann", 5000, "bytes_per_second"),
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
            for wait, statuses_then in ((retry * 0.5, []), (retry * 0.6, [True])):
                await anyio.sleep(wait)
                client.ask(DOC)
                await client.heard()
                client.say(DOC, Update(update))
                assert statuses(await client.said(DOC)) == statuses_then

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
                ann.ask(DOC)
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

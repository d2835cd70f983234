"""Limits of links: who is over one is told its name and when to try again, and nobody else notices (L2)."""

import anyio
import pytest

from syncchat.core.dialect import YDialect
from syncchat.core.messages import Close, Denied, QueryAwareness, Stateless, Update
from syncchat.errors import CloseCode
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.testing.beside import DOC, beside_bob, dial, named
from syncchat.testing.client import RawClient, end_of, statuses
from syncchat.testing.loop import run


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


@pytest.mark.parametrize(("user", "limit"), [("ann", "docs_per_user"), ("bot", "agent_docs_per_user")])
def test_L2_docs_of_one_user_on_all_links_have_an_upper_number(user: str, limit: str) -> None:
    async def main() -> None:
        async with beside_bob(docs_per_user=3, agent_docs_per_user=4) as (hub, bob, tasks):
            one, two = (RawClient(dial(hub, tasks), user) for _ in range(2))
            for number in range(3 if user == "ann" else 4):
                await (one, two)[number % 2].enter(f"doc{number}")
            for _ in range(2):
                two.ask("late")
                [denied] = await two.said("late")
                assert named(denied)[0] == limit
            one.say("doc0", Close(""))
            await anyio.sleep(1)
            await two.enter("late")
            await one.link.aclose()
            await anyio.sleep(1)
            await two.enter("later")
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

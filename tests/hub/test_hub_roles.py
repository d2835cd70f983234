"""What each role may do at a hub: what it refuses is told, and reaches nobody's screen."""

import json
from typing import Any

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.core.guard import MAX_AHEAD
from syncchat.core.ids import format_id
from syncchat.core.messages import Authenticated, Close, QueryAwareness, Update
from syncchat.core.presence import MAX_STATE
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, hello, present, statuses, told, updates
from syncchat.testing.loop import EPOCH, run
from syncchat.testing.server import Tokens, make_hub

PAGE = "lobby/0"
BOBS = format_id(EPOCH - 1000, "bob", 1)

GRANTS = Tokens(
    ann=Grant("ann", Role.WRITER, "Ann A."),
    bob=Grant("bob", Role.WRITER),
    eve=Grant("eve", Role.READER),
    mod=Grant("mod", Role.MODERATOR),
    bot=Grant("bot", Role.AGENT),
)


class Room:
    """A page with a message of bob's, and a watcher who sees whatever is shown to anybody."""

    def __init__(self, watcher: RawClient, screen: Writer) -> None:
        self.watcher = watcher
        self.screen = screen

    async def accepted(self, client: RawClient, update: bytes) -> None:
        """An update that goes through, to the watcher too."""
        client.say(PAGE, Update(update))
        assert statuses(await client.said(PAGE)) == [True]
        [shown] = updates(await self.watcher.said(PAGE))
        self.screen.take(shown)

    async def refused(self, client: RawClient, update: bytes) -> dict[str, Any]:
        """What is told of one that does not, of which the watcher hears nothing."""
        client.say(PAGE, Update(update))
        heard = await client.said(PAGE)
        assert statuses(heard) == [False]
        assert await self.watcher.said(PAGE) == []
        [why] = told(heard)
        return why


async def _furnish(one: RawClient, two: RawClient) -> Room:
    room = Room(two, await two.enter(PAGE))
    writer = await one.enter(PAGE)
    await room.accepted(one, writer.write(BOBS, {"text": "rude"}))
    return room


def test_G9_G8_times_are_judged_by_the_hubs_own_clock() -> None:
    async def main() -> None:
        async with make_hub(authorize=GRANTS) as hub, hub.connect() as one, hub.connect() as two:
            room = await _furnish(RawClient(one, "bob"), RawClient(two, "eve"))
            async with hub.connect() as link:
                ann = RawClient(link, "ann")
                await ann.enter(PAGE)
                await anyio.sleep(3600)
                ahead = format_id(EPOCH + 3_600_000 + MAX_AHEAD + 1000, "ann", 1)
                why = await room.refused(ann, Writer().write(ahead, {"text": "tomorrow"}))
                assert (why["rule"], why["rows"]) == ("G9", [["messages", ahead]])
                await anyio.sleep(2)
                await room.accepted(ann, Writer().write(ahead, {"text": "tomorrow"}))

    run(main)


def test_G10_only_an_agent_writes_as_one() -> None:
    async def main() -> None:
        async with make_hub(authorize=GRANTS) as hub, hub.connect() as one, hub.connect() as two:
            room = await _furnish(RawClient(one, "bob"), RawClient(two, "eve"))
            for name, rule in (("ann", "G10"), ("mod", "G10"), ("bot", None)):
                async with hub.connect() as link:
                    client = RawClient(link, name)
                    await client.enter(PAGE)
                    message = Writer().write(format_id(EPOCH, name, 1), {"text": "x", "agent": True})
                    if rule is None:
                        await room.accepted(client, message)
                    else:
                        assert (await room.refused(client, message))["rule"] == rule

    run(main)


def test_G11_a_reader_is_told_so_reads_all_and_changes_nothing_presence_included() -> None:
    async def main() -> None:
        async with make_hub(authorize=GRANTS) as hub, hub.connect() as one, hub.connect() as two:
            bob = RawClient(one, "bob")
            room = await _furnish(bob, RawClient(two, "ann"))
            bob.say(PAGE, hello(5))
            await room.watcher.heard()
            async with hub.connect() as link:
                eve = RawClient(link, "eve")
                eve.ask(PAGE)
                heard = await eve.said(PAGE)
                assert heard[0] == Authenticated("readonly")
                assert eve.welcome is not None
                assert eve.welcome.role is Role.READER
                assert present(heard) == {5: {"n": 5, "user": "bob"}}
                why = await room.refused(eve, Writer().write(format_id(EPOCH, "eve", 1), {"text": "x"}))
                assert why["rule"] == "G11"
                eve.say(PAGE, hello(6), hello(5, 99, {"forged": True}))
                assert await eve.said(PAGE) == []
                assert await room.watcher.said(PAGE) == []
                eve.say(PAGE, QueryAwareness())
                assert set(present(await eve.said(PAGE))) == {5}
            assert await room.watcher.said(PAGE) == [], "there was nothing of a reader to be cleared"
            assert hub.stats.refusals["G11"] >= 2

    run(main)


def test_G12_a_moderator_deletes_by_name_and_rewrites_nothing() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with (
            make_hub(HeldLog(store), authorize=GRANTS) as hub,
            hub.connect() as one,
            hub.connect() as two,
            hub.connect() as three,
        ):
            room = await _furnish(RawClient(one, "bob"), RawClient(two, "eve"))
            mod = RawClient(three, "mod")
            writer = await mod.enter(PAGE)
            why = await room.refused(mod, writer.write(BOBS, {"text": "polite"}))
            assert (why["rule"], why["rows"]) == ("G12", [["messages", BOBS]])
            assert room.screen.rows() == {BOBS: {"text": "rude"}}
            again = Writer()
            for row in store.rows(PAGE):
                again.take(row.data)
            await room.accepted(mod, again.write(BOBS, {"deleted": True, "by": "mod"}))
            assert room.screen.rows() == {BOBS: {"deleted": True, "by": "mod"}}

    run(main)


# Presence


def test_G15_a_presence_state_bears_its_users_name_whatever_it_says() -> None:
    async def main() -> None:
        async with make_hub(authorize=GRANTS) as hub, hub.connect() as one, hub.connect() as two:
            ann, eve = RawClient(one, "ann"), RawClient(two, "eve")
            await ann.enter(PAGE)
            await eve.enter(PAGE)
            forged = {"user": "bob", "name": "Bob", "typing": True}
            for said, shown in (
                (forged, {"user": "ann", "name": "Ann A.", "typing": True}),
                (
                    {"user": {"name": "Bob", "color": "red"}},
                    {"user": {"id": "ann", "name": "Ann A.", "color": "red"}, "name": "Ann A."},
                ),
            ):
                ann.say(PAGE, hello(1, int(anyio.current_time() * 1e6), said))
                assert present(await eve.said(PAGE)) == {1: shown}
                assert present(await ann.said(PAGE)) == {1: shown}

    run(main)


def test_G15_a_client_id_of_somebody_elses_shows_nothing() -> None:
    async def main() -> None:
        async with make_hub(authorize=GRANTS) as hub, hub.connect() as one, hub.connect() as two:
            bob, ann = RawClient(one, "bob"), RawClient(two, "ann")
            writer, _ = await bob.enter(PAGE), await ann.enter(PAGE)
            bob.say(PAGE, Update(writer.write(BOBS, {"text": "x"})))
            await bob.heard()
            await ann.heard()
            ann.say(PAGE, hello(writer.doc.client_id), hello(1))
            assert set(present(await bob.said(PAGE))) == {1}

    run(main)


@pytest.mark.parametrize("size", [MAX_STATE - 40, MAX_STATE + 1])
def test_G15_G6_L2_a_presence_state_has_an_upper_size(size: int) -> None:
    async def main() -> None:
        async with make_hub(authorize=GRANTS) as hub, hub.connect() as one, hub.connect() as two:
            ann, eve = RawClient(one, "ann"), RawClient(two, "eve")
            await ann.enter(PAGE)
            await eve.enter(PAGE)
            ann.say(PAGE, hello(1, 1, {"x": "y" * (size - len(json.dumps({"x": ""})))}))
            heard = await ann.said(PAGE)
            assert isinstance(heard[-1], Close) == (size > MAX_STATE)
            assert ["presence_bytes" in why["reason"] for why in told(heard)] == [True] * (size > MAX_STATE)
            assert bool(present(await eve.said(PAGE))) == (size <= MAX_STATE)

    run(main)


def test_G15_S4_presence_that_comes_too_fast_is_shown_later_and_only_the_newest() -> None:
    async def main() -> None:
        hub = make_hub(authorize=GRANTS, presence_per_second=2, presence_burst=3)
        async with hub, hub.connect() as one, hub.connect() as two, hub.connect() as three:
            ann, bob, eve = RawClient(one, "ann"), RawClient(two, "bob"), RawClient(three, "eve")
            for client in (ann, bob, eve):
                await client.enter(PAGE)
            for at in range(100):
                ann.say(PAGE, hello(1, at + 1, {"at": at}), hello(2, at + 1, {"at": -at}))
            bob.say(PAGE, hello(3))
            heard = await eve.said(PAGE)
            assert len(heard) == 4, "three of ann's, and bob's, who has nothing to do with it"
            await anyio.sleep(1)
            heard = await eve.said(PAGE)
            assert len(heard) == 1
            ann_is = {"user": "ann", "name": "Ann A."}
            assert present(heard) == {1: {"at": 99, **ann_is}, 2: {"at": -99, **ann_is}}
            assert hub.stats.over_limit == {"presence_per_second": 1}
            ann.say(PAGE, hello(1, 200))
            await ann.heard()
            ann.say(PAGE, hello(1, 201))
            await one.aclose()
            await eve.heard()
            await anyio.sleep(10)
            assert present(await eve.said(PAGE)) == {}, "who has left shows nothing more"

    run(main)

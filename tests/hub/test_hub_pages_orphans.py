"""Messages that nobody finishes, on pages that are the newest no more: the server ends them (H6)."""

import json
from typing import Any

import pytest
from pycrdt import Map, Text

from syncchat.core.grant import Grant, Role
from syncchat.core.messages import Update
from syncchat.hub.orphans import STALE, ending
from syncchat.log import MemoryStore
from syncchat.testing.client import RawClient, Writer, statuses
from syncchat.testing.loop import run
from syncchat.testing.server import Tokens
from tests.hub.paging import Poster, id_of, page, paged, rows, stored, stored_cover

TOKENS = Tokens(bot=Grant("bot", Role.AGENT), ann=Grant("ann", Role.WRITER))
ORPHAN = id_of(2, "bot")


async def say(client: RawClient, doc: str, writer: Writer, root: str, key: str, value: object) -> None:
    before = writer.doc.get_state()
    writer.doc.get(root, type=Map)[key] = value
    client.say(doc, Update(writer.doc.get_update(before)))
    assert statuses(await client.said(doc)) == [True]


async def live(store: MemoryStore, then: int) -> None:
    """A bot says one thing and begins another, and dies; ann goes on over the page's end until `then`."""
    async with paged(store, authorize=TOKENS) as hub, hub.connect() as one, hub.connect() as two:
        bot, ann = RawClient(one, "bot"), Poster(RawClient(two, "ann"))
        writer = await bot.enter(page(0))
        await say(bot, page(0), writer, "messages", id_of(1, "bot"), '{"text":"hello","agent":true}')
        await say(bot, page(0), writer, "streams", ORPHAN, Text("so "))
        await bot.link.aclose()
        await ann.post(0, 3, 4, 5)
        await ann.post(1, then)


def message(store: MemoryStore) -> Any:
    value = stored(store, page(0)).get("messages", type=Map).get(ORPHAN)
    return None if value is None else json.loads(value)


@pytest.mark.parametrize("late", [0, 1])
def test_H6_what_its_author_left_unfinished_on_an_older_page_is_ended_when_that_is_opened(late: int) -> None:
    async def main() -> None:
        await live(store := MemoryStore(), then=2 + STALE - 1 + late)
        assert message(store) is None
        for _ in range(2):
            async with paged(store, authorize=TOKENS) as hub, hub.connect() as one:
                await RawClient(one, "ann").enter(page(0))
            ended = {"text": "so ", "agent": True, "state": "interrupted"} if late else None
            assert message(store) == ended
        assert stored_cover(store).messages == 5 + late
        assert len(rows(store, 1, "marks")) == late

    run(main)


def test_H6_an_author_who_comes_back_finishes_it_all_the_same() -> None:
    async def main() -> None:
        await live(store := MemoryStore(), then=3 * STALE)
        async with paged(store, authorize=TOKENS) as hub:
            async with hub.connect() as one:
                await RawClient(one, "ann").enter(page(0))
            async with hub.connect() as one:
                bot = RawClient(one, "bot")
                writer = await bot.enter(page(0))
                before = writer.doc.get_state()
                text = writer.doc.get("streams", type=Map)[ORPHAN]
                text += "it ends"
                bot.say(page(0), Update(writer.doc.get_update(before)))
                assert statuses(await bot.said(page(0))) == [True]
                await say(bot, page(0), writer, "messages", ORPHAN, json.dumps({"text": str(text)}))
        assert message(store) == {"text": "so it ends"}

    run(main)


def test_H6_on_the_newest_page_its_author_may_still_be_at_it() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, authorize=TOKENS) as hub, hub.connect() as one, hub.connect() as two:
            bot, ann = RawClient(one, "bot"), Poster(RawClient(two, "ann"))
            await say(bot, page(0), await bot.enter(page(0)), "streams", ORPHAN, Text("so "))
            await ann.post(0, 3, 3 * STALE)
        async with paged(store, authorize=TOKENS) as hub, hub.connect() as one:
            await RawClient(one, "ann").enter(page(0))
        assert message(store) is None

    run(main)


def test_H6_nothing_is_ended_where_nothing_is_known_or_nothing_is_stale() -> None:
    streams = {ORPHAN: "so", "no id": "x"}
    assert ending({}, streams, "", 1) is None
    assert ending({}, streams, id_of(3), 1) is None
    assert ending({ORPHAN: '{"text":"so"}'}, streams, id_of(3 * STALE), 1) is None
    assert ending({"no id": "{", ORPHAN: '{"deleted":true}'}, streams, id_of(3 * STALE), 1) is None

"""When a hub opens the next page of a room, and which pages it takes nothing for (H3)."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from syncchat.core.messages import Update
from syncchat.errors import LogFailed
from syncchat.hub import Limits
from syncchat.log import Beside, MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, statuses, told
from syncchat.testing.loop import run
from tests.hub.paging import COVER, Poster, page, paged, read_cover, rows, stored_cover


def test_H3_the_next_page_is_opened_at_once_when_the_newest_is_full() -> None:
    async def main() -> None:
        async with paged(cover_seconds=1000) as hub, hub.connect() as one, hub.connect() as two:
            ann = Poster(RawClient(one, "ann"))
            reader, cover = await read_cover(RawClient(two, "bob"))
            assert await ann.post(0, 1, 2, 3) == [True] * 3
            await reader.follow()
            assert cover.newest == 0
            assert await ann.post(0, 4) == [True]
            await reader.follow()
            assert cover.newest == 1
            assert cover.messages == 4
            assert await ann.post(1, 5, 6, 7, 8) == [True] * 4
            await reader.follow()
            assert (cover.newest, cover.messages) == (2, 8)
            assert hub.stats.rollovers == 2

    run(main)


@pytest.mark.parametrize(
    ("limits", "messages"),
    [({"page_bytes": 3000}, 3), ({"page_clients": 5}, 5), ({"page_messages": 7}, 7), ({}, None)],
)
def test_H3_L1_a_page_is_full_by_messages_by_bytes_or_by_client_ids(
    limits: dict[str, Any], messages: int | None
) -> None:
    async def main() -> None:
        async with (
            paged(**{"page_messages": 100, **limits}) as hub,
            hub.connect() as one,
            hub.connect() as two,
        ):
            reader, cover = await read_cover(RawClient(two, "bob"))
            ann = RawClient(one, "ann")
            await ann.enter(page(0))
            opened, writer = None, Writer()
            for number in range(20):
                key = f"0000000{'0123456789abcdefghjk'[number]}00.ann.00000000"
                text = "x" * (1000 if "page_bytes" in limits else 1)
                writer = Writer() if "page_clients" in limits else writer
                ann.say(page(0), Update(writer.write(key, {"text": text})))
                assert statuses(await ann.said(page(0))) == [True]
                await reader.follow()
                if cover.newest and opened is None:
                    opened = number + 1
            assert opened == messages
            assert cover.newest == (0 if messages is None else 1), "what goes on coming opens no further one"

    run(main)


def test_H3_the_numbers_are_those_of_the_rule() -> None:
    limits = Limits()
    assert (limits.page_messages, limits.page_bytes, limits.page_clients) == (256, 128 * 1024, 1000)


def test_H3_what_is_overwritten_does_not_fill_a_page() -> None:
    async def main() -> None:
        async with paged(page_messages=100, page_bytes=4000) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            for number in range(60):
                await ann.post(0, number % 6 + 1, text="x" * 300)  # edited again and again
            await ann.post(0, 7)
            assert hub.stats.rollovers == 0

    run(main)


def test_H3_G8_for_a_page_that_is_not_opened_yet_nothing_is_taken() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            writer = await ann.client.enter(page(1))  # to read it is allowed
            ann.client.say(page(1), Update(writer.write("0000000001.ann.00000001", {"text": "too early"})))
            heard = await ann.client.said(page(1))
            assert statuses(heard) == [False]
            assert told(heard)[0]["rule"] == "H3"
            assert told(heard)[0]["rows"] == [["messages", "0000000001.ann.00000001"]]
            assert store.rows(page(1)) == []
            await ann.post(0, 1, 2, 3, 4)
            assert await ann.post(1, 5) == [True]
            assert rows(store, 1) == {"0000000005.ann.00000005"}
            assert (await ann.post(3, 6), store.rows(page(3))) == ([False], [])

    run(main)


def test_H3_D5_which_page_is_the_newest_is_known_after_a_restart() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            await Poster(RawClient(one, "ann")).post(0, 1, 2, 3, 4)
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            assert await ann.post(1, 5) == [True]
            assert await ann.post(2, 6) == [False]
            assert await ann.post(1, 7, 8, 9) == [True] * 3
        assert stored_cover(store).newest == 2

    run(main)


def test_H3_D3_a_page_that_could_not_be_named_in_the_log_is_opened_the_next_time() -> None:
    async def main() -> None:
        store = MemoryStore()
        log = _Full(store)
        async with paged(log=log) as hub:
            async with hub.connect() as one:
                ann = Poster(RawClient(one, "ann"))
                await ann.post(0, 1, 2, 3)
                log.full = COVER
                assert await ann.post(0, 4) == [True]
            assert COVER not in hub.loaded
            log.full = ""
            async with hub.connect() as one, hub.connect() as two:
                assert (await read_cover(RawClient(two, "bob")))[1].newest == 0
                ann = Poster(RawClient(one, "ann"))
                assert await ann.post(1, 5) == [False]
                assert await ann.post(0, 5) == [True]
                assert stored_cover(store).newest == 1
                assert stored_cover(store).messages == 5

    run(main)


class _Full(HeldLog):
    """A log that takes nothing of one doc."""

    full = ""

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        if doc == self.full:
            raise LogFailed("the disk is full")
        return await super().append(doc, updates, beside=beside)


def test_S9_a_room_at_rest_leaves_nothing_in_memory() -> None:
    async def main() -> None:
        async with paged(idle_seconds=1, cover_seconds=10) as hub:
            async with hub.connect() as one:
                await Poster(RawClient(one, "ann")).post(0, 1, 2, 3, 4)
            await anyio.sleep(5)
            assert hub.loaded == []

    run(main)


def test_H3_L2_who_is_the_first_on_the_next_page_has_not_begun_a_doc() -> None:
    async def main() -> None:
        async with paged(new_docs_per_hour=1, agent_new_docs_per_hour=1) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            for number in range(3):
                assert await ann.post(number, *range(4 * number + 1, 4 * number + 5)) == [True] * 4
            assert hub.stats.over_limit == {}

    run(main)


def test_S9_an_older_page_is_unloaded_sooner_than_the_newest() -> None:
    async def main() -> None:
        async with paged(idle_seconds=60, older_page_idle_seconds=2) as hub:
            async with hub.connect() as one:
                ann = Poster(RawClient(one, "ann"))
                await ann.post(0, 1, 2, 3, 4)
                await ann.post(1, 5)
                await anyio.sleep(5)
                assert hub.loaded == [page(0), page(1), COVER], "somebody is there"
            await anyio.sleep(1)
            assert page(0) in hub.loaded
            await anyio.sleep(4)
            assert hub.loaded == [page(1), COVER]
            await anyio.sleep(200)
            assert hub.loaded == []

    run(main)

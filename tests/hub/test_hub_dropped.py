"""Pages that a hub is told to drop: the cover says so first, then nobody opens or writes them (H11)."""

import anyio
import pytest

from syncchat.core.dialect import YDialect
from syncchat.core.messages import Auth, Close, Denied, Stateless, Update
from syncchat.errors import CloseCode, LogError
from syncchat.hub import Hub
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, end_of, statuses, told
from syncchat.testing.loop import run
from tests.hub.paging import Poster, id_of, page, paged, read_cover, rows, stored_cover


async def fill(poster: Poster, pages: int) -> None:
    """So many full pages, and a newest one with one message."""
    for number in range(pages):
        assert await poster.post(number, *range(4 * number + 1, 4 * number + 5)) == [True] * 4
    assert await poster.post(pages, 4 * pages + 1) == [True]


async def denied(hub: Hub, number: int) -> str | None:
    """What somebody is told who opens a page; None if it is let in."""
    async with hub.connect() as link:
        client = RawClient(link, "zoe")
        client.say(page(number), Auth("zoe"))
        said = await client.said(page(number))
        return next((message.reason for message in said if isinstance(message, Denied)), None)


def test_H11_sessions_of_dropped_pages_end_for_good_and_nobody_is_let_in_any_more() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann = Poster(RawClient(one, "ann"))
            await fill(ann, 3)
            reader, cover = await read_cover(RawClient(two, "bob"))
            await ann.client.heard()
            await hub.drop_before("lobby", 2)
            assert stored_cover(store).first == 2
            await reader.follow()
            assert cover.first == 2
            said = await ann.client.heard()
            for number in (0, 1):
                [reason, close] = [message for doc, message in said if doc == page(number)]
                assert isinstance(reason, Stateless)
                assert isinstance(close, Close)
                assert told([reason])[0]["code"] == CloseCode.GONE
                assert "page was dropped" in told([reason])[0]["reason"]
                assert "page was dropped" in str(await denied(hub, number))
            assert await denied(hub, 2) is None
            assert await ann.post(3, 100) == [True]
            assert await ann.post(2, 101) == [True]

    run(main)


def test_H11_a_stock_client_of_a_dropped_page_is_told_not_to_come_again() -> None:
    async def main() -> None:
        async with paged() as hub, hub.connect() as one:
            await fill(Poster(RawClient(one, "ann")), 1)
            await hub.drop_before("lobby", 1)
            here, there = memory_pipe()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hub.serve, there, YDialect(page(0)), "zoe", page(0))
                closed = await end_of(here)
            assert closed.code == CloseCode.GONE

    run(main)


def test_H11_dropped_pages_stay_dropped_after_a_restart_whether_or_not_the_log_has_them_still() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            await fill(Poster(RawClient(one, "ann")), 3)
            await hub.drop_before("lobby", 2)
        store.drop([page(0)])
        async with paged(store) as hub:
            assert [await denied(hub, number) is None for number in range(5)] == [
                False,
                False,
                True,
                True,
                True,
            ]
            assert rows(store, 0) == set()

    run(main)


def test_H11_what_is_under_way_to_a_page_that_is_dropped_is_in_the_log_before_or_never() -> None:
    async def main() -> None:
        store = MemoryStore()
        log = HeldLog(store)
        async with paged(log=log) as hub, hub.connect() as one, anyio.create_task_group() as tasks:
            ann = Poster(RawClient(one, "ann"))
            await fill(ann, 1)
            await ann.client.heard()
            log.hold()
            await ann.send(0, 50)
            tasks.start_soon(hub.drop_before, "lobby", 1)
            await anyio.sleep(1)
            await ann.send(0, 51)
            log.release()
            await anyio.sleep(1)
            assert id_of(51) not in rows(store, 0)
            store.drop([page(0)])
            await ann.send(0, 52)
            await anyio.sleep(100)
            assert store.rows(page(0)) == []

    run(main)


def test_H11_the_newest_page_is_never_dropped_and_a_drop_is_never_taken_back() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await fill(ann, 2)
            await hub.drop_before("lobby", 99)
            assert stored_cover(store).first == 2
            await hub.drop_before("lobby", 1)
            assert stored_cover(store).first == 2
            assert await ann.post(2, 90) == [True]

    run(main)


def test_H11_D3_a_cover_that_cannot_be_written_drops_nothing() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            await fill(Poster(RawClient(one, "ann")), 1)
            store.failure = "the disk is full"
            with pytest.raises(LogError):
                await hub.drop_before("lobby", 1)
            store.failure = None
            assert await denied(hub, 0) is None
            assert stored_cover(store).first == 0

    run(main)


def test_H11_G8_an_update_that_was_faster_than_the_end_of_its_session_is_refused_by_the_rule() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await fill(ann, 1)
            doc = await hub._shelf.load(page(0))
            doc._ledger.is_dropped = True  # the moment between
            ann.client.say(page(0), Update(Writer().write(id_of(70), {"text": "late"})))
            heard = await ann.client.said(page(0))
            assert statuses(heard) == [False]
            assert told(heard)[0]["rule"] == "H11"
            assert told(heard)[0]["rows"] == [["messages", id_of(70)]]

    run(main)

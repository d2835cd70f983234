"""Messages that come to the newest page when others have read on: marked in their own commit (H6)."""

import pytest
from pycrdt import Doc

from syncchat.core.arrivals import Arrival, News
from syncchat.core.cover import ReadMark
from syncchat.core.late import came_since
from syncchat.core.page import Page
from syncchat.core.store import Store
from syncchat.errors import LinkClosed
from syncchat.hub.room_history import RoomHistory
from syncchat.log import MemoryStore
from syncchat.testing.client import RawClient
from syncchat.testing.loop import run
from tests.hub.paging import Poster, Reader, id_of, page, paged, read_cover, stored, stored_cover
from tests.hub.test_hub_pages_counts import reads, settle
from tests.hub.test_hub_pages_late import copy_of, marks


def came_late(store: MemoryStore, id: str, seen: int | None) -> set[str]:
    """What page 0, as the log holds it, tells of what came after somebody had read."""
    return came_since([Page(0, page(0), Store(stored(store, page(0))))], id, seen)


def test_H6_what_comes_before_what_others_have_read_is_marked_in_its_own_commit() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await read_cover(bob)
            reader = Reader(bob, page(0))
            bob.ask(page(0))
            await reader.follow()
            await ann.post(0, 1, 5)
            reads(bob, id_of(5))
            await settle()
            before = len(store.rows(page(0)))
            await ann.post(0, 3, 7)
            assert marks(store, 0) == {id_of(3): {"at": 3}}, "7 is after all that was read"
            assert len(store.rows(page(0))) == before + 2
            await settle()
            await reader.follow()
            assert id_of(3) in reader.store.table("marks")
            assert stored_cover(store).unread("bob").messages == 2
            assert stored_cover(store).read("bob") == ReadMark(id_of(5), 2, 0, 2)
            assert came_late(store, id_of(5), 2) == {id_of(3)}
            reads(bob, id_of(7))
            await settle()
            assert stored_cover(store).read("bob") == ReadMark(id_of(7), 4, 0, 4)
            assert came_late(store, id_of(7), 4) == set()
            await ann.post(0, 6, 2)
            assert came_late(store, id_of(7), 4) == {id_of(2), id_of(6)}
            assert came_late(store, id_of(7), None) == {id_of(2), id_of(3), id_of(6)}, "whoever does not know"

    run(main)


def test_H6_where_nobody_has_read_on_nothing_is_marked() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub, hub.connect() as one, hub.connect() as two:
            ann = Poster(RawClient(one, "ann"))
            await read_cover(RawClient(two, "bob"))
            await ann.post(0, 9, 3, 5)
            await settle()
            assert marks(store, 0) == {}
            assert hub.stats.late_messages == 0

    run(main)


def test_H6_D5_a_crash_leaves_both_the_mark_and_the_message_or_neither() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub, hub.connect() as one, hub.connect() as two:
            ann = Poster(RawClient(one, "ann"))
            bob = RawClient(two, "bob")
            await read_cover(bob)
            await ann.post(0, 1, 5)
            reads(bob, id_of(5))
            await settle()
            await ann.post(0, 3)
            crashed = copy_of(store)
        async with paged(crashed, page_messages=100) as hub, hub.connect() as one, hub.connect() as two:
            await read_cover(RawClient(two, "bob"))
            ann = Poster(RawClient(one, "ann"))
            await ann.post(0, 4)
            await settle()
            assert marks(crashed, 0) == {id_of(3): {"at": 3}, id_of(4): {"at": 4}}
            assert stored_cover(crashed).messages == 4
            assert stored_cover(crashed).unread("bob").messages == 2
            assert came_late(crashed, id_of(5), 2) == {id_of(3), id_of(4)}

    run(main)


def test_H6_D3_what_could_not_be_stored_is_marked_and_counted_when_it_comes_again() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub:
            async with hub.connect() as one, hub.connect() as two:
                ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
                await read_cover(bob)
                await ann.post(0, 1, 5)
                reads(bob, id_of(5))
                await settle()
                await ann.post(0, 2)
                store.failure = "the disk is full"
                await ann.send(0, 3)
                with pytest.raises(LinkClosed):
                    await ann.client.said(page(0))
            store.failure = None
            async with hub.connect() as one:
                assert await Poster(RawClient(one, "ann")).post(0, 3) == [True], "it is sent again"
            assert marks(store, 0) == {id_of(2): {"at": 3}, id_of(3): {"at": 4}}
        assert stored_cover(store).messages == 4

    run(main)


def test_H6_who_reads_on_while_marks_are_on_their_way_has_not_seen_what_they_lead_to() -> None:
    history = RoomHistory("lobby", Doc().get_update(), 1)
    history.begin({}, {})
    history.marking.append(1)
    history.arrive(News([Arrival(id_of(8)), Arrival(id_of(9))], [], []))
    history.hear_reading("bob", id_of(9))
    assert history.cover.read("bob") == ReadMark(id_of(9), 2, 0, 0)
    history.arrive(News([], [], [Arrival(id_of(4))]))
    history.marking.remove(1)
    assert history.cover.unread("bob").messages == 1
    history.hear_reading("bob", id_of(9))
    assert history.cover.read("bob") == ReadMark(id_of(9), 3, 0, 3)
    history.close()

"""What a hub counts in a room, and how far its users have read (H7)."""

import itertools

import anyio

from syncchat.core.cover import ReadMark, Unread
from syncchat.core.grant import Grant, Role
from syncchat.hub import Hub
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, hello, statuses
from syncchat.testing.loop import run
from syncchat.testing.server import Tokens, make_hub
from tests.hub.paging import COVER, Poster, id_of, page, paged, read_cover, stored_cover
from tests.hub.test_hub_pages_late import copy_of

CLOCK = itertools.count(1)


def reads(client: RawClient, id: object) -> None:
    """Say in one's presence to have read up to a message."""
    client.say(COVER, hello(sum(client.user.encode()), next(CLOCK), {"read": id}))


async def settle() -> None:
    """Until whatever waits to be written into a cover is."""
    await anyio.sleep(10)


def test_H7_what_arrives_is_counted_and_told_within_the_time_in_as_few_writes() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub, hub.connect() as one, hub.connect() as two:
            ann = Poster(RawClient(one, "ann"))
            reader, cover = await read_cover(RawClient(two, "bob"))
            await ann.post(0, *range(1, 30))
            await ann.post(0, 30, text="@bob and @cy")
            await anyio.sleep(3)
            assert len(store.rows(COVER)) == 1
            await ann.post(0, 31, text="@bob")
            await anyio.sleep(3)
            assert len(store.rows(COVER)) == 2
            await reader.follow()
            assert (cover.messages, cover.mentions("bob"), cover.mentions("cy")) == (31, 2, 1)
            assert cover.unread("bob") == Unread(31, 2)
            await ann.post(0, 31, text="edited: @cy")
            await settle()
            assert len(store.rows(COVER)) == 2, "nothing has arrived"
            assert hub.stats.updates == hub.stats.commits == 32, "the server's own are not counted"

    run(main)


def test_H7_how_far_each_user_has_read_is_kept_over_pages_and_restarts() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await read_cover(ann.client)
            await read_cover(bob)
            await ann.post(0, 1, 2, 3)
            reads(bob, id_of(2))
            reads(ann.client, id_of(3))
            await settle()
            assert stored_cover(store).read("bob") == ReadMark(id_of(2), 2, 0, 3)
            assert stored_cover(store).read("ann") == ReadMark(id_of(3), 3, 0, 3)
            await ann.post(0, 4)
            await ann.post(1, 5, 6, text="@bob")
            await settle()
            cover = stored_cover(store)
            assert (cover.unread("ann"), cover.unread("bob")) == (Unread(0, 0), Unread(4, 2))
        async with paged(store) as hub, hub.connect() as two:
            await read_cover(bob := RawClient(two, "bob"))
            reads(bob, id_of(5))
            await settle()
            assert stored_cover(store).unread("bob") == Unread(1, 1)
            reads(bob, id_of(6))
            await settle()
            assert stored_cover(store).unread("bob") == Unread(0, 0)

    run(main)


def test_H7_a_read_mark_goes_forward_only_and_no_further_than_there_are_messages() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await read_cover(bob)
            reads(bob, id_of(99))
            await settle()
            assert stored_cover(store).read("bob") is None, "there is nothing to be read"
            await ann.post(0, 1, 2, 3)
            reads(bob, id_of(99))
            await settle()
            assert stored_cover(store).read("bob") == ReadMark(id_of(3), 3, 0, 3)
            for backwards in (id_of(2), "no id", "", None, 7, "x" * 1000):
                reads(bob, backwards)
                await settle()
            assert stored_cover(store).read("bob") == ReadMark(id_of(3), 3, 0, 3)
            await ann.post(0, 4)
            await settle()
            assert stored_cover(store).unread("bob") == Unread(1, 0)

    run(main)


def test_H7_late_messages_are_unread_until_somebody_reads_on() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await read_cover(bob)
            await ann.post(0, 1, 2, 3, 10)
            await ann.post(1, 11)
            reads(bob, id_of(11))
            await settle()
            await ann.post(0, 5, text="late @bob")
            await settle()
            assert stored_cover(store).unread("bob") == Unread(1, 1)
            reads(bob, id_of(11))
            await settle()
            assert stored_cover(store).unread("bob") == Unread(0, 0)

    run(main)


def test_H7_what_comes_late_after_somebody_has_read_is_unread_though_the_mark_is_written_later() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await read_cover(bob)
            await ann.post(0, 1, 2, 3, 10)
            await ann.post(1, 11, 12)
            reads(bob, id_of(11))
            await bob.heard()
            await ann.post(0, 5, 6)
            await settle()
            assert stored_cover(store).read("bob") == ReadMark(id_of(11), 5, 0, 6)
            assert stored_cover(store).unread("bob") == Unread(3, 0), "but one, if it had come before"

    run(main)


def test_H7_what_stands_after_a_mark_on_an_older_page_is_unread_but_for_the_own_messages() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), Poster(RawClient(two, "bob"))
            await read_cover(bob.client)
            for number in range(3):
                await ann.post(number, *(4 * number + time for time in (1, 2, 3)))
                await bob.post(number, 4 * number + 4)
            reads(bob.client, id_of(2))
            await settle()
            assert stored_cover(store).unread("bob") == Unread(9 - 2, 0)
            reads(bob.client, id_of(6))
            await settle()
            assert stored_cover(store).unread("bob") == Unread(9 - 3 - 2, 0)

    run(main)


def test_H7_far_behind_only_the_last_pages_are_counted_as_unread() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await read_cover(bob)
            for number in range(9):
                await ann.post(number, *range(4 * number + 1, 4 * number + 5))
            reads(bob, id_of(1))
            await settle()
            assert stored_cover(store).unread("bob") == Unread(16, 0), "four pages, and the new one"

    run(main)


def test_H7_D5_what_a_crash_kept_from_the_cover_is_counted_when_the_room_is_loaded() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100, cover_seconds=50) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await read_cover(ann.client)
            await ann.post(0, 1, 2)
            reads(ann.client, id_of(2))
            await anyio.sleep(60)
            await ann.post(0, 3, 4, text="@bob")
            crashed = copy_of(store)
        assert stored_cover(crashed).messages == 2
        assert stored_cover(store).messages == 4, "whoever leaves in order leaves nothing uncounted"
        async with paged(crashed, page_messages=100) as hub, hub.connect() as two:
            await RawClient(two, "bob").enter(page(0))
            await settle()
        cover = stored_cover(crashed)
        assert (cover.messages, cover.mentions("bob")) == (4, 2)
        assert (cover.unread("ann"), cover.unread("bob")) == (Unread(0, 0), Unread(4, 2))
        entries = len(crashed.rows(COVER))
        async with paged(crashed, page_messages=100) as hub, hub.connect() as two:
            await RawClient(two, "bob").enter(page(0))
            await settle()
        assert len(crashed.rows(COVER)) == entries, "nothing was missing"

    run(main)


def test_H7_a_room_of_a_time_without_covers_is_counted_when_it_is_loaded_and_goes_on_on_a_next_page() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=1000) as hub, hub.connect() as one:
            await Poster(RawClient(one, "ann")).post(0, *range(1, 21))
        earlier = MemoryStore()
        earlier.add(0, [(page(0), row.data) for row in store.rows(page(0))])
        earlier.add(0, [(f"{page(0)}#owners", row.data) for row in store.rows(f"{page(0)}#owners")])
        async with paged(earlier) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await ann.client.enter(page(0))
            assert stored_cover(earlier).messages == 0, "nobody looks at it"
            await ann.client.enter(COVER)
            await settle()
            assert (stored_cover(earlier).newest, stored_cover(earlier).messages) == (0, 20)
            await ann.post(0, 21)
            assert (stored_cover(earlier).newest, stored_cover(earlier).messages) == (1, 21)

    run(main)


def test_H7_S9_a_room_that_is_unloaded_leaves_nothing_uncounted() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, idle_seconds=1, cover_seconds=1000) as hub:
            async with hub.connect() as one:
                await Poster(RawClient(one, "ann")).post(0, 1, 2, 3)
            await anyio.sleep(10)
            assert hub.loaded == []
            assert stored_cover(store).messages == 3

    run(main)


def test_H7_G11_a_reader_has_no_read_mark() -> None:
    async def main() -> None:
        store = MemoryStore()
        tokens = Tokens(ann=Grant("ann", Role.WRITER), zoe=Grant("zoe", Role.READER))
        async with (
            make_hub(HeldLog(store), authorize=tokens) as hub,
            hub.connect() as one,
            hub.connect() as two,
        ):
            await Poster(RawClient(one, "ann")).post(0, 1)
            zoe = RawClient(two, "zoe")
            await read_cover(zoe)
            reads(zoe, id_of(1))
            await settle()
            assert stored_cover(store).messages == 1
            assert stored_cover(store).read("zoe") is None

    run(main)


def test_H7_D3_counts_that_could_not_be_stored_are_counted_again() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub:
            async with hub.connect() as one:
                ann = Poster(RawClient(one, "ann"))
                await read_cover(ann.client)
                await ann.post(0, 1, 2, 3)
                store.failure = "the disk is full"
                await anyio.sleep(5)
                store.failure = None
            assert COVER not in hub.loaded
            async with hub.connect() as one:
                assert await Poster(RawClient(one, "ann")).post(0, 4) == [True]
                await settle()
        assert stored_cover(store).messages == 4

    run(main)


async def _unread(hub: Hub, user: str) -> Unread:
    async with hub.connect() as link:
        _, cover = await read_cover(RawClient(link, user))
        return cover.unread(user)


def test_H7_what_is_unread_is_known_without_any_page() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        async with paged(store) as hub, hub.connect() as one:
            await Poster(RawClient(one, "ann")).post(0, 1, 2, 3)
        async with paged(log=log) as hub:
            assert await _unread(hub, "bob") == Unread(3, 0)
            assert [doc for doc in log.reads if doc != COVER and "#" not in doc] == []

    run(main)


def test_H7_two_at_once_are_counted_as_two() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_messages=100) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), Poster(RawClient(two, "bob"))
            await ann.client.enter(page(0))
            for time in range(1, 50):
                await ann.send(0, time)
                await bob.send(0, time)
            assert statuses(await ann.client.said(page(0))) == [True] * 49
        assert stored_cover(store).messages == 98

    run(main)

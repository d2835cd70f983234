"""Messages that come to a page that is the newest no more: they are marked before anybody sees them (H6)."""

import json
from typing import Any

import anyio
import pytest
from pycrdt import Map, Text

from syncchat.core.messages import Update
from syncchat.errors import CloseCode, LinkClosed
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, statuses, updates
from syncchat.testing.loop import run
from tests.hub.paging import COVER, Poster, id_of, page, paged, read_cover, rows, stored, stored_cover


def marks(store: MemoryStore, number: int) -> dict[str, Any]:
    """The marks on a page, as the log holds them."""
    found = stored(store, page(number)).get("marks", type=Map).to_py() or {}
    return {id: json.loads(value) for id, value in found.items()}


def stream(writer: Writer, id: str) -> None:
    """Begin to write a message piece by piece."""
    writer.doc.get("streams", type=Map)[id] = Text("so")


def copy_of(store: MemoryStore) -> MemoryStore:
    """What a crash at this moment would leave."""
    copy = MemoryStore()
    for doc in store.docs():
        copy.add(0, [(doc, row.data) for row in store.rows(doc)])
    return copy


def test_H6_a_late_message_is_marked_before_anybody_sees_it() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        async with paged(log=log) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await ann.post(0, 1, 2, 3, 4)
            await bob.enter(page(0))
            await bob.enter(page(1))
            log.hold()
            await ann.send(0, 9, text="late @bob")
            assert await bob.heard(1) == []
            assert rows(store, 0) == {id_of(time) for time in (1, 2, 3, 4)}
            log.release()
            heard = await bob.heard()
            shown = [about for about, message in heard if isinstance(message, Update)]
            assert shown == [page(1), page(0)], "the mark comes first"
            assert marks(store, 1) == {id_of(9): {"page": 0, "at": 5, "to": ["bob"]}}
            assert id_of(9) in rows(store, 0)
            assert hub.stats.late_messages == 1

    run(main)


def test_H6_D3_if_the_mark_cannot_be_stored_the_message_is_not_either() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub:
            async with hub.connect() as one:
                ann = Poster(RawClient(one, "ann"))
                await ann.post(0, 1, 2, 3, 4)
                store.failure = "the disk is full"
                await ann.send(0, 5)
                with pytest.raises(LinkClosed) as closed:
                    await ann.client.said(page(0))
                assert closed.value.code == CloseCode.LOG_FAILED
            store.failure = None
            assert id_of(5) not in rows(store, 0)
            async with hub.connect() as one:
                assert await Poster(RawClient(one, "ann")).post(0, 5) == [True], "it is sent again"
        assert set(marks(store, 1)) == {id_of(5)}
        assert stored_cover(store).messages == 5

    run(main)


def test_H6_D5_after_a_crash_between_mark_and_message_it_is_marked_and_counted_once() -> None:
    async def main() -> None:
        log = _Until(store := MemoryStore(), page(0))
        async with paged(log=log) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await ann.post(0, 1, 2, 3, 4)
            log.held = True
            await ann.send(0, 5)
            assert await ann.client.heard(1) == []
            crashed = copy_of(store)
            log.let()
        assert set(marks(crashed, 1)) == {id_of(5)}
        assert id_of(5) not in rows(crashed, 0)
        async with paged(crashed) as hub, hub.connect() as one:
            assert await Poster(RawClient(one, "ann")).post(0, 5) == [True]
            assert len(crashed.rows(page(1))) == 1, "there is a mark already"
        assert id_of(5) in rows(crashed, 0)
        assert stored_cover(crashed).messages == 5

    run(main)


class _Until(HeldLog):
    """A log whose appends to one doc wait while it is `held`, and those to others go on."""

    def __init__(self, store: MemoryStore, doc: str) -> None:
        super().__init__(store)
        self.doc = doc
        self.held = False
        self._let = anyio.Event()

    def let(self) -> None:
        """Let them go on."""
        self.held = False
        self._let.set()

    async def append(self, doc: str, updates: Any, *, beside: Any = None) -> int:
        if self.held and doc == self.doc:
            await self._let.wait()
        return await super().append(doc, updates, beside=beside)


def test_H6_H7_D5_no_page_has_marks_before_the_cover_that_names_it_is_durable() -> None:
    async def main() -> None:
        log = _Until(store := MemoryStore(), COVER)
        async with paged(log=log) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await ann.post(0, 1, 2, 3)
            log.held = True
            await ann.post(0, 4)
            await ann.send(0, 5)
            assert await ann.client.heard(1) == []
            assert (store.rows(COVER), store.rows(page(1))) == ([], [])
            log.let()
            assert statuses(await ann.client.said(page(0))) == [True]
        assert set(marks(store, 1)) == {id_of(5)}
        assert stored_cover(store).messages == 5

    run(main)


def test_H6_what_changes_on_an_older_page_needs_no_mark() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await ann.post(0, 1, 2, 3, 4)
            await ann.post(0, 2, text="edited")
            reaction = Writer("reactions").write(f"{id_of(1)}|ann|x", 1)
            ann.client.say(page(0), Update(reaction))
            assert statuses(await ann.client.said(page(0))) == [True]
        assert marks(store, 1) == {}
        assert stored_cover(store).messages == 4

    run(main)


def test_H6_many_late_messages_are_marked_with_one_update() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store, page_bytes=1000) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), RawClient(two, "bob")
            await ann.post(0, 1, 2, 3, 4)
            await bob.enter(page(1))
            writer = await ann.client.enter(page(0))
            before = writer.doc.get_state()
            for time in range(10, 110):
                writer.write(id_of(time), {"text": "x"})
            ann.client.say(page(0), Update(writer.doc.get_update(before)))
            assert len(updates(await bob.said(page(1)))) == 1
            assert statuses(await ann.client.said(page(0))) == [True]
            assert hub.stats.rollovers == 2, (
                "these marks filled the page, and it was enough to mark them once"
            )
        assert set(marks(store, 1)) == {id_of(time) for time in range(10, 110)}
        assert (stored_cover(store).newest, stored_cover(store).messages) == (2, 104)

    run(main)


def test_H6_what_is_late_while_a_page_is_opened_is_marked_on_the_one_that_is_newest_then() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        async with paged(log=log) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), Poster(RawClient(two, "bob"))
            await ann.post(0, 1, 2, 3, 4)
            await bob.post(1, 5, 6, 7)
            log.hold()
            await bob.send(1, 8)  # fills the page: its commit waits for the log
            await anyio.sleep(1)
            await ann.send(0, 9)  # its mark waits for that commit
            await anyio.sleep(1)
            log.release()
            await anyio.sleep(1)
        assert marks(store, 1) == {}
        assert marks(store, 2) == {id_of(9): {"page": 0, "at": 9}}
        assert (stored_cover(store).newest, stored_cover(store).messages) == (2, 9)

    run(main)


def test_H6_a_stream_that_begins_on_an_older_page_is_marked_at_once_and_when_it_ends_no_more() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await ann.post(0, 1, 2, 3, 4)
            writer = await ann.client.enter(page(0))
            before = writer.doc.get_state()
            stream(writer, id_of(9))
            ann.client.say(page(0), Update(writer.doc.get_update(before)))
            assert statuses(await ann.client.said(page(0))) == [True]
            assert marks(store, 1) == {id_of(9): {"page": 0, "at": 5}}
            ann.client.say(page(0), Update(writer.write(id_of(9), {"text": "so far"})))
            assert statuses(await ann.client.said(page(0))) == [True]
            assert len(store.rows(page(1))) == 1
        assert stored_cover(store).messages == 5

    run(main)


def test_H6_H7_a_stream_that_goes_on_while_a_page_is_opened_is_counted_when_it_ends() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), Poster(RawClient(two, "bob"))
            writer = await ann.client.enter(page(0))
            stream(writer, id_of(1))
            ann.client.say(page(0), Update(writer.doc.get_update()))
            await bob.post(0, 2, 3, 4, 5)
            _, cover = await read_cover(RawClient(two, "bob"))
            assert (cover.newest, cover.messages) == (1, 4)
            ann.client.say(page(0), Update(writer.write(id_of(1), {"text": "so far"})))
            await anyio.sleep(5)
        assert stored_cover(store).messages == 5

    run(main)


def test_H6_H7_a_late_stream_that_ends_a_page_later_is_marked_and_counted_once() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), Poster(RawClient(two, "bob"))
            await bob.post(0, 1, 2, 3, 4)
            writer = await ann.client.enter(page(0))
            before = writer.doc.get_state()
            stream(writer, id_of(5))
            ann.client.say(page(0), Update(writer.doc.get_update(before)))
            await ann.client.said(page(0))
            await bob.post(1, 6, 7, 8, 9)
            ann.client.say(page(0), Update(writer.write(id_of(5), {"text": "so far"})))
            assert statuses(await ann.client.said(page(0))) == [True]
            await anyio.sleep(5)
        assert (marks(store, 1), marks(store, 2)) == ({id_of(5): {"page": 0, "at": 5}}, {})
        assert (stored_cover(store).newest, stored_cover(store).messages) == (2, 9)

    run(main)


def test_H6_H7_a_late_stream_that_ends_many_pages_later_is_counted_once() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = Poster(RawClient(one, "ann")), Poster(RawClient(two, "bob"))
            await bob.post(0, 1, 2, 3, 4)
            writer = await ann.client.enter(page(0))
            before = writer.doc.get_state()
            stream(writer, id_of(5))
            ann.client.say(page(0), Update(writer.doc.get_update(before)))
            await ann.client.said(page(0))
            for number in range(1, 9):
                await bob.post(number, *range(4 * number + 2, 4 * number + 6))
            ann.client.say(page(0), Update(writer.write(id_of(5), {"text": "so far"})))
            assert statuses(await ann.client.said(page(0))) == [True]
            await anyio.sleep(5)
        assert marks(store, 1) == {id_of(5): {"page": 0, "at": 5}}
        assert not any(marks(store, number) for number in range(2, 10))
        assert (stored_cover(store).newest, stored_cover(store).messages) == (9, 37)

    run(main)


def test_H6_late_messages_find_the_newest_page_when_it_is_not_in_memory() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with paged(store) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            await ann.post(0, 1, 2, 3, 4)
            await ann.post(1, 5)
        async with paged(store, idle_seconds=1) as hub, hub.connect() as one:
            ann = Poster(RawClient(one, "ann"))
            for time in (6, 7):
                assert await ann.post(0, time) == [True]
                await anyio.sleep(10)
                assert page(1) not in hub.loaded
        assert set(marks(store, 1)) == {id_of(6), id_of(7)}
        assert stored_cover(store).messages == 7

    run(main)

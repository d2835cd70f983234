"""Scrolling through the pages of a room: what is shown, what is open, and who interrupts it."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest

from syncchat.core.deltas import Delta, apply_deltas
from syncchat.core.ids import format_id
from syncchat.errors import InvalidName, SyncchatError
from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, pages, play, rest, texts


@pytest.mark.parametrize("dialect", ["sync", "y"])
def test_H5_who_scrolls_to_the_start_has_seen_everything_and_memory_does_not_grow(dialect: str) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(30)
        async with server.running(), server.peer("ann", dialect=dialect) as ann:
            room = await enter(ann)
            before, followed, seen = ann.docs, ids(room), set(ids(room))
            room.timeline.listen(lambda deltas: apply_deltas(followed, deltas))
            turns = 0
            while await room.older():
                turns += 1
                assert followed == ids(room) == sorted(followed)
                assert len(pages(ann)) <= 8 + 7, (
                    "those shown, the newest, the next two, and a few being closed"
                )
                seen.update(followed)
            assert turns == 28
            assert sorted(seen) == written
            assert ids(room) == written[:24]
            assert (room.has_older, room.is_recent) == (False, False)
            await rest()
            assert pages(ann) == [*range(8), 29]
            while await room.newer():
                assert followed == ids(room) == sorted(followed)
            assert ids(room) == written[-24:]
            assert room.is_recent
            await room.recent()
            await rest()
            assert sorted(ann.docs) == sorted(before)
            assert ids(room) == written[-6:] == followed

    play(main)


def test_H5_pages_that_are_open_stay_live_and_posts_go_to_the_end_wherever_one_reads() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            here, there = await enter(ann), await enter(bob)
            while await here.older() and await there.older():
                pass
            there.edit(written[0], "edited")
            there.react(written[1], "👍")
            new = here.post("at the end")
            await rest()
            assert here.timeline[0].text == "edited"
            assert dict(here.timeline[1].reactions) == {"👍": ("bob",)}
            assert new not in ids(here)
            await there.recent()
            assert there.timeline[-1].id == new

    play(main)


def test_H5_with_no_server_what_is_on_this_disk_can_be_scrolled_and_no_more() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        store = MemoryStore()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            room = await enter(ann)
            for _ in range(5):
                assert await room.older()
        async with server.peer("ann", MemoryLog(store)) as ann:
            room = await enter(ann)
            began = anyio.current_time()
            for _ in range(5):
                assert await room.older()
            assert not await room.older()
            assert anyio.current_time() == pytest.approx(began, abs=0.1)
            assert room.has_older, "the server has more"
            assert ids(room) == written[-21:]
            await room.recent()
            await rest()
            assert pages(ann) == [10, 11]
            async with server.running():
                ann.go_online()
                for _ in range(10):
                    assert await room.older()
                assert not await room.older()
                assert ids(room) == written[:24]

    play(main)


def test_H5_a_page_that_the_server_does_not_send_is_not_waited_for_without_end() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            server.log.hold("read")
            assert not await room.older()
            assert ids(room) == written[-6:]
            assert room.has_older
            server.log.release()
            assert await room.older()

    play(main)


def test_H5_empty_pages_are_passed_over_and_dropped_ones_not_opened() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        for page in (0, 1, 2, 5, 9):
            past.write(page, f"page {page}")
        past.cover(9, first=2)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert await room.older()
            assert texts(room) == ["page 5", "page 9"]
            assert await room.older()
            assert texts(room)[0] == "page 2"
            assert not room.has_older
            assert not await room.older()
            assert not await room.show(ids(room)[0], 1)
            await rest()
            assert min(pages(ann)) == 2

    play(main)


def test_H5_pages_that_are_dropped_while_they_are_shown_go_from_the_screen() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(6)
        async with server.peer("ann") as ann:
            async with server.running():
                room = await enter(ann)
                while await room.older():
                    pass
                assert ids(room) == written
            past.cover(5, first=3)
            async with server.running():
                ann.go_online()
                await rest()
                assert ids(room) == written[9:]
                assert pages(ann) == [3, 4, 5]
                assert not await room.older()

    play(main)


def test_H5_several_calls_at_once_are_one() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            results: list[bool] = []

            async def ask(how: Callable[[], Awaitable[bool]]) -> None:
                results.append(await how())

            for how, shown in ((room.older, 9), (room.older, 12)):
                async with anyio.create_task_group() as tasks:
                    for _ in range(5):
                        tasks.start_soon(ask, how)
                assert ids(room) == written[-shown:]
            assert all(results)

    play(main)


@pytest.mark.parametrize("ticks", range(0, 40, 3))
def test_H5_scrolling_may_be_cancelled_at_any_instant(ticks: int) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(room.older)
                for _ in range(ticks):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            await rest()
            shown = len(room.timeline)
            assert shown in (6, 9)
            assert ids(room) == written[-shown:]
            assert pages(ann) == ([10, 11] if shown == 6 else [7, 8, 9, 10, 11]), "the next are there"
            assert await room.older()
            assert ids(room) == written[-shown - 3 :]

    play(main)


def test_H5_a_room_that_is_left_while_somebody_scrolls_leaves_nothing_open() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(12)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            server.log.hold("read")

            async def scroll() -> None:
                with pytest.raises(SyncchatError, match="was left"):
                    await room.older()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(scroll)
                await anyio.sleep(1)
                await ann.leave("lobby")
            assert ann.docs == []
            server.log.release()

    play(main)


@pytest.mark.parametrize("ticks", range(0, 40, 3))
def test_H5_a_room_may_be_left_at_any_instant_of_scrolling(ticks: int) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)

            async def scroll() -> None:
                with suppress(SyncchatError):  # that it was left
                    while await room.older():
                        pass

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(scroll)
                for _ in range(ticks):
                    await anyio.lowlevel.checkpoint()
                await ann.leave("lobby")
            assert ann.docs == []
            assert ids(await enter(ann)) == written[-6:]

    play(main)


@pytest.mark.parametrize("ticks", range(0, 40, 3))
def test_H5_a_peer_may_be_left_at_any_instant_of_somebody_elses_scrolling(ticks: int) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(12)
        async with server.running(), anyio.create_task_group() as tasks, server.peer("ann") as ann:
            room = await enter(ann)

            async def scroll() -> None:
                while True:
                    await room.older()
                    await room.recent()

            async def scroll_to_the_end() -> None:
                with pytest.raises(SyncchatError, match="was left"):
                    await scroll()

            tasks.start_soon(scroll_to_the_end)
            for _ in range(ticks):
                await anyio.lowlevel.checkpoint()

    play(main)


def test_H5_a_message_is_shown_among_its_neighbours() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(20)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert await room.show(written[5 * 3], 5)
            assert ids(room) == written[4 * 3 : 7 * 3]
            assert not room.is_recent
            assert await room.show(written[4 * 3], 4), "it is there already"
            assert not await room.show(written[0], 9), "it is not there"
            assert not await room.show(written[0], 99)
            assert ids(room) == written[4 * 3 : 7 * 3]
            assert await room.older()
            assert await room.newer()
            assert ids(room) == written[3 * 3 : 8 * 3]
            assert await room.show(written[0], 0)
            assert ids(room) == written[:6]
            await rest()
            assert pages(ann) == [0, 1, 19]
            await room.recent()
            assert ids(room) == written[-6:]

    play(main)


def test_T3_a_listener_can_follow_all_of_it_and_hears_of_other_pages() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(12)
        async with server.running(), server.peer("ann") as ann:
            room = await ann.enter("lobby")
            followed: list[str] = []
            told: list[tuple[bool, bool]] = []

            def follow(deltas: list[Delta]) -> None:
                apply_deltas(followed, deltas)
                assert followed == ids(room)

            room.timeline.listen(follow)
            room.listen_cover(lambda: told.append((room.is_recent, room.has_older)))
            await rest()
            while await room.older():
                pass
            assert told[-1] == (False, False)
            await room.recent()
            assert told[-1] == (True, True)
            assert len(followed) == 6

    play(main)


@pytest.mark.parametrize("seed", range(4))
def test_H5_H7_where_one_has_read_is_shown_however_far_it_is(seed: int) -> None:
    rng = random.Random(seed)
    empty = {page for page in range(200) if rng.random() < 0.3 * (seed % 2)}

    async def main(server: MemoryServer, past: Past) -> None:
        written = [id for page in range(200) if page not in empty for id in past.write(page, *"abc")]
        past.cover(199)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            for at in [0, 1, 2, len(written) - 1, *(rng.randrange(len(written)) for _ in range(25))]:
                before = ann.status.bytes_in
                assert await room.show_behind(written[at])
                assert written[at] in ids(room)
                if not empty:
                    assert set(written[at + 1 : at + 2]) <= set(ids(room))
                assert ann.status.bytes_in - before < 60_000
                await rest()
                assert len(pages(ann)) <= 4
            assert await room.show_behind(format_id(1, "bob", 1)), "what was read is there no more"
            assert room.shown[0] == 0

    play(main)


def test_H5_O1_where_one_has_read_is_not_found_where_it_is_not() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written, store = past.pages(20), MemoryStore()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            await enter(ann)
        async with server.peer("ann", MemoryLog(store)) as ann:
            room = await enter(ann)
            before = ids(room)
            assert not await room.show_behind(written[0])
            assert ids(room) == before
            with pytest.raises(InvalidName):
                await room.show_behind("yesterday")

    play(main)

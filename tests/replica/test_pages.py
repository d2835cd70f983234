"""Entering a room of many pages, following its end, and what fails meanwhile."""

import anyio
import anyio.lowlevel
import pytest

from syncchat import Room
from syncchat.core.deltas import apply_deltas
from syncchat.errors import LogFailed, SyncchatError
from syncchat.log import Entry, MemoryLog, MemoryStore
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, pages, play, rest, texts


@pytest.mark.parametrize(("each", "opened"), [(3, [8, 9]), (49, [8, 9]), (50, [9])])
def test_H4_who_joins_gets_the_newest_page_and_the_one_before_if_that_is_less_than_a_screen(
    each: int, opened: list[int]
) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(10, each)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert pages(ann) == opened
            assert texts(room) == [text for page in opened for text in Past.texts(page, each)]
            assert (room.newest, room.is_recent, room.has_older) == (9, True, True)

    play(main)


@pytest.mark.parametrize("dialect", ["sync", "y"])
def test_H4_joining_costs_the_same_however_long_the_room_is(dialect: str) -> None:
    costs: list[int] = []

    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(10 if not costs else 100)
        async with server.running(), server.peer("ann", dialect=dialect) as ann:
            room = await enter(ann)
            assert len(room.timeline) == 6
            costs.append(ann.status.bytes_in + ann.status.bytes_out)

    play(main)
    play(main)
    assert max(costs) < 1.1 * min(costs)


def test_H4_a_room_that_is_known_is_entered_with_no_server_as_it_was() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(5)
        store = MemoryStore()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            await enter(ann)
        async with server.peer("ann", MemoryLog(store)) as ann:
            room = await ann.enter("lobby")
            assert anyio.current_time() < 5, "nobody waits for a server"
            await rest()
            assert pages(ann) == [3, 4]
            room.post("offline")
            assert room.timeline[-1].text == "offline"
            assert len(room.timeline) == 7

    play(main)


def test_H4_nobody_waits_for_a_cover_that_cannot_come() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(5)
        async with server.peer("ann") as ann:
            room = await ann.enter("lobby")
            assert anyio.current_time() < 1
            assert room.newest == 0
            mine = room.post("into the dark")
            async with server.running():
                ann.go_online()
                with anyio.fail_after(60):
                    await ann.until(lambda: room.newest == 4 and ann.is_settled)
                await rest()
                assert pages(ann)[-2:] == [3, 4]
                assert await room.show(mine, 0), "it was written on the page that was known"

    play(main)


def test_H4_entering_twice_is_one_room_and_leaving_it_closes_all_its_docs() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(5)
        async with server.running() as hub, server.peer("ann") as ann:
            rooms: list[Room] = []

            async def one() -> None:
                rooms.append(await ann.enter("lobby"))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one)
                tasks.start_soon(one)
            assert rooms[0] is rooms[1]
            await rooms[0].older()
            await ann.leave("lobby")
            assert ann.docs == []
            with pytest.raises(SyncchatError, match="was left"):
                await rooms[0].older()
            assert await enter(ann) is not rooms[0]
            del hub

    play(main)


@pytest.mark.parametrize("ticks", range(0, 60, 3))
def test_H4_entering_a_room_of_many_pages_may_be_cancelled_at_any_instant(ticks: int) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(5)
        async with server.running(), server.peer("ann") as ann:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ann.enter, "lobby")
                for _ in range(ticks):
                    await anyio.lowlevel.checkpoint()
                entered = "lobby/4" in ann.docs
                tasks.cancel_scope.cancel()
            assert entered or ann.docs == []
            room = await enter(ann)
            assert texts(room) == [text for page in (3, 4) for text in Past.texts(page, 3)]
            assert pages(ann) == [3, 4]

    play(main)


@pytest.mark.parametrize("broken", ["lobby/cover", "lobby/4"])
def test_H4_a_room_that_cannot_be_read_is_not_entered_and_nothing_is_left_open(broken: str) -> None:
    class Broken(MemoryLog):
        fails = True

        async def read(self, doc: str, after: int = 0) -> list[Entry]:
            if doc == broken and self.fails:
                raise LogFailed("a bad sector")
            return await super().read(doc, after)

    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(5)
        log = Broken()
        async with server.running(), server.peer("ann", log) as ann:
            with pytest.raises(LogFailed, match="a bad sector"):
                await ann.enter("lobby")
            assert ann.docs == []
            log.fails = False
            assert len((await enter(ann)).timeline) == 6

    play(main)


# The end moves on.


def test_H3_the_room_goes_on_to_a_new_page_and_what_is_being_written_ends_where_it_began() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(3)
        async with server.peer("ann") as ann:
            async with server.running():
                room = await enter(ann)
                assert pages(ann) == [1, 2]
                stream = room.stream()
                stream.append("begun on page 2")
                await rest()
            for newest in (3, 4):
                past.write(newest, f"on page {newest}")
                past.cover(newest)
                async with server.running():
                    ann.go_online()
                    await rest()
                    assert pages(ann) == [newest - 1, newest] if newest == 3 else [2, 3, 4]
            assert stream.append(", and ended there")
            async with server.running():
                ann.go_online()
                await rest()
                assert stream.finish()
                new = room.post("on page 4, too")
                await rest()
                assert new in (await ann.open("lobby/4")).store.table("messages")
                assert stream.id in (await ann.open("lobby/2")).store.table("messages")
                assert texts(room)[0] == "on page 3"
                assert texts(room)[-1] == "on page 4, too"
                assert await room.older()
                assert "begun on page 2, and ended there" in texts(room)

    play(main)


def test_H3_who_was_away_for_many_pages_is_at_the_end_again() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(3)
        async with server.peer("ann") as ann:
            async with server.running():
                room = await enter(ann)
            for page in range(3, 20):
                past.write(page, f"page {page}")
            past.cover(19)
            followed = ids(room)
            room.timeline.listen(lambda deltas: apply_deltas(followed, deltas))
            async with server.running():
                ann.go_online()
                await rest()
                assert texts(room) == ["page 18", "page 19"]
                assert pages(ann) == [18, 19]
                assert followed == ids(room)

    play(main)

"""Late messages: shown at their place where that is within what is shown, told of where it is above."""

from typing import Any

import pytest

from syncchat.core.deltas import apply_deltas
from syncchat.core.ids import format_id
from syncchat.core.late import MAX_PAGES, Late
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, pages, play, rest, texts


def test_H6_a_late_message_is_shown_at_its_place_and_nothing_else_of_its_page() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(10)
        [late] = past.write(2, "late", user="ann", at=8)
        past.mark(late, 2, on=9)
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await enter(ann), await enter(bob)
            assert texts(room) == ["8/0", "8/1", "8/2", "late", "9/0", "9/1", "9/2"]
            assert pages(ann) == [2, 8, 9]
            assert room.late_above == []
            room.edit(late, "late, and edited")
            room.react(late, "👍")
            await rest()
            message = other.message(late)
            assert message is not None
            assert (message.text, dict(message.reactions)) == ("late, and edited", {"👍": ("ann",)})

    play(main)


def test_H6_a_late_message_above_what_is_shown_is_told_until_somebody_has_scrolled_to_it() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(10)
        [late] = past.write(2, "late", at=5)
        past.mark(late, 2, on=9)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert room.late_above == [Late(late, 2)]
            assert pages(ann) == [8, 9]
            told: list[list[Late]] = []
            room.listen_cover(lambda: told.append(room.late_above))
            followed = ids(room)
            room.timeline.listen(lambda deltas: apply_deltas(followed, deltas))
            while late not in ids(room):
                assert await room.older()
                await rest()
            assert pages(ann) == [2, *range(3, 10)], "its place is in view; its page is not yet"
            assert texts(room)[:4] == ["5/0", "5/1", "5/2", "late"]
            assert room.late_above == told[-1] == []
            while await room.older():
                assert followed == ids(room)
            assert ids(room) == sorted([*written[:24], late]), "whole, when its page is scrolled to"
            await room.recent()
            await rest()
            assert room.late_above == [], "it was shown"
            assert pages(ann) == [8, 9]
            assert followed == ids(room)

    play(main)


def test_H6_what_was_written_offline_is_at_its_place_for_everybody() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(2)
        async with server.peer("bob") as bob, server.peer("ann") as ann:
            async with server.running():
                there, here = await enter(bob), await enter(ann)
                bob.go_offline()
                await rest()
                mine = there.post("from the tunnel")
                await rest()
                here.post("meanwhile")
                await rest()
            for page in range(2, 6):
                past.write(page, f"page {page}")
            past.cover(5)
            async with server.running():
                ann.go_online()
                await rest()
                after = here.post("after")
                bob.go_online()
                await rest()
                for room in (here, there):
                    assert ids(room)[-2:] == [mine, after]
                    assert room.late_above == []

    play(main)


@pytest.mark.parametrize(
    "value", [None, 7, [], {}, {"page": "1"}, {"page": True}, {"page": -1}, {"page": 9}, {"page": 10**30}]
)
def test_H6_a_malformed_mark_reads_as_not_there(value: Any) -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(10)
        [late] = past.write(2, "late", at=8)
        past.mark(late, 2, on=9, value=[None] if value is None else value)
        for key in ("", "no id", "x" * 1000):
            past.mark(key, 2, on=9)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert pages(ann) == [8, 9]
            assert late not in ids(room)
            assert room.late_above == []

    play(main)


def test_H6_only_so_many_pages_are_opened_for_late_messages_and_of_the_others_it_is_told() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(20)
        late = [past.write(page, f"late {page}", at=18)[0] for page in range(12)]
        for page, id in enumerate(late):
            past.mark(id, page, on=19)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert pages(ann) == [*range(12 - MAX_PAGES, 12), 18, 19]
            assert set(late) & set(ids(room)) == set(late[-MAX_PAGES:])
            assert room.late_above == [Late(id, page) for page, id in enumerate(late[:-MAX_PAGES])]

    play(main)


def test_H6_a_mark_that_leads_to_nothing_or_to_a_dropped_page_does_no_harm() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(10)
        past.cover(9, first=4)
        for page in (2, 5):
            past.mark(format_id(2**45, "bob", page), page, on=9)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert pages(ann) == [5, 8, 9]
            assert len(room.timeline) == 6
            assert room.late_above == []

    play(main)


def test_H6_a_late_message_with_a_time_before_everything_is_told_of() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(10)
        past.mark(old := format_id(1, "bob", 1), 2, on=9)
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            assert room.late_above == [Late(old, 2)]
            assert pages(ann) == [8, 9]

    play(main)

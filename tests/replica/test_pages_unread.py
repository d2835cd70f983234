"""How far one has read: told as presence, kept in the cover by the server, never taken back."""

import anyio
import pytest

from syncchat import Room
from syncchat.core.cover import LIVE, NOW, READ, Unread
from syncchat.core.ids import cover_name, format_id, parse_id
from syncchat.errors import InvalidName
from syncchat.peer import Peer
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, play, rest

LONG = 60.0
"""Seconds after which the server has saved its counts and marks."""


async def count(server: MemoryServer, room: Room, peer: Peer, messages: int, read: object) -> None:
    """What a server counts, as the cover tells it; nobody else writes covers."""
    cells = (await peer.open(cover_name(room.name))).store.cells(LIVE)
    with (await peer.open(cover_name(room.name))).store.transaction():
        cells.set_cell(NOW, "messages", [messages, 0])
        if read is not None:
            cells.set_cell(NOW, READ + room.user, read)


def said(room: Room, user: str) -> object:
    """What somebody's presence says that is read."""
    return {person.user: person.state.get("read") for person in room.people}.get(user)


def test_H7_what_was_read_is_told_to_the_server_with_all_else_that_is_said_and_never_taken_back() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(3)
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await enter(ann), await enter(bob)
            room.set_presence(state="writing")
            room.mark_read(ids(room)[2])
            await rest()
            assert said(other, "ann") == ids(room)[2]
            room.mark_read(ids(room)[0])
            room.set_presence(state=None)
            await rest()
            assert said(other, "ann") == ids(room)[2], "nothing is taken back, or lost beside it"
            room.mark_read()
            await rest()
            assert said(other, "ann") == ids(room)[-1]
            with pytest.raises(InvalidName):
                room.mark_read("zzz")

    play(main)


def test_H7_read_marks_in_quick_succession_are_told_as_few_and_the_last_one_before_leaving() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(3)
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await enter(ann), await enter(bob)
            heard: list[object] = []
            other.listen_people(lambda _: heard.append(said(other, "ann")))
            for id in ids(room):
                room.mark_read(id)
                await anyio.sleep(0.1)
            assert len(set(heard)) == 1
            await ann.leave("lobby")
            await anyio.sleep(0.1)
            assert ids(other)[-1] in heard

    play(main)


def test_H7_what_is_marked_behind_all_that_was_read_and_is_gone_is_not_unread_by_the_servers_count() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(3)
        gone = format_id(parse_id(written[-1]).hlc + 1, "bob", 1)  # a late stream that was withdrawn
        past.mark(gone, 1, on=2)
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await enter(ann), await enter(bob)
            room.mark_read()
            await anyio.sleep(LONG)
            room.mark_read()
            await anyio.sleep(LONG)
            assert room.cover.unread("ann").messages == 0
            other.post("hello?")
            await anyio.sleep(LONG)
            assert room.cover.unread("ann").messages == 1

    play(main)


def test_H7_H11_nothing_is_unread_of_what_was_dropped() -> None:
    async def main(server: MemoryServer, _past: Past) -> None:
        async with server.running(), server.peer("ann") as ann:
            room = await enter(ann)
            await count(server, room, ann, 7, None)
            assert room.unread == Unread(7, 0)
            room.mark_read()
            assert room.unread == Unread(0, 0), "the room is empty"

    play(main)


def test_H7_what_is_unread_is_what_the_cover_counts_less_what_was_read_here() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        async with Peer(user="ann") as ann:
            room = await enter(ann)
            heard: list[Unread] = []
            room.listen_cover(lambda: heard.append(room.unread))
            first = room.post("one")
            assert room.unread == Unread(0, 0)
            await count(server, room, ann, 5, None)
            assert room.unread == heard[-1] == Unread(5, 0)
            room.mark_read()
            assert room.unread == Unread(0, 0), "at once, also with no server"
            await count(server, room, ann, 7, None)
            assert room.unread == Unread(2, 0)
            await count(server, room, ann, 8, [first, 8, 0])
            assert room.unread == Unread(0, 0), "by the server's count"

    play(main)

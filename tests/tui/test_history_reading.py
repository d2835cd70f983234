"""What is new, what is read, and what came late, on the screen of a real peer with a real hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from textual import events
from textual.pilot import Pilot

from syncchat.log import MemoryLog, MemoryStore
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from syncchat_tui.app import ChatApp
from tests.tui.looking import header, hint, rows, screen, until

pytestmark = pytest.mark.anyio

LINE = "── new messages ──"
SIZE = (80, 16)
SOON = 0.05


@asynccontextmanager
async def chatting(
    server: MemoryServer, store: MemoryStore | None = None, size: tuple[int, int] = SIZE
) -> AsyncIterator[tuple[ChatApp, Pilot[int]]]:
    """The client of ann in the lobby."""
    async with server.peer("ann", MemoryLog(store)) as ann:
        app = ChatApp(await ann.enter("lobby"), ann, server=True)
        async with app.run_test(size=size) as pilot:
            yield app, pilot


async def settled(peer: Peer) -> None:
    with anyio.fail_after(20):
        await peer.settled()


async def post(peer: Peer, room: PagedRoom, *texts: str) -> None:
    """Post, and wait until the server has counted it."""
    messages = room.cover.messages + len(texts)
    for text in texts:
        room.post(text)
    await settled(peer)
    await until(lambda: room.cover.messages >= messages)


async def fill(peer: Peer, room: PagedRoom, *texts: str) -> None:
    """Post, and wait until the next page is opened because of that, and written on."""
    page = room.newest + 1
    await post(peer, room, *texts)
    await until(lambda: room.shown[-1] == page)


async def test_H7_what_is_new_begins_with_a_line_and_is_read_when_the_end_was_in_view() -> None:
    server, mine = MemoryServer(cover_seconds=SOON), MemoryStore()
    async with server.running(), server.peer("bob") as bob:
        room = await bob.enter("lobby")
        await post(bob, room, "old")
        async with chatting(server, mine) as (app, _):
            await until(lambda: "old" in screen(app) and room.cover.read("ann") is not None)
            assert LINE not in screen(app)
        await post(bob, room, "first", "hello @ann", "third")
        async with chatting(server, mine) as (app, pilot):
            await until(lambda: "3 unread, 1 @you" in header(app))
            at = next(number for number, row in enumerate(rows(app)) if LINE in row)
            assert rows(app)[at - 1].endswith("old")
            assert rows(app)[at + 1].endswith("first")
            await until(lambda: "unread" not in header(app))
            await until(lambda: room.cover.unread("ann").messages == 0)
            assert LINE in screen(app), "it stays, to be seen"
            await pilot.press("escape")
            await until(lambda: LINE not in screen(app))


async def test_H7_nothing_is_read_while_scrolled_up_or_without_the_focus() -> None:
    server = MemoryServer(cover_seconds=SOON)
    async with server.running(), server.peer("bob") as bob:
        room = await bob.enter("lobby")
        await post(bob, room, *(f"message {number}" for number in range(40)))
        async with chatting(server) as (app, pilot):
            await until(lambda: room.cover.unread("ann").messages == 0)
            await pilot.press("pageup")
            await post(bob, room, "while scrolled up")
            await until(lambda: "1 unread" in header(app))
            assert "1 new below" in hint(app)
            await pilot.press("end")
            await until(lambda: room.cover.unread("ann").messages == 0)
            assert "unread" not in header(app)
            app.post_message(events.AppBlur())
            await post(bob, room, "while away")
            await until(lambda: "1 unread" in header(app))
            assert "while away" in screen(app)
            assert LINE not in screen(app)
            await pilot.press("x")  # nobody types elsewhere
            await until(lambda: LINE in rows(app)[-2])
            await until(lambda: room.cover.unread("ann").messages == 0)


async def test_H7_new_messages_that_begin_above_what_is_loaded_are_led_to() -> None:
    server, mine = MemoryServer(page_messages=60, cover_seconds=SOON), MemoryStore()
    async with server.running(), server.peer("bob") as bob:
        room = await bob.enter("lobby")
        await post(bob, room, "old")
        async with chatting(server, mine):
            await until(lambda: room.cover.read("ann") is not None)
        for page in range(5):
            await fill(bob, room, *(f"new {page}/{number}" for number in range(60)))
        async with chatting(server, mine) as (app, pilot):
            await until(lambda: "new 4/59" in screen(app))
            await until(lambda: hint(app) == "▲ 300 new: they begin above (F5)")
            assert "old" not in screen(app)
            await pilot.press("f5")
            await until(lambda: LINE in screen(app))
            assert "new 0/0" in screen(app)
            await until(lambda: "F5" not in hint(app))
            assert "f5" not in app.active_bindings


async def test_H7_new_messages_that_begin_many_pages_above_are_led_to_at_once() -> None:
    server, mine = MemoryServer(cover_seconds=SOON), MemoryStore()
    past = Past(server.store)
    past.pages(4, 5)
    async with server.running(), server.peer("bob") as bob:
        room = await bob.enter("lobby")
        async with chatting(server, mine) as (app, _):
            await until(lambda: "3/4" in screen(app) and room.cover.read("ann") is not None)
    for page in range(4, 60):
        past.write(page, *past.texts(page, 5))
    past.grow(59, 60 * 5)
    async with server.running(), chatting(server, mine) as (app, pilot):
        await until(lambda: "59/4" in screen(app) and "they begin above" in hint(app))
        await pilot.press("f5")
        await until(lambda: LINE in screen(app))
        assert "4/0" in screen(app)
        assert len(app.room.shown) == 3
        await pilot.press("escape")
        await until(lambda: "59/4" in screen(app))


@asynccontextmanager
async def with_a_late_message(server: MemoryServer) -> AsyncIterator[tuple[ChatApp, Pilot[int]]]:
    """Ann reads the end of a long room when what cat wrote offline at its start arrives."""
    async with server.peer("bob") as bob, server.peer("cat") as cat:
        room, there = await bob.enter("lobby"), await cat.enter("lobby")
        await settled(cat)
        cat.go_offline()
        await until(lambda: not cat.status.online)
        there.post("written on a plane")
        for page in range(4):
            await fill(bob, room, *(f"message {page}/{number}" for number in range(60)))
        async with chatting(server) as (app, pilot):
            await until(lambda: "message 3/59" in screen(app) and room.cover.read("ann") is not None)
            before = rows(app)
            cat.go_online()
            await settled(cat)
            await until(lambda: hint(app) == "▲ 1 message arrived late above (F5)")
            assert rows(app) == before
            yield app, pilot


async def test_H6_a_late_message_above_is_told_and_led_to() -> None:
    server = MemoryServer(page_messages=60, cover_seconds=SOON)
    async with server.running(), with_a_late_message(server) as (app, pilot):
        assert "f5" in app.active_bindings
        await pilot.press("f5")
        await until(lambda: "written on a plane" in screen(app))
        assert ".cat." in (app.transcript.selected or "")
        await until(lambda: "late above" not in hint(app))
        await pilot.press("escape")
        await until(lambda: "message 3/59" in rows(app)[-1])


async def test_H6_what_came_late_and_was_read_is_not_told_again() -> None:
    server, mine = MemoryServer(cover_seconds=SOON), MemoryStore()
    past = Past(server.store)
    past.pages(5, 60)
    [late] = past.write(0, "late")
    past.mark(late, 0, on=4)
    async with server.running(), server.peer("bob") as bob:
        room = await bob.enter("lobby")
        async with chatting(server, mine) as (app, _):
            await until(lambda: [late] == [above.id for above in app.room.late_above])
            await until(lambda: room.cover.read("ann") is not None)
            assert hint(app) == "", "she was never here"
        async with chatting(server, mine) as (app, _):
            await until(lambda: "4/59" in screen(app) and bool(app.room.late_above))
            assert hint(app) == ""
            assert LINE not in screen(app)


async def test_H6_a_late_message_within_what_is_shown_stands_at_its_place_with_a_sign() -> None:
    server = MemoryServer(cover_seconds=SOON)
    past = Past(server.store)
    past.pages(2, 3)
    [late] = past.write(0, "written on a plane")
    [under_way] = past.write(0, "under way", at=1)
    past.mark(late, 0, on=1)
    past.mark(under_way, 0, on=1)
    async with server.running(), chatting(server) as (app, _):
        await until(lambda: "1/2" in screen(app) and "0/0" in screen(app) and "plane" in screen(app))
        at = next(number for number, row in enumerate(rows(app)) if "0/2" in row)
        assert rows(app)[at + 1].endswith("written on a plane (late)")
        assert "under way" in screen(app)
        assert screen(app).count("(late)") == 1

"""Rooms of many pages on the screen: scrolling through them, on real peers and a real hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.pilot import Pilot

from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from syncchat_tui.app import ChatApp
from syncchat_tui.paging import BEGINNING, DROPPED, LOADING, MORE, NOT_HERE
from tests.tui.looking import header, hint, rows, screen, until

pytestmark = pytest.mark.anyio

EACH = 60
"""Messages on a page: two screens."""


@asynccontextmanager
async def chatting(
    server: MemoryServer, store: MemoryStore | None = None, size: tuple[int, int] = (80, 30)
) -> AsyncIterator[tuple[ChatApp, Pilot[int]]]:
    """The client of ann in the lobby."""
    async with server.peer("ann", MemoryLog(store)) as ann:
        app = ChatApp(await ann.enter("lobby"), ann, server=True)
        async with app.run_test(size=size) as pilot:
            yield app, pilot


def text(page: int, number: int) -> str:
    """How a message of `Past.pages` is on the screen."""
    return f"  {page}/{number}"


async def scroll_to_start(app: ChatApp, pilot: Pilot[int]) -> None:
    """Press Home until there is nothing above."""
    while app.transcript.lead != BEGINNING:
        first = app.room.timeline[0].id
        await pilot.press("home")
        await until(lambda first=first: app.room.timeline[0].id != first)  # type: ignore[misc]  # bound here
        await pilot.pause()


async def test_H5_home_after_home_leads_to_the_start_and_end_leads_back_at_once() -> None:
    server = MemoryServer()
    Past(server.store).pages(12, EACH)
    async with server.running(), chatting(server) as (app, pilot):
        await until(lambda: text(11, 59) in screen(app) and app.room.has_older)
        await scroll_to_start(app, pilot)
        await pilot.press("home")
        await pilot.pause()
        assert rows(app)[0].strip() == BEGINNING
        assert text(0, 0) in rows(app)[1]
        assert not app.room.is_recent, "at most 8 pages are shown"
        assert "below (End)" in hint(app)
        await pilot.press("end")
        await until(lambda: text(11, 59) in rows(app)[-1])
        await until(lambda: len(app.room.timeline) <= 2 * EACH)
        assert hint(app) == ""
        assert app.transcript.following


async def test_H5_what_is_in_view_stays_there_when_an_older_page_comes() -> None:
    server = MemoryServer()
    Past(server.store).pages(5, EACH)
    async with server.running(), chatting(server) as (app, pilot):
        await until(lambda: text(4, 59) in screen(app))
        seen, before = 0, rows(app)
        while MORE not in rows(app)[0] or seen == 0:
            await pilot.press("pageup")
            before = rows(app)
            loaded = len(app.room.timeline)
            await until(lambda: app.transcript.lead in (MORE, BEGINNING))
            await pilot.pause()
            assert rows(app)[1:] == before[1:]
            seen += len(app.room.timeline) > loaded
            if app.transcript.lead == BEGINNING and app.transcript.scroll_offset.y == 0:
                break
        assert rows(app)[0].strip() == BEGINNING
        assert text(0, 0) in rows(app)[1]


async def test_H5_the_wheel_at_the_end_of_what_is_loaded_opens_newer_pages() -> None:
    server = MemoryServer()
    Past(server.store).pages(12, EACH)
    async with server.running(), chatting(server) as (app, pilot):
        await until(lambda: text(11, 59) in screen(app))
        await scroll_to_start(app, pilot)
        await pilot.press("home")
        met: set[str] = set()
        while not app.transcript.following:
            met.update(rows(app))
            down = events.MouseScrollDown(app.transcript, 5, 5, 0, 1, 0, False, False, False)
            for _ in range(5):
                app.transcript.post_message(down)
            await pilot.pause()
        met.update(rows(app))
        shown = "\n".join(met)
        assert all(text(page, number) in shown for page in range(12) for number in range(EACH))
        assert app.transcript.unseen == 0, "a page that is turned to is no news"


async def test_H5_what_is_not_on_this_device_is_told_and_comes_with_the_server() -> None:
    server, mine = MemoryServer(), MemoryStore()
    Past(server.store).pages(4, EACH)
    async with server.running(), server.peer("ann", MemoryLog(mine)) as ann:
        await ann.enter("lobby")
        await until(lambda: ann.is_settled)
    async with chatting(server, mine) as (app, pilot):
        assert text(3, 59) in screen(app)
        await pilot.press("home", "home")
        await until(lambda: app.transcript.lead == NOT_HERE)
        assert rows(app)[0].strip() == NOT_HERE
        before = rows(app)
        await pilot.press("pageup")
        await pilot.pause()
        assert rows(app) == before
        async with server.running():
            app.peer.go_online()
            await until(lambda: text(2, 59) in rows(app)[0])
            assert rows(app)[1:] == before[1:]


async def test_H5_H11_where_pages_were_dropped_the_start_says_so() -> None:
    server = MemoryServer()
    past = Past(server.store)
    past.pages(3, EACH)
    past.cover(2, first=1)
    async with server.running(), chatting(server) as (app, pilot):
        await until(lambda: text(2, 59) in screen(app))
        await pilot.press("home")
        await until(lambda: app.transcript.lead == DROPPED)
        await pilot.press("home")
        await pilot.pause()
        assert rows(app)[0].strip() == DROPPED
        assert text(1, 0) in rows(app)[1]


async def test_H5_posting_leads_back_to_the_end() -> None:
    server = MemoryServer()
    Past(server.store).pages(12, EACH)
    async with server.running(), chatting(server) as (app, pilot):
        await until(lambda: text(11, 59) in screen(app))
        await scroll_to_start(app, pilot)
        await pilot.press("h", "i", "enter")
        await until(lambda: rows(app)[-1].endswith("  hi"))
        assert app.transcript.following


async def test_H5_end_does_not_wait_for_a_page_that_is_being_loaded() -> None:
    server = MemoryServer()
    Past(server.store).pages(4, EACH)
    async with server.running(), chatting(server) as (app, pilot):
        await until(lambda: text(3, 59) in screen(app))
        server.log.hold("read")
        await pilot.press("home", "home")
        await until(lambda: rows(app)[0].strip() == LOADING)
        before = rows(app)
        await pilot.press("pageup", "home", "pageup")
        assert rows(app) == before
        await pilot.press("end")
        await until(lambda: text(3, 59) in rows(app)[-1])
        await until(lambda: app.transcript.lead == MORE)
        server.log.release()


async def test_H5_who_leaves_while_a_page_is_being_loaded_leaves_in_order() -> None:
    server = MemoryServer()
    Past(server.store).pages(4, EACH)
    async with server.running():
        async with chatting(server) as (app, pilot):
            await until(lambda: text(3, 59) in screen(app))
            server.log.hold("read")
            await pilot.press("home", "home")
            await until(lambda: app.transcript.lead == LOADING)
            await pilot.press("ctrl+q")
        assert app.return_value == 0
        server.log.release()


async def test_H5_a_tall_screen_is_filled_with_one_older_page() -> None:
    server = MemoryServer()
    Past(server.store).pages(4, 30)
    async with server.running(), chatting(server, size=(80, 90)) as (app, _):
        await until(lambda: text(1, 29) in screen(app))
        assert app.transcript.following


@pytest.mark.parametrize("size", [(20, 8), (1, 1), (5, 40)])
async def test_H5_a_small_terminal_scrolls_as_well(size: tuple[int, int]) -> None:
    server = MemoryServer()
    Past(server.store).pages(3, EACH)
    async with server.running(), chatting(server, size=size) as (app, pilot):
        await until(lambda: bool(app.room.timeline))
        await scroll_to_start(app, pilot)
        await pilot.press("pageup", "pagedown", "home", "end", "ctrl+up", "f5", "escape")
        await until(lambda: app.transcript.following)
        assert header(app)

"""Searching in the client: on this device, on a daemon, and from a hit into the room."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from syncchat.core.ids import format_id
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.search import Found, Hit
from syncchat.search.wire import Answer
from syncchat.testing.history import Past
from syncchat.testing.program import Daemon
from syncchat.testing.server import MemoryServer
from syncchat_tui.app import ChatApp
from syncchat_tui.composer import Composer
from syncchat_tui.search_panel import ASK, SearchPanel, entry
from syncchat_tui.searching import MOST, Finder, merge
from tests.files import holding
from tests.tui.looking import rows, screen, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def chatting(
    server: MemoryServer, log: MemoryLog, size: tuple[int, int] = (80, 30)
) -> AsyncIterator[tuple[ChatApp, Pilot[int]]]:
    """The client of ann in the lobby, with an index in memory."""
    async with server.peer("ann", log) as ann, Finder(log, None) as finder:
        app = ChatApp(await ann.enter("lobby"), ann, server=True, search=finder)
        async with app.run_test(size=size) as pilot:
            yield app, pilot


def notice(app: ChatApp) -> str:
    return str(app.screen.query_one("#found", Static).content)


def found(app: ChatApp) -> list[str]:
    """What the hits say, without who and when."""
    options = app.screen.query_one(OptionList).options
    return [str(option.prompt).split("\n", 1)[1] for option in options]


def is_open(app: ChatApp) -> bool:
    return isinstance(app.screen, SearchPanel)


async def keep(server: MemoryServer, log: MemoryLog, *rooms: str) -> None:
    """Have all pages of rooms on ann's device."""
    async with server.running(), server.peer("ann", log) as ann:
        for name in rooms:
            room = await ann.enter(name)
            while await room.older():
                pass
        with anyio.fail_after(20):
            await ann.settled()


async def test_H8_offline_typing_finds_and_enter_leads_to_the_message_in_its_context() -> None:
    server, store = MemoryServer(), MemoryStore()
    past = Past(server.store)
    past.pages(12, 60)
    past.write(2, "the cake is in the oven", user="cook")
    await keep(server, MemoryLog(store), "lobby")
    async with chatting(server, MemoryLog(store)) as (app, pilot):
        await until(lambda: "11/59" in screen(app))
        await pilot.press("ctrl+f")
        assert notice(app) == ASK
        await pilot.press(*"cake")
        await until(lambda: found(app) == ["the cake is in the oven"])
        assert notice(app) == "found 1 on this device"
        await pilot.press("enter")
        await until(lambda: "the cake is in the oven" in screen(app))
        assert not is_open(app)
        assert "2/59" in screen(app)
        assert "3/0" in screen(app)
        assert "cook" in (app.transcript.selected or "")
        await pilot.press("end")
        await until(lambda: "11/59" in rows(app)[-1])


async def test_H8_what_cannot_be_meant_is_told_as_a_sentence_and_mended_by_going_on() -> None:
    server, log = MemoryServer(), MemoryLog()
    async with chatting(server, log, size=(120, 30)) as (app, pilot):
        app.room.post("a cake, they say")
        await pilot.press(*"/search", "space", '"', *"a cake", "enter")
        await until(lambda: "a quotation mark is not closed" in notice(app))
        assert app.query_one(Composer).text == ""
        assert found(app) == []
        await pilot.press("enter")
        assert is_open(app), "there is nothing to go to"
        await pilot.press('"')
        await until(lambda: found(app) == ["a cake, they say"])
        await pilot.press("escape")
        assert not is_open(app)
        assert app.transcript.selected is None


async def test_H8_a_hit_of_another_room_says_in_which_and_leads_there() -> None:
    server, store = MemoryServer(), MemoryStore()
    Past(server.store, "kitchen").write(0, "the cake [b]burns[/b]")
    Past(server.store, "kitchen").cover(0)
    await keep(server, MemoryLog(store), "kitchen")
    async with chatting(server, MemoryLog(store)) as (app, pilot):
        await pilot.press("ctrl+f", *"burns")
        await until(lambda: found(app) == ["the cake [b]burns[/b]"])
        assert "#kitchen" in str(app.screen.query_one(OptionList).options[0].prompt)
        await pilot.press("enter")
        await until(lambda: app.room.name == "kitchen" and "the cake [b]burns[/b]" in screen(app))
        await until(lambda: app.transcript.selected is not None)
        assert not is_open(app)


async def test_H8_the_arrows_choose_and_the_newest_is_first() -> None:
    server, log = MemoryServer(), MemoryLog()
    async with chatting(server, log, size=(20, 8)) as (app, pilot):
        ids = [app.room.post(f"cake {number}") for number in range(3)]
        await pilot.press("ctrl+f", *"cake")
        await until(lambda: found(app) == ["cake 2", "cake 1", "cake 0"])
        await pilot.press("up", "down", "pagedown", "up", "enter")
        await until(lambda: app.transcript.selected == ids[1])


async def test_H8_a_message_that_is_gone_is_told() -> None:
    server, log = MemoryServer(), MemoryLog()
    async with chatting(server, log) as (app, pilot):
        app.conversation.go_to(format_id(1, "bob", 1), 7)
        await until(lambda: any("is there no more" in note.message for note in app._notifications))
        await pilot.press("h", "i", "enter")
        await until(lambda: app.transcript.following and "hi" in screen(app))


async def test_H8_H10_what_was_deleted_leaves_the_index_of_a_client_that_never_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.search.local.FOLLOW_SECONDS", 0.01)
    path, log = tmp_path / "search.sqlite", MemoryLog()

    def told() -> list[str]:
        return holding(tmp_path, b"zyzzyva", "search.sqlite*")

    async with Peer(log=log, user="ann") as ann:
        room = await ann.enter("lobby")
        said = room.post("zyzzyva beetles")
        await ann.saved()
        async with Finder(log, path) as finder:
            assert not path.exists(), "nobody wanted one"
            await finder.update(lambda _: None)
            assert told()
        async with Finder(log, path):
            room.delete(said)
            await until(lambda: not told())


async def test_H8_an_index_that_cannot_be_made_is_told_and_the_chat_goes_on(tmp_path: Path) -> None:
    server, log = MemoryServer(), MemoryLog()
    letter = tmp_path / "letter"
    letter.mkdir()
    async with server.peer("ann", log) as ann, Finder(log, letter) as finder:
        app = ChatApp(await ann.enter("lobby"), ann, server=True, search=finder)
        async with app.run_test(size=(120, 30)) as pilot:
            await pilot.press("ctrl+f", *"cake")
            await until(lambda: "the search index" in notice(app))
            await pilot.press("escape", "h", "i", "enter")
            await until(lambda: "hi" in screen(app))


async def test_without_a_search_there_is_no_key_for_it() -> None:
    async with Peer(user="ann") as ann:
        app = ChatApp(await ann.enter("lobby"), ann, server=False)
        async with app.run_test() as pilot:
            await pilot.press("ctrl+f")
            assert not is_open(app)
            assert "ctrl+f" not in app.active_bindings


async def test_H8_what_is_only_on_the_server_is_found_and_led_to(tmp_path: Path) -> None:
    log = MemoryLog()
    with Daemon(tmp_path) as daemon:
        async with Peer(user="bob", server=daemon.address) as bob:
            room = await bob.enter("lobby")
            for number in range(600):
                room.post(f"message {number}")
            first = room.timeline[0].id
            with anyio.fail_after(30):
                await bob.settled()
        async with (
            Peer(log=log, user="ann", server=daemon.address) as ann,
            Finder(log, None, server=daemon.address, token=lambda: "ann") as finder,
        ):
            app = ChatApp(await ann.enter("lobby"), ann, server=True, search=finder)
            async with app.run_test(size=(100, 30)) as pilot:
                await until(lambda: "message 599" in screen(app))
                await pilot.press("ctrl+f", *"author:bob", "space", '"', *"message 0", '"')
                await until(lambda: app.screen.query_one(Input).value.endswith('0"'))
                await until(lambda: notice(app) == "found 1 on this device and the server")
                await pilot.press("enter")
                await until(lambda: app.transcript.selected == first)
                assert "message 0" in screen(app)


def hit(number: int) -> Hit:
    return Hit(format_id(number, "bob", 1), "lobby", 0, "bob", number, "snippet", ())


def test_H8_hits_of_two_places_are_told_once_and_the_newest_first() -> None:
    here = Answer(Found([hit(3), hit(1)], None), True)
    there = Answer(Found([hit(2), hit(1)], None), True)
    assert merge(here, there) == [hit(3), hit(2), hit(1)]
    assert merge(here, None) == [hit(3), hit(1)]
    many = Answer(Found([hit(number) for number in range(MOST + 9)], None), True)
    assert merge(many) == [hit(number) for number in reversed(range(9, MOST + 9))]


def test_H8_a_snippet_is_harmless_for_the_terminal_and_cut_around_what_was_found() -> None:
    text = "x" * 300 + " [b]\x1b[2J cake\nand more " + "y" * 300
    at = text.index("cake")
    shown = entry(Hit(hit(1).id, "lobby", 0, "bob", 1, text, ((at, at + 4),)), "lobby")
    assert "[b]␛[2J cake and more" in str(shown)
    assert "\x1b" not in str(shown)
    assert len(str(shown)) < 300
    begin = str(shown).index("cake")
    assert any(span.start == begin and span.end == begin + 4 for span in shown.spans)

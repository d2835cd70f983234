"""Changing rooms in the client: what is listed, what is unread there, and what waits where one was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from syncchat.core.cover import Unread
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.history import Past
from syncchat.testing.program import Daemon
from syncchat.testing.server import MemoryServer
from syncchat_tui import app as app_module
from syncchat_tui.app import ChatApp
from syncchat_tui.composer import Composer
from syncchat_tui.directory import Directory, Place, read_rooms
from syncchat_tui.room_panel import RoomPanel, entry, places
from tests.tui.looking import header, screen, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def chatting(
    server: MemoryServer, log: MemoryLog, room: str = "lobby"
) -> AsyncIterator[tuple[ChatApp, Pilot[int]]]:
    """The client of ann, who has no daemon to ask for rooms."""
    async with server.peer("ann", log) as ann:
        app = ChatApp(await ann.enter(room), ann, server=True, rooms=Directory(log, "ann"))
        async with app.run_test(size=(80, 24)) as pilot:
            yield app, pilot


def listed(app: ChatApp) -> list[str]:
    return [str(option.prompt) for option in app.screen.query_one(OptionList).options]


def notice(app: ChatApp) -> str:
    return str(app.screen.query_one("#known", Static).content)


def is_open(app: ChatApp) -> bool:
    return isinstance(app.screen, RoomPanel)


async def visit(server: MemoryServer, log: MemoryLog, *rooms: str) -> None:
    async with server.running(), server.peer("ann", log) as ann:
        for room in rooms:
            await ann.enter(room)
        with anyio.fail_after(20):
            await ann.settled()


async def test_H7_rooms_of_this_device_are_listed_and_enter_leads_into_one_and_back() -> None:
    server, store = MemoryServer(), MemoryStore()
    for name in ("lobby", "kitchen"):
        past = Past(server.store, name)
        past.write(0, f"this is the {name}", user="cook")
        past.cover(0)
    await visit(server, MemoryLog(store), "lobby", "kitchen")
    async with chatting(server, MemoryLog(store)) as (app, pilot):
        await until(lambda: "this is the lobby" in screen(app))
        await pilot.press(*"later", "ctrl+r")
        await until(lambda: is_open(app) and len(listed(app)) == 2)
        assert listed(app) == ["#kitchen", "#lobby   you are here"]
        assert notice(app) == "2 rooms; as of the last visit"
        await pilot.press("enter")
        await until(lambda: "this is the kitchen" in screen(app))
        await until(lambda: "#kitchen" in header(app))
        assert app.query_one(Composer).text == ""
        await pilot.press(*"burnt", "enter")
        await until(lambda: "burnt" in screen(app))
        await pilot.press(*"/rooms", "space", *"lob", "enter")
        await until(lambda: is_open(app) and listed(app) == ["#lobby", "#lob   a room that is not listed"])
        await pilot.press("enter")
        await until(lambda: "this is the lobby" in screen(app))
        assert app.query_one(Composer).text == "later"
        assert "burnt" not in screen(app)
        await pilot.press("enter")
        await until(lambda: "later" in screen(app))


async def test_O2_H7_what_was_written_offline_in_a_room_is_sent_though_one_is_in_another() -> None:
    server, store = MemoryServer(), MemoryStore()
    async with (
        server.running(),
        server.peer("bob") as bob,
        chatting(server, MemoryLog(store)) as (app, pilot),
    ):
        lobby = await bob.enter("lobby")
        await until(lambda: app.peer.status.online)
        app.peer.go_offline()
        await pilot.press(*"hello", "enter", "ctrl+r")
        await until(lambda: is_open(app))
        await pilot.press(*"kitchen", "enter")
        await until(lambda: "#kitchen" in header(app))
        app.peer.go_online()
        await until(lambda: [message.text for message in lobby.timeline] == ["hello"])


async def test_H7_what_is_unread_in_other_rooms_is_told_by_the_daemon_and_no_page_is_opened(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    with Daemon(tmp_path) as daemon:
        async with Peer(user="bob", server=daemon.address) as bob:
            for name, texts in (
                ("kitchen", ["cake", "tea", "@ann, come"]),
                ("attic", ["dust"]),
                ("cellar", []),
            ):
                room = await bob.enter(name)
                for text in texts:
                    room.post(text)
            with anyio.fail_after(30):
                await bob.settled()
            async with Peer(log=log, user="ann", server=daemon.address) as ann:
                rooms = Directory(log, "ann", server=daemon.address, token=lambda: "ann")
                app = ChatApp(await ann.enter("lobby"), ann, server=True, rooms=rooms)
                async with app.run_test(size=(80, 24)) as pilot:
                    await until(lambda: app.peer.status.online)
                    await pilot.press("ctrl+r")
                    wanted = ["#kitchen   3 unread, 1 @you", "#attic   1 unread"]
                    await until(lambda: listed(app)[:2] == wanted)
                    await until(lambda: notice(app).endswith("rooms"))
                    assert not [doc for doc in ann.docs if not doc.startswith("lobby/")]
                    await pilot.press("down", "up", "pagedown", "pageup", "enter")
                    await until(lambda: "@ann, come" in screen(app))


async def test_H7_the_daemons_no_is_told_and_the_rooms_of_this_device_are_there_all_the_same() -> None:
    server, store = MemoryServer(), MemoryStore()
    Past(server.store, "kitchen").cover(0)
    await visit(server, MemoryLog(store), "kitchen")
    log = MemoryLog(store)
    async with server.running(), server.peer("ann", log) as ann:
        rooms = Directory(log, "ann", server="ws://127.0.0.1:1", token=lambda: "ann")
        app = ChatApp(await ann.enter("lobby"), ann, server=True, rooms=rooms)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(lambda: app.peer.status.online)
            await pilot.press("ctrl+r")
            await until(lambda: "not the server's: 127.0.0.1:1 cannot be asked" in notice(app))
            assert "#kitchen" in listed(app)
            await pilot.press("escape")
            assert not is_open(app)
            assert app.room.name == "lobby"


async def test_H7_a_room_that_cannot_be_is_told_and_one_stays_where_one_is() -> None:
    server, log = MemoryServer(), MemoryLog()
    async with chatting(server, log) as (app, pilot):
        await pilot.press("ctrl+r")
        await until(lambda: is_open(app))
        await pilot.press(*"no", "space", *"room", "enter")
        assert is_open(app), "there is nothing to go to"
        app.screen.query_one(Input).value = "#Küche"
        await pilot.pause()
        assert listed(app) == []


async def test_H7_no_more_rooms_than_so_many_stay_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "MAX_ENTERED", 2)
    async with Peer(user="ann") as ann:
        app = ChatApp(await ann.enter("lobby"), ann, server=False, rooms=Directory(MemoryLog(), "ann"))
        async with app.run_test() as pilot:
            for name in ("one", "two", "one", "three"):
                await pilot.press("ctrl+r", *name, "enter")
                await until(lambda name=name: f"#{name}" in header(app))  # type: ignore[misc]  # its default
            await until(lambda: {doc.split("/")[0] for doc in ann.docs} == {"one", "three"})


async def test_without_a_directory_there_is_no_key_for_it() -> None:
    async with Peer(user="ann") as ann:
        app = ChatApp(await ann.enter("lobby"), ann, server=False)
        async with app.run_test() as pilot:
            await pilot.press("ctrl+r")
            assert not is_open(app)


def test_H7_what_is_typed_means_rooms_that_hold_it_and_perhaps_a_new_one() -> None:
    known = [Place("kitchen", Unread(2, 1)), Place("attic", Unread(0, 0))]
    here = Place("lobby", Unread(0, 0))
    assert [place.name for place in places(known, here, "")] == ["kitchen", "attic", "lobby"]
    assert [place.name for place in places(known, here, "#KIT")] == ["kitchen", "KIT"]
    assert [place.name for place in places(known, here, "attic")] == ["attic"]
    assert [place.name for place in places(known, here, "lobby")] == ["lobby"]
    assert [place.name for place in places(known, here, "a b")] == []


def test_H7_an_answer_of_the_daemon_is_read_as_far_as_it_can_be() -> None:
    good = {"name": "kitchen", "unread": 3, "mentions": 1}
    bad = [None, {}, {"name": "a b", "unread": 1, "mentions": 1}, {"name": "x", "unread": "1", "mentions": 0}]
    assert read_rooms({"rooms": [*bad, good]}) == {"kitchen": Unread(3, 1)}
    odd: object
    for odd in (None, [], {}, {"rooms": None}, {"rooms": {"kitchen": 1}}):
        assert read_rooms(odd) == {}


def test_H7_a_room_says_what_is_unread_in_it() -> None:
    assert str(entry(Place("attic", Unread(0, 0)))) == "#attic"
    assert str(entry(Place("attic", Unread(4, 0)))) == "#attic   4 unread"
    assert (
        str(entry(Place("attic", Unread(4, 2)), "you are here")) == "#attic   4 unread, 2 @you   you are here"
    )

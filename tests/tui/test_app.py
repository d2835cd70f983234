"""The screen, driven by keys: over a room on a real doc, with a connection that does as the test says."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from syncchat.core.presence import Entry, Presence, Subscription, encode
from syncchat.core.refusal import Refusal
from syncchat.core.store import Store
from syncchat.errors import InvalidName
from syncchat.paged_room import PagedRoom
from syncchat_tui.app import ChatApp
from syncchat_tui.composer import Composer
from syncchat_tui.header import Header, Status
from syncchat_tui.help import Help
from syncchat_tui.people import People
from tests.tui.looking import rows

pytestmark = pytest.mark.anyio

Enter = Callable[..., PagedRoom]


@dataclass(frozen=True)
class FakeStatus:
    online: bool = False
    wanted: bool = True
    waiting: int = 0
    problem: str | None = None


class FakePeer:
    """A connection whose status the test sets."""

    def __init__(self) -> None:
        self.status: FakeStatus = FakeStatus()
        self.refusals: list[Refusal] = []
        self._listeners: list[Callable[[Status], None]] = []

    def listen(self, callback: Callable[[Status], None], /) -> Subscription:
        self._listeners.append(callback)
        return Subscription(lambda: self._listeners.remove(callback))

    def become(self, status: FakeStatus) -> None:
        self.status = status
        for listener in list(self._listeners):
            listener(status)

    def listen_refusals(self, callback: Callable[[list[Refusal]], None], /) -> Subscription:
        return Subscription(lambda: None)

    async def dismiss(self, refusal: Refusal, /) -> None:
        self.refusals.remove(refusal)

    async def enter(self, room: str, /) -> PagedRoom:
        raise InvalidName(f"there is no room {room}")

    async def leave(self, room: str, /) -> None:
        pass

    def go_offline(self) -> None:
        self.become(replace(self.status, wanted=False, online=False))

    def go_online(self) -> None:
        self.become(replace(self.status, wanted=True))


def open_app(room: PagedRoom, peer: FakePeer | None = None, *, server: bool = True) -> ChatApp:
    return ChatApp(room, peer or FakePeer(), server=server)


def shows(app: ChatApp, text: str) -> bool:
    return any(text in line for line in rows(app))


def words(app: ChatApp, widget: type[Header] | type[People]) -> str:
    return str(app.query_one(widget).content)


async def write(pilot: Pilot[int], text: str) -> None:
    pilot.app.query_one(Composer).insert(text)
    await pilot.press("enter")
    await pilot.pause()


async def test_O2_a_post_is_on_the_screen_at_once_and_marked_local(enter: Enter, store: Store) -> None:
    waiting: set[tuple[str, str]] = set()
    room = enter(store, waiting=waiting)
    store.listen(lambda changes: waiting.update((change.table, change.row) for change in changes))
    app = open_app(room)
    async with app.run_test() as pilot:
        await write(pilot, "hello from a plane")
        assert room.timeline[0].text == "hello from a plane"
        assert any("◌" in line and "hello from a plane" in line for line in rows(app))
        assert app.query_one(Composer).text == ""


async def test_O7_the_mark_goes_when_the_message_is_acknowledged(enter: Enter, store: Store) -> None:
    waiting: set[tuple[str, str]] = set()
    room = enter(store, waiting=waiting)
    app = open_app(room)
    async with app.run_test() as pilot:
        waiting.add(("messages", room.post("soon safe")))
        room.acknowledged("lobby/0", list(waiting))
        await pilot.pause()
        assert any("◌" in line for line in rows(app))
        settled = list(waiting)
        waiting.clear()
        room.acknowledged("lobby/0", settled)
        await pilot.pause()
        assert shows(app, "soon safe")
        assert not any("◌" in line for line in rows(app))


async def test_O1_offline_it_is_written_and_read_as_ever(enter: Enter, store: Store) -> None:
    app = open_app(enter(store), FakePeer())
    async with app.run_test() as pilot:
        await pilot.press("f2")
        await write(pilot, "written offline")
        assert "offline" in words(app, Header)
        assert shows(app, "written offline")


async def test_T5_streamed_text_grows_and_no_other_message_is_wrapped(enter: Enter, store: Store) -> None:
    room, agent = enter(store), enter(store, "helper")
    for number in range(50):
        room.post(f"message {number}")
    app = open_app(room)
    async with app.run_test() as pilot:
        stream = agent.stream()
        await pilot.pause()
        blocks = app.transcript.blocks
        wraps = blocks.wraps
        for token in ("I ", "think ", "so"):
            stream.append(token)
            await pilot.pause()
        assert shows(app, "I think so▍")
        stream.finish()
        await pilot.pause()
        assert shows(app, "I think so")
        assert not shows(app, "▍")
        assert blocks.wraps == wraps + 4


async def test_hostile_text_is_shown_as_text(enter: Enter, store: Store) -> None:
    room = enter(store, "mallory")
    room.post("[red]x[/red] \x1b[2J \u202eevil \x00")
    app = open_app(enter(store))
    async with app.run_test():
        assert shows(app, "[red]x[/red] ␛[2J �evil ␀")


async def test_f2_toggles_and_says_what_it_would_do(enter: Enter, store: Store) -> None:
    peer = FakePeer()
    app = open_app(enter(store), peer)
    async with app.run_test() as pilot:
        assert "… connecting" in words(app, Header)
        peer.become(FakeStatus(online=True))
        await pilot.pause(0.1)
        assert "● online" in words(app, Header)
        assert app.active_bindings["f2"].binding.description == "Go offline"
        await pilot.press("f2")
        assert not peer.status.wanted
        assert "○ offline" in words(app, Header)
        assert app.active_bindings["f2"].binding.description == "Go online"
        await pilot.press("f2")
        assert peer.status.wanted


async def test_without_a_server_there_is_nothing_to_toggle(enter: Enter, store: Store) -> None:
    app = open_app(enter(store), server=False)
    async with app.run_test():
        assert "this machine only" in words(app, Header)
        assert "f2" not in app.active_bindings


async def test_the_header_tells_what_waits_and_what_is_wrong(enter: Enter, store: Store) -> None:
    peer = FakePeer()
    app = open_app(enter(store), peer)
    async with app.run_test() as pilot:
        peer.become(FakeStatus(waiting=3, problem="disk [b]full\x1b"))
        await pilot.pause(0.1)
        assert "◌ 3 changes wait" in words(app, Header)
        assert "disk [b]full␛" in words(app, Header)


async def test_a_narrow_terminal_has_no_list_at_its_side(enter: Enter, store: Store) -> None:
    app = open_app(enter(store))
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.query_one(People).display
        wide = app.transcript.size.width
        await pilot.resize_terminal(50, 20)
        await pilot.pause()
        assert not app.query_one(People).display
        assert app.transcript.size.width < wide


async def test_a_resize_wraps_again_and_keeps_the_end_in_view(enter: Enter, store: Store) -> None:
    room = enter(store)
    for number in range(40):
        room.post(f"message {number} " + "word " * 30)
    app = open_app(room)
    async with app.run_test(size=(100, 30)) as pilot:
        height = app.transcript.blocks.height
        await pilot.resize_terminal(50, 20)
        await pilot.pause()
        assert app.transcript.blocks.height > height
        assert app.transcript.following
        assert app.transcript.scroll_offset.y == app.transcript.max_scroll_y > 0


async def test_who_is_here_is_told_agents_last_and_what_they_do(enter: Enter, store: Store) -> None:
    presence = Presence(1)
    room = enter(store, "zoe", presence=presence)
    app = open_app(room)
    async with app.run_test() as pilot:
        room.set_presence(name="Zoe")
        presence.apply(encode([Entry(2, 1, '{"user":"bot","agent":true,"state":"writing"}')]))
        presence.apply(
            encode([Entry(3, 1, '{"user":"idle","agent":true,"state":"watching","problem":"x\\u001b"}')])
        )
        await pilot.pause(0.1)
        presence.apply(encode([Entry(4, 1, '{"user":"ada","name":"Ada L.\\u001b"}')]))
        await pilot.pause(0.1)
        shown = ["Here: 4", "ada Ada L.␛", "zoe", "bot ✦", "  writing…", "idle ✦", "  ! x␛"]
        assert words(app, People).splitlines() == shown
        assert str(app.query_one("#hint", Static).content) == "bot is writing…"


async def test_writing_is_told_to_the_others_until_it_is_sent(enter: Enter, store: Store) -> None:
    room = enter(store)
    app = open_app(room)
    async with app.run_test() as pilot:
        await pilot.press("h", "i")
        await pilot.pause()
        assert room.people[0].is_writing, "agents wait for that"
        await pilot.press("enter")
        await pilot.pause()
        assert "state" not in room.people[0].state


async def test_scrolled_up_it_stays_there_and_counts_what_comes_below(enter: Enter, store: Store) -> None:
    room, other = enter(store), enter(store, "bob")
    for number in range(2000):
        room.post(f"message {number}")
    app = open_app(room)
    async with app.run_test() as pilot:
        assert shows(app, "message 1999")
        await pilot.press("pageup", "pageup")
        before = rows(app)
        other.post("a new one")
        other.post("another one")
        await pilot.pause()
        assert rows(app) == before
        assert "2 new below" in str(app.query_one("#hint").render())
        await pilot.press("end")
        await pilot.pause()
        assert shows(app, "another one")
        assert app.transcript.unseen == 0


async def test_a_selected_message_is_brought_into_view(enter: Enter, store: Store) -> None:
    room = enter(store)
    ids = [room.post(f"message {number}\nsecond line") for number in range(60)]
    app = open_app(room)
    async with app.run_test() as pilot:
        await pilot.press(*["ctrl+up"] * 40)
        assert app.transcript.selected == ids[20]
        assert shows(app, "message 20")
        await pilot.press(*["ctrl+down"] * 30)
        assert app.transcript.selected == ids[50]
        assert shows(app, "message 50")
        room.delete(ids[50])
        await pilot.press(*["ctrl+down"] * 10)
        assert app.transcript.selected is None


async def test_what_grows_above_does_not_move_what_is_read(enter: Enter, store: Store) -> None:
    room = enter(store)
    ids = [room.post(f"message {number}") for number in range(200)]
    app = open_app(room)
    async with app.run_test() as pilot:
        await pilot.press("pageup")
        before = rows(app)
        room.edit(ids[3], "one\ntwo\nthree")
        room.delete(ids[4])
        await pilot.pause()
        assert rows(app) == before


async def test_an_unknown_command_is_not_posted(enter: Enter, store: Store) -> None:
    room = enter(store)
    app = open_app(room)
    async with app.run_test() as pilot:
        await write(pilot, "/shrug [b]")
        assert len(room.timeline) == 0
        assert app.query_one(Composer).text == "/shrug [b]"


async def test_two_slashes_post_one(enter: Enter, store: Store) -> None:
    room = enter(store)
    async with open_app(room).run_test() as pilot:
        await write(pilot, "//etc/passwd")
        assert room.timeline[0].text == "/etc/passwd"


async def test_a_text_that_is_too_long_is_kept_in_the_composer(enter: Enter, store: Store) -> None:
    room = enter(store)
    app = open_app(room)
    async with app.run_test() as pilot:
        await write(pilot, "x" * 20_000)
        assert len(room.timeline) == 0
        assert len(app.query_one(Composer).text) == 20_000


async def test_ctrl_j_starts_a_new_line(enter: Enter, store: Store) -> None:
    room = enter(store)
    async with open_app(room).run_test() as pilot:
        await pilot.press("a", "ctrl+j", "b", "enter")
        await pilot.pause()
        assert room.timeline[0].text == "a\nb"


async def test_keys_typed_faster_than_they_are_handled_keep_their_order(enter: Enter, store: Store) -> None:
    room = enter(store)
    app = open_app(room)
    async with app.run_test() as pilot:
        for key in "hello\rworld\nagain\rrest":
            named = {"\r": "enter", "\n": "ctrl+j"}.get(key, key)
            app.post_message(events.Key(named, key))
        await pilot.pause()
        assert [message.text for message in room.timeline] == ["hello", "world\nagain"]
        assert app.query_one(Composer).text == "rest"


async def test_help_opens_and_closes(enter: Enter, store: Store) -> None:
    app = open_app(enter(store))
    async with app.run_test() as pilot:
        await pilot.press("f1")
        assert isinstance(app.screen, Help)
        await pilot.press("escape")
        assert not isinstance(app.screen, Help)


@pytest.mark.parametrize("by", ["/quit", "ctrl+q"])
async def test_it_is_left_with_exit_code_0(enter: Enter, store: Store, by: str) -> None:
    app = open_app(enter(store))
    async with app.run_test() as pilot:
        if by == "/quit":
            await write(pilot, by)
        else:
            await pilot.press(by)
    assert app.return_value == 0

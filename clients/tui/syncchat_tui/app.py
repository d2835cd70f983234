"""The screen: puts the widgets of a room together, lets them act on it, and changes to another room."""

from collections.abc import Callable
from typing import ClassVar

import anyio
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from syncchat.core.people import WRITING
from syncchat.errors import SyncchatError
from syncchat.paged_room import PagedRoom
from syncchat.search import Hit
from syncchat_tui.catching_up import CatchesUp
from syncchat_tui.coalesce import Coalesced
from syncchat_tui.commands import STEERING
from syncchat_tui.composer import Command, Composer, Mistake, Post, parse
from syncchat_tui.connection import Connection, Subscription
from syncchat_tui.conversation import Conversation
from syncchat_tui.header import Header
from syncchat_tui.helm import Helm
from syncchat_tui.help import Help
from syncchat_tui.keys import Keys
from syncchat_tui.latest import Latest
from syncchat_tui.people import People
from syncchat_tui.refused import Refused, kept_text
from syncchat_tui.room_panel import RoomPanel, Rooms
from syncchat_tui.search_panel import Search, SearchPanel
from syncchat_tui.transcript import Transcript

BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
"""From how many cells on the screen has which class, for chat.tcss."""


MAX_ENTERED = 8
"""Rooms that one is in at once; past it the one that was not looked at for longest is left."""


class ChatApp(App[int], inherit_bindings=False):
    """The terminal client, in a room that is already entered; leaving the peer is its caller's part.

    `server` is whether the peer has one to reach; `search` is asked for messages, `rooms` for rooms and
    `catching_up` for what was missed, if they are there. A room that was visited is not left at once: what
    waits in it is sent.
    """

    CSS_PATH = "chat.tcss"
    TITLE = "syncchat"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help"),
        Binding("f2", "offline", "Go offline"),
        Binding("f2", "online", "Go online"),
        Binding("f3", "take_back", "Take back"),
        Binding("f4", "dismiss", "Dismiss"),
        Binding("f5", "above", "Go there"),
        Binding("f8", "delete", "Delete"),
        Binding("ctrl+up", "select(-1)", "Select", show=False),
        Binding("ctrl+down", "select(1)", "Select", show=False),
        Binding("pageup", "scroll(-1)", "Scroll", show=False),
        Binding("pagedown", "scroll(1)", "Scroll", show=False),
        Binding("escape,ctrl+end", "newest", "Newest"),
        Binding("ctrl+q", "quit", "Quit"),
        Binding("ctrl+c", "help_quit", show=False, system=True),
    ]

    def __init__(
        self,
        room: PagedRoom,
        peer: Connection,
        *,
        server: bool,
        search: Search | None = None,
        rooms: Rooms | None = None,
        catching_up: CatchesUp | None = None,
    ) -> None:
        super().__init__()
        self._search = search
        self._rooms = rooms
        self._server = server
        self.room = room
        self.peer = peer
        self.conversation = self._converse()
        self._helm = Helm(self, lambda: self.conversation, online=self._is_online, catching_up=catching_up)
        self._entered = [room.name]
        self._drafts: dict[str, str] = {}
        self._moving = Latest(self.run_worker)
        self._subscriptions: list[Subscription] = []
        self._status = self._coalesced(self._show_status)
        self._header = self._coalesced(self._show_header)
        self._people = self._coalesced(self._show_people)
        self._refused = self._coalesced(self._show_refused)

    def compose(self) -> ComposeResult:
        """Header, conversation with the list of people at its side, composer, keys."""
        yield Header(self.room.name, server=self._server, id="header")
        with Horizontal(id="middle"):
            yield self.conversation
            yield People(id="people")
        yield Refused(id="refused", markup=False)
        yield Composer(self._send, id="composer")
        yield Keys()

    def _converse(self) -> Conversation:
        return Conversation(
            self.room,
            online=self._is_online,
            settled=lambda: not self._server or self.peer.status.online or not self.peer.status.wanted,
            coalesced=self._coalesced,
            id="conversation",
        )

    def _is_online(self) -> bool:
        return self.peer.status.online

    def on_mount(self) -> None:
        """Begin to listen."""
        # A key tells that the terminal has the focus, also where the terminal itself does not.
        self.watch(self, "app_focus", self._focus_changed, init=False)
        self._listen()
        self.query_one(Composer).focus()

    def on_unmount(self) -> None:
        """Listen no more."""
        self._moving.stop()
        self._hear_no_more()

    def _listen(self) -> None:
        """Hear of the connection and of the room, and show them."""
        self._subscriptions = [
            self.peer.listen(lambda _: self._status.poke()),
            self.room.listen_people(lambda _: self._people.poke()),
            self.room.listen_role(lambda _: self._status.poke()),
            self.peer.listen_refusals(lambda _: self._refused.poke()),
        ]
        self._show_status()
        self._show_people()
        self._show_refused()

    def _hear_no_more(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions = []

    def _focus_changed(self, focused: bool) -> None:
        self.conversation.focus_changed(focused)

    @property
    def transcript(self) -> Transcript:
        """The conversation's widget."""
        return self.conversation.transcript

    def _coalesced(self, show: Callable[[], None]) -> Coalesced:
        def while_shown() -> None:
            if (
                self.is_running and self.screen_stack
            ):  # the last callbacks come when the screens go, or are gone
                show()

        return Coalesced(while_shown, self._later)

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        # Listeners are called from the peer's tasks, where Textual's context is missing: timers need it.
        if seconds > 0:
            self.call_later(self.set_timer, seconds, callback)
        else:
            self.call_later(callback)

    # What is shown

    def _show_status(self) -> None:
        if self.peer.status.online:
            self.conversation.server_reached()
        self.screen_stack[0].query_one(Composer).allow(self.room.may_write)
        self._show_header()

    def _show_header(self) -> None:
        self.screen_stack[0].query_one(Header).show(self.peer.status, self.conversation.unread)
        self.refresh_bindings()

    def _show_refused(self) -> None:
        self.screen_stack[0].query_one(Refused).show(self.peer.refusals)
        self.refresh_bindings()

    def _show_people(self) -> None:
        self.screen_stack[0].query_one(People).show(self.room.people)

    # What the user does

    def _send(self, written: str) -> bool:
        """Post a text, or do what a command says; False if it is to be written differently."""
        match parse(written):
            case Post(text):
                return self._post(text)
            case Command("/quit"):
                self.exit(0)
            case Command("/search", words):
                self.action_search(words)
            case Command("/rooms", words):
                self.action_rooms(words)
            case Command(name, words) if name in STEERING:
                return self._helm.do(name[1:], words)
            case Command():
                self.action_help()
            case Mistake(notice):
                self._warn(notice)
                return False
        return True

    def _post(self, text: str) -> bool:
        try:
            self.room.post(text)
        except SyncchatError as error:
            self.notify(str(error), severity="error", markup=False)
            return False
        self.conversation.go_to_end()
        return True

    def _warn(self, notice: str) -> None:
        self.notify(notice, severity="warning", markup=False)

    def on_composer_writing(self, event: Composer.Writing) -> None:
        """Tell the others that something is being written."""
        self.room.set_presence(state=WRITING if event.writing else None)

    def on_composer_page(self, event: Composer.Page) -> None:
        """PageUp and PageDown, pressed in the composer."""
        self.transcript.scroll_pages(event.pages)

    def on_composer_past(self, event: Composer.Past) -> None:
        """End, pressed at the end of the line, or Home at its start."""
        if event.step > 0:
            self.conversation.go_to_end()
        else:
            self.conversation.go_to_start()

    def on_conversation_changed(self) -> None:
        """Another number is unread, or there is something else to be led to."""
        self._header.poke()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer of going offline and going online the one that there is to do."""
        if action in ("offline", "online"):
            return self._server and self.peer.status.wanted == (action == "offline")
        if action == "take_back":
            return any(kept_text(refusal) for refusal in self.peer.refusals[:1])
        if action == "dismiss":
            return bool(self.peer.refusals)
        if action == "search":
            return self._search is not None
        if action == "rooms":
            return self._rooms is not None
        if action == "above":
            return self.conversation.leads_above
        if action == "agent":
            return self.conversation.steering.offers(str(parameters[0]))
        if action == "delete":
            selected = self.transcript.selected
            return selected is not None and self.room.may_delete(selected)
        return True

    def action_take_back(self) -> None:
        """Put the text of the oldest refusal into the composer and the clipboard."""
        text = kept_text(self.peer.refusals[0])
        self.query_one(Composer).insert(text)
        self.copy_to_clipboard(text)

    async def action_dismiss(self) -> None:
        """Keep the oldest refusal no longer."""
        try:
            await self.peer.dismiss(self.peer.refusals[0])
        except SyncchatError as error:
            self.notify(str(error), severity="error", markup=False)
        self._show_refused()

    def action_offline(self) -> None:
        """Cut the link; everything can still be read and written."""
        self.peer.go_offline()
        self._show_status()

    def action_online(self) -> None:
        """Reach for the server again."""
        self.peer.go_online()
        self._show_status()

    def action_help(self) -> None:
        """Show the keys, the commands and the marks."""
        self.push_screen(Help())

    def action_search(self, words: str = "") -> None:
        """Search for words, or for those that are asked for then."""
        if self._search is not None:
            panel = SearchPanel(self._search, room=self.room.name, online=self._is_online, text=words)
            self.push_screen(panel, self._go_to_hit)

    def _go_to_hit(self, hit: Hit | None) -> None:
        if hit is not None:
            self._go_to_room(hit.room, hit)

    def action_rooms(self, words: str = "") -> None:
        """List the rooms, or those whose names hold something, and go to the one that is chosen."""
        if self._rooms is not None:
            panel = RoomPanel(
                self._rooms,
                room=self.room.name,
                unread=lambda: self.conversation.unread,
                online=self._is_online,
                text=words,
            )
            self.push_screen(panel, self._go_to_room)

    def _go_to_room(self, name: str | None, hit: Hit | None = None) -> None:
        if name is not None:
            self._moving.run(lambda: self._move(name, hit))

    async def _move(self, name: str, hit: Hit | None) -> None:
        if name != self.room.name:
            try:
                room = await self.peer.enter(name)
            except SyncchatError as error:
                self.notify(str(error), severity="error", markup=False)
                return
            with anyio.CancelScope(shield=True):
                await self._change_to(room)
        if hit is not None:
            self.conversation.go_to(hit.id, hit.page)

    async def _change_to(self, room: PagedRoom) -> None:
        """Show another room; what was being written in the one before waits there."""
        composer = self.screen_stack[0].query_one(Composer)
        self._drafts[self.room.name] = composer.text
        self.room.set_presence(state=None)
        self._hear_no_more()
        self.room = room  # what is typed from now on is for that one
        composer.load(self._drafts.pop(room.name, ""))
        self.screen_stack[0].query_one(Header).room = room.name
        before, self.conversation = self.conversation, self._converse()
        await before.remove()
        await self.screen_stack[0].query_one("#middle").mount(self.conversation, before="#people")
        self._listen()
        await self._leave_some()

    async def _leave_some(self) -> None:
        """Be in no more than MAX_ENTERED rooms, but leave none as long as something waits to be sent."""
        self._entered = [*(name for name in self._entered if name != self.room.name), self.room.name]
        if len(self._entered) > MAX_ENTERED and not (self._server and self.peer.status.waiting):
            await self.peer.leave(self._entered.pop(0))

    def action_scroll(self, pages: int) -> None:
        """Scroll the conversation by pages; up is negative."""
        self.transcript.scroll_pages(pages)

    def action_select(self, step: int) -> None:
        """Select another message; up is negative."""
        self.transcript.select(step)
        self.refresh_bindings()

    def action_above(self) -> None:
        """Go to the first late message above the screen, or to where the new ones begin."""
        self.conversation.go_above()

    def action_agent(self, verb: str) -> None:
        """Ask the agents for something, or go where one of them leads."""
        self._helm.do(verb)

    def action_delete(self) -> None:
        """Delete the selected message: an own one, and a moderator anybody's."""
        selected = self.transcript.selected
        if selected is not None:
            try:
                self.room.delete(selected)
            except SyncchatError as error:
                self.notify(str(error), severity="error", markup=False)
        self.refresh_bindings()

    def action_newest(self) -> None:
        """Go to the newest message."""
        self.transcript.unselect()
        self.conversation.all_read()
        self.conversation.go_to_end()
        self.refresh_bindings()
        self.query_one(Composer).focus()

    async def action_quit(self) -> None:
        """Leave."""
        self.exit(0)

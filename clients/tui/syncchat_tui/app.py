"""The screen of one room: puts the widgets together and lets them act on the room and the connection."""

from collections.abc import Callable
from typing import ClassVar, Protocol

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Footer

from syncchat.core.refusal import Refusal
from syncchat.errors import SyncchatError
from syncchat.paged_room import PagedRoom
from syncchat.search import Hit
from syncchat_tui.coalesce import Coalesced
from syncchat_tui.composer import Command, Composer, Mistake, Post, parse
from syncchat_tui.conversation import Conversation
from syncchat_tui.header import Header, Status
from syncchat_tui.help import Help
from syncchat_tui.people import People
from syncchat_tui.refused import Refused, kept_text
from syncchat_tui.search_panel import Search, SearchPanel
from syncchat_tui.transcript import Transcript

BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
"""From how many cells on the screen has which class, for chat.tcss."""


class Subscription(Protocol):
    """What is cancelled to hear no more."""

    def cancel(self) -> None:
        """Hear no more."""


class Connection(Protocol):
    """What the screen needs of a Peer."""

    @property
    def status(self) -> Status:
        """The present status."""

    def listen(self, callback: Callable[[Status], None], /) -> Subscription:
        """Call back after each change of the status."""

    def go_offline(self) -> None:
        """Cut the link until `go_online`."""

    def go_online(self) -> None:
        """Reach for the server again."""

    @property
    def refusals(self) -> list[Refusal]:
        """What the server refused and nobody has dismissed, the oldest first."""

    def listen_refusals(self, callback: Callable[[list[Refusal]], None], /) -> Subscription:
        """Call back after each change of `refusals`."""

    async def dismiss(self, refusal: Refusal, /) -> None:
        """Keep it no longer."""


class ChatApp(App[int], inherit_bindings=False):
    """The terminal client of one room that is already entered; leaving the room is its caller's part.

    `server` is whether the peer has one to reach, `search` what is asked for messages, if anything is.
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
        self, room: PagedRoom, peer: Connection, *, server: bool, search: Search | None = None
    ) -> None:
        super().__init__()
        self._search = search
        self._server = server
        self.room = room
        self.peer = peer
        self._status = self._coalesced(self._show_status)
        self._header = self._coalesced(self._show_header)
        self._people = self._coalesced(self._show_people)
        self._refused = self._coalesced(self._show_refused)

    def compose(self) -> ComposeResult:
        """Header, conversation with the list of people at its side, composer, keys."""
        yield Header(self.room.name, server=self._server, id="header")
        with Horizontal(id="middle"):
            yield Conversation(
                self.room,
                online=lambda: self.peer.status.online,
                settled=lambda: not self._server or self.peer.status.online or not self.peer.status.wanted,
                coalesced=self._coalesced,
                id="conversation",
            )
            yield People(id="people")
        yield Refused(id="refused", markup=False)
        yield Composer(self._send, id="composer")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to listen."""
        self._subscriptions: list[Subscription] = [
            self.peer.listen(lambda _: self._status.poke()),
            self.room.listen_people(lambda _: self._people.poke()),
            self.room.listen_role(lambda _: self._status.poke()),
            self.peer.listen_refusals(lambda _: self._refused.poke()),
        ]
        # A key tells that the terminal has the focus, also where the terminal itself does not.
        self.watch(self, "app_focus", self.conversation.focus_changed, init=False)
        self._show_status()
        self._show_people()
        self._show_refused()
        self.query_one(Composer).focus()

    def on_unmount(self) -> None:
        """Listen no more."""
        for subscription in self._subscriptions:
            subscription.cancel()

    @property
    def transcript(self) -> Transcript:
        """The conversation's widget."""
        return self.conversation.transcript

    @property
    def conversation(self) -> Conversation:
        """The transcript with what leads through it."""
        return self.screen_stack[0].query_one(Conversation)

    def _coalesced(self, show: Callable[[], None]) -> Coalesced:
        def while_shown() -> None:
            if self.screen_stack:  # the last callbacks come when the screens are gone already
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
        self.room.set_presence(state="writing" if event.writing else None)

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
        if action == "above":
            return self.conversation.leads_above
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
            online = lambda: self.peer.status.online  # noqa: E731 - asked at each search
            self.push_screen(
                SearchPanel(self._search, room=self.room.name, online=online, text=words), self._go_to_hit
            )

    def _go_to_hit(self, hit: Hit | None) -> None:
        if hit is None:
            return
        if hit.room == self.room.name:
            self.conversation.go_to(hit.id, hit.page)
        else:
            self._warn(f"That is in another room. To go there: syncchat chat {hit.room}")

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

"""The panel that lists rooms with what is unread in them, and leads into one."""

from collections.abc import Callable
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from syncchat.core.cover import Unread
from syncchat.core.ids import NAME
from syncchat_tui.directory import Listing, Place
from syncchat_tui.header import counts
from syncchat_tui.latest import Latest
from syncchat_tui.plain import plain

REFRESH = 10.0
"""Seconds after which it is asked again what is unread."""

PROMPT = "Room (Enter: go there, Esc: close)"
LOOKING = "looking for rooms…"


class Rooms(Protocol):
    """What the panel needs of a Directory."""

    async def look(self, tell: Callable[[Listing], None], /, *, online: bool) -> None:
        """See Directory."""


class RoomPanel(ModalScreen[str | None]):
    """Shows rooms whose names hold what is typed; its result is the one that was chosen, None for none.

    What is typed may also be the name of a new room. `room` is where the user is, with `unread` in it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+r", "dismiss", "Close"),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Up", show=False),
        Binding("pagedown", "move(10)", "Down", show=False),
    ]

    def __init__(
        self, rooms: Rooms, *, room: str, unread: Callable[[], Unread], online: Callable[[], bool], text: str
    ) -> None:
        super().__init__()
        self._rooms = rooms
        self._room = room
        self._unread = unread
        self._online = online
        self._text = text
        self._known: list[Place] = []
        self._shown: list[Place] = []
        self._picked: str | None = None
        self._looking = Latest(self.run_worker)

    def compose(self) -> ComposeResult:
        """The name, a sentence, and the rooms."""
        with Vertical(id="rooms"):
            yield Input(self._text, placeholder=PROMPT, max_length=40, select_on_focus=False)
            yield Static(LOOKING, markup=False, id="known")
            yield OptionList(id="places", markup=False)

    def on_mount(self) -> None:
        """Look now, and again while it is open."""
        self._options.can_focus = False
        self.query_one(Input).focus()
        self._look()
        self.set_interval(REFRESH, self._look)

    def on_unmount(self) -> None:
        """Look no more."""
        self._looking.stop()

    @property
    def _options(self) -> OptionList:
        return self.query_one(OptionList)

    def _look(self) -> None:
        self._looking.run(lambda: self._rooms.look(self._hear, online=self._online()))

    # What is shown

    def _hear(self, listing: Listing) -> None:
        self._known = [place for place in listing.places if place.name != self._room]
        self.query_one("#known", Static).update(plain(listing.notice.replace("\n", " ")))
        self._show()

    def on_input_changed(self) -> None:
        """Show the rooms that may be meant."""
        self._picked = None
        self._show()

    def _show(self) -> None:
        self._shown = places(self._known, Place(self._room, self._unread()), self.query_one(Input).value)
        known = {place.name for place in self._known}
        self._options.clear_options()
        self._options.add_options([Option(self._entry(place, known)) for place in self._shown])
        if self._shown:
            names = [place.name for place in self._shown]
            self._options.highlighted = names.index(self._picked) if self._picked in names else 0

    def _entry(self, place: Place, known: set[str]) -> Content:
        if place.name == self._room:
            return entry(place, "you are here")
        return entry(place, "" if place.name in known else "a room that is not listed")

    @property
    def _chosen(self) -> str | None:
        at = self._options.highlighted
        return self._shown[at].name if at is not None and at < len(self._shown) else None

    # What the user does

    def action_move(self, step: int) -> None:
        """Choose another room; up is negative."""
        if self._shown:
            at = (self._options.highlighted or 0) + step
            self._options.highlighted = min(max(at, 0), len(self._shown) - 1)
            self._picked = self._chosen

    def on_input_submitted(self) -> None:
        """Go to the room that is chosen."""
        if self._chosen is not None:
            self.dismiss(self._chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the room that was clicked."""
        if event.option_index < len(self._shown):
            self.dismiss(self._shown[event.option_index].name)


def places(known: list[Place], here: Place, typed: str) -> list[Place]:
    """The rooms that what is typed may mean: a new one as well, if it may be a name; `here` is the last."""
    words = typed.strip().lstrip("#")
    found = [place for place in known if words.lower() in place.name.lower()]
    names = {here.name, *(place.name for place in known)}
    new = [Place(words, Unread(0, 0))] if words not in names and NAME.match(words) else []
    return [*found, *new, *([here] if words.lower() in here.name.lower() else [])]


def entry(place: Place, more: str = "") -> Content:
    """A room as the list shows it."""
    name = Content.styled(f"#{place.name}", "bold" if place.unread.messages else "")
    style = "bold $text-warning" if place.unread.mentions else "$text-primary"
    parts = [name, Content.styled(f"   {counts(place.unread)}", style)] if place.unread.messages else [name]
    return Content.assemble(*parts, Content.styled(f"   {more}" if more else "", "$text-muted"))

"""The panel that searches while one types, and leads to what was found."""

from collections.abc import Callable, Iterator
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from syncchat.errors import SyncchatError
from syncchat.search import BadQuery, Hit
from syncchat.search.query import MAX_QUERY
from syncchat_tui.latest import Latest
from syncchat_tui.plain import plain
from syncchat_tui.searching import Outcome
from syncchat_tui.transcript import author_color
from syncchat_tui.wrap import clock

TYPING = 0.15
"""Seconds without a key after which it is searched."""

ASK = 'words  "a phrase"  begin*  author:ada  room:lobby  before:2026-11-21  after:2026-11-01  has:link'

PROMPT = "Search (Enter: go there, Esc: close)"

MAX_SHOWN = 240
"""Characters of a message that are shown."""

BEFORE = 60
"""Characters that are shown before the first place that was searched for, if not all are."""


class Search(Protocol):
    """What the panel needs of a Finder."""

    async def update(self, tell: Callable[[int], None], /) -> None:
        """See Finder."""

    async def search(self, text: str, tell: Callable[[Outcome], None], /, *, online: bool) -> None:
        """See Finder."""


class SearchPanel(ModalScreen[Hit | None]):
    """Asks for a query and shows what it finds; its result is the hit that was chosen, None for none.

    `online` is whether the server is reached; hits of other rooms than `room` tell theirs.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close"),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move(-5)", "Up", show=False),
        Binding("pagedown", "move(5)", "Down", show=False),
    ]

    def __init__(self, search: Search, *, room: str, online: Callable[[], bool], text: str = "") -> None:
        super().__init__()
        self._search = search
        self._room = room
        self._online = online
        self._text = text
        self._hits: list[Hit] = []
        self._shown = ""
        self._timer: Timer | None = None
        self._query = Latest(self.run_worker)
        self._reading = Latest(self.run_worker)

    def compose(self) -> ComposeResult:
        """The query, a sentence, and what was found."""
        with Vertical(id="search"):
            yield Input(
                self._text, placeholder=PROMPT, max_length=MAX_QUERY, select_on_focus=False, id="query"
            )
            yield Static(ASK, markup=False, id="found")
            yield OptionList(id="hits", markup=False)

    def on_mount(self) -> None:
        """Bring the index up to date, and search already."""
        self._options.can_focus = False
        self.query_one(Input).focus()
        self._reading.run(self._update)

    def on_unmount(self) -> None:
        """Search no more."""
        self._query.stop()
        self._reading.stop()

    @property
    def _options(self) -> OptionList:
        return self.query_one(OptionList)

    # What is searched

    async def _update(self) -> None:
        try:
            await self._search.update(self._tell_reading)
        except SyncchatError as error:
            self._say(str(error), error=True)
        else:
            self._find()

    def _tell_reading(self, pages: int) -> None:
        if not self.query_one(Input).value.strip():
            self._say(f"reading {pages} pages…")

    def on_input_changed(self) -> None:
        """Search when the user pauses."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(TYPING, self._find)

    def _find(self) -> None:
        text = self.query_one(Input).value
        if text.strip():
            self._query.run(lambda: self._look_for(text))
        else:
            self._query.stop()
            self._show(text, Outcome([], ASK))

    async def _look_for(self, text: str) -> None:
        try:
            await self._search.search(text, lambda outcome: self._show(text, outcome), online=self._online())
        except BadQuery as error:
            self._show(text, Outcome([], str(error)), error=True)

    # What is shown

    def _show(self, text: str, outcome: Outcome, *, error: bool = False) -> None:
        chosen = self._chosen
        same = text == self._shown and outcome.hits == self._hits
        self._shown, self._hits = text, outcome.hits
        self._say(outcome.notice, error=error)
        if same:
            return
        options = self._options
        options.clear_options()
        options.add_options([Option(entry(hit, self._room)) for hit in self._hits])
        if self._hits:
            options.highlighted = self._hits.index(chosen) if chosen in self._hits else 0

    def _say(self, notice: str, *, error: bool = False) -> None:
        found = self.query_one("#found", Static)
        found.set_class(error, "-error")
        found.update(plain(notice.replace("\n", " ")))

    @property
    def _chosen(self) -> Hit | None:
        at = self._options.highlighted
        return self._hits[at] if at is not None and at < len(self._hits) else None

    # What the user does

    def action_move(self, step: int) -> None:
        """Choose another hit; up is negative."""
        if self._hits:
            at = (self._options.highlighted or 0) + step
            self._options.highlighted = min(max(at, 0), len(self._hits) - 1)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the hit that is chosen, if it is one of what is asked for now."""
        if event.value != self._shown:
            self._find()
        elif self._chosen is not None:
            self.dismiss(self._chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the hit that was clicked."""
        if event.option_index < len(self._hits):
            self.dismiss(self._hits[event.option_index])


def entry(hit: Hit, room: str) -> Content:
    """A hit as the list shows it: who, when, where, and what."""
    head = [
        Content.styled(plain(hit.user), f"bold {author_color(hit.user)}"),
        Content.styled(f"  {clock(hit.time, '%Y-%m-%d %H:%M')}", "$text-muted"),
    ]
    if hit.room != room:
        head.append(Content.styled(f"  #{plain(hit.room)}", "$text-warning"))
    return Content.assemble(*head, "\n", *_excerpt(hit))


def _excerpt(hit: Hit) -> Iterator[Content]:
    text = hit.snippet.replace("\n", " ")
    first = hit.marks[0][0] if hit.marks else 0
    at = max(0, first - BEFORE) if len(text) > MAX_SHOWN else 0
    end = at + MAX_SHOWN
    yield Content("…" if at else "")
    for begin, until in hit.marks:
        if at <= begin < until <= end:
            yield Content(plain(text[at:begin]))
            yield Content.styled(plain(text[begin:until]), "bold $text-success")
            at = until
    yield Content(plain(text[at:end]))
    yield Content("…" if end < len(text) else "")

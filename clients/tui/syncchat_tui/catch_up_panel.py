"""The panel that tells what one has missed, in points that lead to their messages."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from syncchat.errors import SyncchatError
from syncchat_tui.catching_up import CatchesUp, Left, Missed, Point, notice
from syncchat_tui.latest import Latest
from syncchat_tui.plain import plain
from syncchat_tui.transcript import author_color

ASKING = "reading what you have missed… (Esc: close)"
HOW = "Enter leads to the message, Esc closes"


class CatchUpPanel(ModalScreen[str | None]):
    """Shows what happened in `room` since its user has `left`, or has read there.

    Its result is the id of a message of the chosen point, None for none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close")]

    def __init__(self, catching_up: CatchesUp, room: str, left: Left | None) -> None:
        super().__init__()
        self._catching_up = catching_up
        self._room = room
        self._left = left
        self._points: list[Point] = []
        self._asking = Latest(self.run_worker)

    def compose(self) -> ComposeResult:
        """A sentence, and the points."""
        with Vertical(id="missed"):
            yield Static(ASKING, markup=False, id="about")
            yield OptionList(id="points", markup=False)

    def on_mount(self) -> None:
        """Ask."""
        self._asking.run(self._ask)

    def on_unmount(self) -> None:
        """Ask no more."""
        self._asking.stop()

    async def _ask(self) -> None:
        try:
            self._show(await self._catching_up.ask(self._room, self._left))
        except SyncchatError as error:
            self._say(str(error))

    def _show(self, missed: Missed) -> None:
        self._points = missed.points
        options = self.query_one(OptionList)
        options.add_options([Option(entry(point)) for point in missed.points])
        self._say(f"{notice(missed)}; {HOW}" if missed.points else notice(missed))
        options.focus()
        if missed.points:
            options.highlighted = 0

    def _say(self, sentence: str) -> None:
        self.query_one("#about", Static).update(plain(sentence.replace("\n", " ")))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the first message of the point."""
        if event.option_index < len(self._points):
            self.dismiss(next(iter(self._points[event.option_index].messages), None))


def entry(point: Point) -> Content:
    """A point as the list shows it: who, and what."""
    names = [Content.styled(plain(user), f"bold {author_color(user)}") for user in point.users]
    text = " ".join(point.text.split())
    return Content.assemble(Content(", ").join(names), ": " if names else "", plain(text))

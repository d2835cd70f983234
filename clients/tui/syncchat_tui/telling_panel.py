"""The panel that shows what agents tell of their books, as their answers come in."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from syncchat.core.asking import Asked
from syncchat.core.presence import Subscription
from syncchat.core.room import Room
from syncchat_tui.because_lines import because_lines, spent_lines

MAX_TOLD: Final = 8
"""Agents whose answers are shown."""

ASKING = "Asked; the agents' answers come here…"
NOBODY = "No agent is here: one that comes will answer."
OFFLINE = "The server is not reached: agents hear of it, and answer, when it is."


class Telling(ModalScreen[None]):
    """Shows the answers with the verb `verb` that `is_it`, each in lines by `lines`; Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "Close")]

    def __init__(
        self,
        room: Room,
        title: str,
        verb: str,
        is_it: Callable[[Asked], bool],
        lines: Callable[[str, Any], list[str]],
        waiting: str,
    ) -> None:
        super().__init__()
        self._room = room
        self._title = title
        self._verb = verb
        self._is_it = is_it
        self._lines = lines
        self._waiting = waiting
        self._told: dict[str, Asked] = {}

    def compose(self) -> ComposeResult:
        """One text in a frame that scrolls."""
        with VerticalScroll(id="telling"):
            yield Static(id="told")

    def on_mount(self) -> None:
        """Show what is there, and listen."""
        self._subscription: Subscription = self._room.listen_asked(self._hear)
        self._take_in(list(self._room.asked(self._verb)))

    def on_unmount(self) -> None:
        """Listen no more."""
        self._subscription.cancel()

    def _hear(self, news: list[Asked]) -> None:
        # Called from the peer's tasks, where the app's context is missing.
        self.call_later(self._take_in, news)

    def _take_in(self, news: Sequence[Asked]) -> None:
        for asked in news:
            known = asked.user in self._told or len(self._told) < MAX_TOLD
            if asked.verb == self._verb and known and self._is_it(asked):
                self._told[asked.user] = asked
        self.query_one("#told", Static).update(self._content())

    def _content(self) -> Content:
        lines = [Content.styled(self._title, "bold $primary"), Content("")]
        for user, asked in sorted(self._told.items()):
            head, *rest = self._lines(user, asked.value)
            lines += [Content.styled(head, "bold"), *map(Content, rest), Content("")]
        if not self._told:
            lines.append(Content.styled(self._waiting, "$text-muted"))
        return Content("\n").join(lines)


def why_panel(room: Room, id: str, named: str, waiting: str) -> Telling:
    """Why the agents did what they did about a message."""
    return Telling(room, f"Why? {named}", "because", lambda asked: asked.what == id, because_lines, waiting)


def usage_panel(room: Room, question: str, waiting: str) -> Telling:
    """What the agents have spent, as they answer the question."""

    def is_it(asked: Asked) -> bool:
        return isinstance(asked.value, dict) and asked.value.get("re") == question

    return Telling(room, "What the agents have spent", "spent", is_it, spent_lines, waiting)

"""The panel that shows the tools an agent wants to use, whole, and asks whether it may."""

import json
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from syncchat.core.answer import MAX_CALL_NAME, Call
from syncchat_tui.answer_lines import one_line
from syncchat_tui.plain import plain


class Approval(ModalScreen[str | None]):
    """Shows `calls`, with all that each is given; its result is `approve`, `deny`, or None for neither.

    What is allowed are those calls and no later ones: nobody agrees to what was not on the screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f9", "dismiss('approve')", "Allow"),
        Binding("d", "dismiss('deny')", "Deny"),
        Binding("escape", "dismiss", "Later"),
    ]

    def __init__(self, user: str, calls: Sequence[Call]) -> None:
        super().__init__()
        self._user = user
        self._calls = calls

    def compose(self) -> ComposeResult:
        """One text in a frame that scrolls, and the keys."""
        with VerticalScroll(id="approval"):
            yield Static(Content("\n").join(_content(self._user, self._calls)))
        yield Footer()


def _content(user: str, calls: Sequence[Call]) -> Iterator[Content]:
    yield Content.styled(f"May {plain(user)} do this?  F9: allow, D: deny, Esc: later", "bold $primary")
    for call in calls:
        yield Content("")
        yield Content.styled(one_line(str(call["name"]), MAX_CALL_NAME), "bold")
        given = json.dumps(call["args"], ensure_ascii=False, indent=2)
        yield from (Content(f"  {plain(line)}") for line in given.split("\n"))

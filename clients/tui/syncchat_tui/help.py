"""The page that F1 shows: the keys, the commands and the marks."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from syncchat_tui.commands import COMMANDS
from syncchat_tui.wrap import AGENT_MARK, EARLIER_MARK, LATE_MARK, LIVE_MARK, PENDING_MARK

SECTIONS = {
    "Keys": {
        "Enter": "send",
        "Ctrl+J": "start a new line",
        "PageUp, PageDown": "scroll; older messages come by themselves",
        "Home, End": "go to the start of what is loaded, to the newest",
        "Esc": "to the newest, and all is read",
        "F5": "go to what came late, or is new, above",
        "Ctrl+F": "search: Up, Down and Enter lead to a message",
        "Ctrl+R": "the rooms, and what is unread in them",
        "Ctrl+Up, Ctrl+Down": "select a message; Esc selects none",
        "F8": "delete it: your own, a moderator anybody's",
        "F6": "stop an agent's answer, or ask for it again",
        "F7": "an agent that waits answers now",
        "F9": "look at the tools an agent wants to use",
        "Ctrl+G": "go to what an answer cites, and to its earlier version",
        "Shift + mouse": "select text to copy",
        "F2": "go offline, or online again",
        "F3": "take back what was refused (it is copied, too)",
        "F4": "dismiss what was refused",
        "F1": "this page",
        "Ctrl+Q": "leave",
    },
    "Commands": {**COMMANDS, "//text": "post /text as it is"},
    "Marks": {
        PENDING_MARK: "kept here, not yet on the server",
        LIVE_MARK: "being written at this moment",
        AGENT_MARK: "an agent, not a person",
        LATE_MARK: "written offline, and arrived later",
        EARLIER_MARK: "there is a newer answer to the same",
    },
}

OFFLINE = "Offline everything works: what you write is kept, and goes out when the server is reached."


def help_text() -> Content:
    """What the page says."""
    lines = []
    for title, entries in SECTIONS.items():
        lines.append(Content.styled(title, "bold $primary"))
        lines.extend(Content.assemble((f"  {key:<20}", "$text"), meaning) for key, meaning in entries.items())
        lines.append(Content(""))
    return Content("\n").join([*lines, Content.styled(OFFLINE, "$text-muted")])


class Help(ModalScreen[None]):
    """The help page; Esc, F1 or Enter closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter,q", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """One text in a frame that scrolls on a small screen."""
        with VerticalScroll(id="help"):
            yield Static(help_text())

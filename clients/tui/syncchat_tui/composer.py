"""Where a message is written, and what the written text asks for: a post or a command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from syncchat_tui.commands import COMMANDS, WITH_WORDS

WRITE, READ_ONLY = "Write a message", "You may read in this room, and not write"
NEW_LINE = ("shift+enter", "alt+enter", "ctrl+j")


@dataclass(frozen=True, slots=True)
class Post:
    """A text to post."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """One of COMMANDS, and what stands behind it."""

    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Nothing that can be done; `notice` says why."""

    notice: str


def parse(written: str) -> Post | Command | Mistake | None:
    """What a written text asks for: None for a blank one; `//` at its head stands for a posted `/`."""
    text = written.strip()
    if not text:
        return None
    if text.startswith("//"):
        return Post(text[1:])
    if not text.startswith("/"):
        return Post(text)
    word, _, rest = text.partition(" ")
    if word in COMMANDS and (word in WITH_WORDS or not rest.strip()):
        return Command(word, rest.strip())
    if word in COMMANDS:
        return Mistake(f"{word} stands alone: nothing may follow it.")
    return Mistake(f"There is no command {word[:40]}: F1 tells them. To post it, write //{word[1:40]}.")


class Composer(TextArea):
    """A text of several lines: Enter sends it, Shift+Enter or Ctrl+J starts a new line.

    `send` is given the text; it returns whether it took it, and what it did not take stays.
    """

    # Enter is for the footer: `_on_key` does it. The others are here as a text area has keys of its own.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send"),
        Binding("f6", "app.agent('stop')", "Stop"),
        Binding("f6", "app.agent('again')", "Again"),
        Binding("f7", "app.agent('now')", "Now"),
        Binding("f9", "app.agent('allow')", "Allow"),
        Binding("ctrl+g", "app.agent('cited')", "Cited"),
        Binding("ctrl+f", "app.search", "Search"),
        Binding("ctrl+r", "app.rooms", "Rooms"),
    ]

    @dataclass
    class Writing(Message):
        """The user began to write, or took everything back."""

        writing: bool

    @dataclass
    class Page(Message):
        """The user wants to scroll the conversation by so many pages; up is negative."""

        pages: int

    @dataclass
    class Past(Message):
        """The user pressed End at the end of a line, or, with a negative `step`, Home at its start."""

        step: int

    def __init__(self, send: Callable[[str], bool], *, id: str | None = None) -> None:
        super().__init__(id=id, soft_wrap=True, tab_behavior="focus", placeholder=WRITE)
        self._send = send
        self._writing = False

    def allow(self, may_write: bool) -> None:
        """Take a text only from who may write; what is written already stays."""
        self.read_only = not may_write
        self.placeholder = WRITE if may_write else READ_ONLY

    def load(self, text: str) -> None:
        """Go on with a text that was begun before."""
        self.text = text
        self.move_cursor(self.document.end)

    def action_send(self) -> None:
        """Hand the text over, and begin a new one if it was taken."""
        if not self.read_only and self._send(self.text):
            self.clear()

    async def _on_key(self, event: events.Key) -> None:
        # Not by bindings: those would overtake, or be overtaken by, characters typed right before and after.
        if event.key == "enter":
            self.action_send()
        elif event.key in NEW_LINE and not self.read_only:
            self.insert("\n")
        else:
            return  # Textual goes on to the same method of the base class
        event.stop()
        event.prevent_default()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell when writing begins and ends."""
        event.stop()
        writing = bool(self.text.strip())
        if writing != self._writing:
            self._writing = writing
            self.post_message(self.Writing(writing))

    def action_cursor_page_up(self) -> None:
        """Pages are the conversation's: a message being written is seldom longer than one."""
        self.post_message(self.Page(-1))

    def action_cursor_page_down(self) -> None:
        """See `action_cursor_page_up`."""
        self.post_message(self.Page(1))

    def action_cursor_line_end(self, select: bool = False) -> None:
        """Go to the end of the line, and from there to the end of the conversation."""
        if self.cursor_at_end_of_line and not select:
            self.post_message(self.Past(1))
        else:
            super().action_cursor_line_end(select)

    def action_cursor_line_start(self, select: bool = False) -> None:
        """Go to the start of the line, and from there to the start of what is loaded."""
        if self.cursor_at_start_of_line and not select:
            self.post_message(self.Past(-1))
        else:
            super().action_cursor_line_start(select)

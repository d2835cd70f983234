"""The conversation on the screen: a ScrollView that draws the visible lines, and wraps only what changed."""

import zlib
from dataclasses import dataclass
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message as Event
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from syncchat.core.deltas import Delta
from syncchat.core.message import Message
from syncchat.paged_room import PagedRoom
from syncchat_tui.blocks import Blocks
from syncchat_tui.unseen import Unseen
from syncchat_tui.wrap import Line, Part

AUTHOR_COLORS = (
    "#7aa2f7", "#9ece6a", "#e0c268", "#f7768e", "#bb9af7", "#7dcfff", "#ff9e64",
    "#73daca", "#f5a9d0", "#c9d05c", "#5fb3a1", "#d98c8c", "#8fb8de",
)  # fmt: skip

STYLES = {
    Part.TEXT: Style(),
    Part.TIME: Style(color="#6b7089"),
    Part.DIM: Style(color="#7d829c", italic=True),
    Part.PENDING: Style(color="#e0af68"),
    Part.LIVE: Style(color="#73daca"),
    Part.NEW: Style(color="#f7768e"),
}

SELECTED = Style(bgcolor="#2b3350")

EMPTY = "Nothing here yet. Write the first message below."

LEAD = 1
"""Lines before the first message: there stands what is before it."""


def author_color(user: str) -> str:
    """The colour of a user's name: the same everywhere and always."""
    return AUTHOR_COLORS[zlib.crc32(user.encode()) % len(AUTHOR_COLORS)]


class Transcript(ScrollView):
    """Shows what a room has loaded; follows its end while it is in view, and stays where it is otherwise.

    `unseen` is the number of messages that came below the screen since the end was left; `lead` what
    stands before the first message.
    """

    unseen: reactive[int] = reactive(0)
    lead: reactive[str] = reactive("")

    @dataclass
    class Edge(Event):
        """The user goes to where what is loaded ends: to its start if `step` is negative."""

        step: int

    class Moved(Event):
        """Something else is on the screen now."""

    def __init__(self, room: PagedRoom, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.blocks = Blocks(room.is_late)
        self.turning = False
        """Whether what comes is another page, and no news."""
        self._room = room
        self._timeline = room.timeline
        self._heard: list[Delta] = []
        self._unseen = Unseen()
        # The message at the top of the screen and how many of its lines are above; None follows the end.
        self._anchor: tuple[str, int] | None = None
        self._placing = False
        self._sized = False
        self._base = Style()
        self._selected: str | None = None

    def on_mount(self) -> None:
        """Hear of what changes; what there is waits for the first Resize, which tells the width."""
        self._subscription = self._timeline.listen(self._hear)

    def on_unmount(self) -> None:
        """Hear no more."""
        self._subscription.cancel()

    # What changes

    def _hear(self, deltas: list[Delta]) -> None:
        # Called from the peer's tasks: what needs the app's context waits for the widget's own turn.
        if not self._heard:
            self.call_later(self._take_in)
        self._heard.extend(deltas)
        if self._anchor is not None:
            self._unseen.hear(deltas, below=self._anchor[0], turning=self.turning)

    def _take_in(self) -> None:
        deltas, self._heard = self._heard, []
        if not self._sized:
            return
        self._place(self.blocks.apply(deltas, self._timeline.get))

    def on_resize(self, event: events.Resize) -> None:
        """Wrap everything to the new width."""
        if self._sized:
            self.blocks.rewrap(self._columns)
        else:
            self._sized = True
            self._heard.clear()  # the timeline as it is now has it all
            self.blocks.reset(self._timeline[:], self._columns)
        self._place()

    def divide(self, read: str | None) -> None:
        """Draw a line behind the message `read`: what follows is new."""
        if self.blocks.divide(read) and self._sized:
            self._place()

    @property
    def read(self) -> str | None:
        """The id behind which the line is drawn, whether it is loaded or not."""
        return self.blocks.read

    @property
    def _columns(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _rows(self) -> int:
        return self.scrollable_content_region.height

    # Where the screen stands

    @property
    def following(self) -> bool:
        """Whether the end is in view, and stays there."""
        return self._anchor is None

    @property
    def is_full(self) -> bool:
        """Whether what is loaded fills the screen; also as long as nobody knows its size."""
        return not self._sized or LEAD + self.blocks.height >= self._rows

    @property
    def new_above(self) -> bool:
        """Whether the line where the new messages begin is above the screen."""
        divided = self.blocks.divided_at
        return divided is not None and self._top(divided) < self.scroll_offset.y

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._anchor = None
        self._place()

    def stay(self) -> None:
        """Stay with what is in view, also if that is the end."""
        if self._anchor is None:
            self._note_place()

    def scroll_pages(self, pages: int) -> None:
        """Scroll by so many screens, up if negative; one line of the last stays in view."""
        self._go(self.scroll_offset.y + pages * max(self._rows - 1, 1))
        self.seek(pages)

    def go_to_start(self) -> None:
        """Go to the start of what is loaded."""
        self._go(0)
        self.seek(-1)

    def go_to_new(self) -> bool:
        """Go to where the new messages begin; False if that is not loaded."""
        self._take_in()  # it may have come just now
        divided = self.blocks.divided_at
        if divided is not None:
            self._go(self._top(divided) - 1)
        return divided is not None

    def go_to(self, id: str) -> None:
        """Select a message, and have it in view."""
        self._take_in()  # it may have come just now
        index = self.blocks.index(id)
        self._selected = id
        self._go(self._top(index) - self._rows // 3)
        self.refresh()

    def _go(self, line: int) -> None:
        self.scroll_to(y=line, animate=False, force=True)
        self._note_place()

    def _top(self, index: int) -> int:
        return LEAD + self.blocks.top(index)

    # Which message something is done to

    @property
    def selected(self) -> str | None:
        """The id of the message that was selected, while it is there."""
        return self._selected if self._selected in self.blocks else None

    def select(self, step: int) -> None:
        """Select the next message, or with -1 the one before; past the newest, none."""
        count = len(self.blocks)
        at = (count if self.selected is None else self.blocks.index(self.selected)) + step
        if 0 <= at < count:
            self._selected, first = self.blocks.id(at), self._top(at)
            below = self._top(at + 1) - self._rows
            if not below <= self.scroll_offset.y <= first:
                self._go(min(first, max(below, 0)) if step < 0 else below)
        elif at >= count:
            self._selected = None
        self.seek(step)
        self.refresh()

    def unselect(self) -> None:
        """Select none."""
        self._selected = None
        self.refresh()

    def _place(self, changed: int = 0) -> None:
        """Bring the scrolled place in line with the blocks, whose lines before `changed` are as they were."""
        self._placing, before = True, self.scroll_offset
        height = LEAD + self.blocks.height
        # Set without its watchers: they would lay out the whole screen again for each new line.
        self.set_reactive(Transcript.virtual_size, Size(self._columns, height))
        self.vertical_scrollbar.window_virtual_size = height
        if self._anchor is None:
            self._unseen.all_seen(self.blocks.last)
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        else:
            message_id, offset = self._anchor
            self.scroll_to(y=self._top(self.blocks.index(message_id)) + offset, animate=False, force=True)
        self._placing = False
        self._show_place(LEAD + changed if changed and self.scroll_offset == before else 0)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Note where the user went."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing:
            self._note_place()
            self.seek(-1 if new_value < old_value else 1)

    def on_mouse_scroll_up(self) -> None:
        """The wheel, also where there is nothing left to scroll."""
        self.seek(-1)

    def on_mouse_scroll_down(self) -> None:
        """See `on_mouse_scroll_up`."""
        self.seek(1)

    def _note_place(self) -> None:
        line = self.scroll_offset.y
        if line >= self.max_scroll_y and self._room.is_recent:
            self._anchor = None
            self._unseen.all_seen(self.blocks.last)
        elif len(self.blocks):
            id, offset = self.blocks.find(max(line - LEAD, 0))
            self._anchor = (id, offset if line >= LEAD else line - LEAD)
        self._show_place()

    def _show_place(self, changed: int = 0) -> None:
        self.unseen = self._unseen.count
        first = max(changed, self.scroll_offset.y)
        self.refresh_lines(first, self.scroll_offset.y + self.size.height - first)
        self.post_message(self.Moved())

    def seek(self, step: int) -> None:
        """The user goes there: tell if what is loaded ends less than a screen further."""
        left = self.scroll_offset.y if step < 0 else self.max_scroll_y - self.scroll_offset.y
        if self._sized and left < self._rows:
            self.post_message(self.Edge(step))

    # What is drawn

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines of the screen."""
        self._base = self.rich_style  # costs more than a line does, and is the same for all
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        width, line = self._columns, y + self.scroll_offset.y - LEAD
        if 0 <= line < self.blocks.height:
            message, spans = self.blocks.line(line)
            chosen = message.id == self._selected
            return _strip(message, spans, width, self._base + SELECTED if chosen else self._base)
        text = self.lead if line < 0 else ""
        if not len(self._timeline) and y == self.size.height // 2:
            text = EMPTY
        return Strip([Segment(_centred(text, width), self._base + STYLES[Part.DIM])], width)


def _centred(text: str, width: int) -> str:
    """Of text without wide characters, what fits."""
    return (text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"[:width]).center(width)


def _strip(message: Message, line: Line, width: int, base: Style) -> Strip:
    segments = [Segment(text, base + _style(part, message)) for text, part in line]
    used = Segment.get_line_length(segments)
    if used > width:
        return Strip(segments, used).crop(0, width)
    return Strip([*segments, Segment(" " * (width - used), base)], width)


def _style(part: Part, message: Message) -> Style:
    return _author_style(message.user) if part is Part.AUTHOR else STYLES[part]


@lru_cache(1024)
def _author_style(user: str) -> Style:
    return Style(color=author_color(user), bold=True)

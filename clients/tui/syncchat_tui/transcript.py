"""The conversation on the screen: a ScrollView that draws the visible lines, and wraps only what changed."""

import zlib
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from syncchat.core.deltas import Added, Delta
from syncchat.core.message import Message
from syncchat.core.timeline import Timeline
from syncchat_tui.blocks import Blocks
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
}

SELECTED = Style(bgcolor="#2b3350")

EMPTY = "Nothing here yet. Write the first message below."


def author_color(user: str) -> str:
    """The colour of a user's name: the same everywhere and always."""
    return AUTHOR_COLORS[zlib.crc32(user.encode()) % len(AUTHOR_COLORS)]


class Transcript(ScrollView):
    """Shows a timeline; follows its end while it is in view, and stays where it is otherwise.

    `unseen` is the number of messages that came below the screen since the end was left.
    """

    unseen: reactive[int] = reactive(0)

    def __init__(self, timeline: Timeline, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.blocks = Blocks()
        self._timeline = timeline
        self._heard: list[Delta] = []
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

    def _take_in(self) -> None:
        deltas, self._heard = self._heard, []
        if not self._sized:
            return
        self.blocks.apply(deltas, self._timeline.get)
        if self._anchor is not None:
            below = self.blocks.index(self._anchor[0])
            self.unseen += sum(isinstance(delta, Added) and delta.index > below for delta in deltas)
        self._place()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap everything to the new width."""
        if self._sized:
            self.blocks.rewrap(self._columns)
        else:
            self._sized = True
            self._heard.clear()  # the timeline as it is now has it all
            self.blocks.reset(self._timeline[:], self._columns)
        self._place()

    @property
    def _columns(self) -> int:
        return self.scrollable_content_region.width

    # Where the screen stands

    @property
    def following(self) -> bool:
        """Whether the end is in view, and stays there."""
        return self._anchor is None

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._anchor = None
        self._place()

    def scroll_pages(self, pages: int) -> None:
        """Scroll by so many screens, up if negative; one line of the last stays in view."""
        step = max(self.scrollable_content_region.height - 1, 1)
        self.scroll_to(y=self.scroll_offset.y + pages * step, animate=False, force=True)

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
            self._selected, first = self.blocks.id(at), self.blocks.top(at)
            below = self.blocks.top(at + 1) - self.scrollable_content_region.height
            if not below <= self.scroll_offset.y <= first:
                self.scroll_to(y=min(first, max(below, 0)) if step < 0 else below, animate=False, force=True)
        elif at >= count:
            self._selected = None
        self.refresh()

    def unselect(self) -> None:
        """Select none."""
        self._selected = None
        self.refresh()

    def _place(self) -> None:
        """Bring the scrolled place in line with the blocks."""
        self._placing = True
        # Set without its watchers: they would lay out the whole screen again for each new line.
        self.set_reactive(Transcript.virtual_size, Size(self._columns, self.blocks.height))
        self.vertical_scrollbar.window_virtual_size = self.blocks.height
        if self._anchor is None:
            self.unseen = 0
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        else:
            message_id, offset = self._anchor
            top = self.blocks.top(self.blocks.index(message_id))
            self.scroll_to(y=top + offset, animate=False, force=True)
        self._placing = False
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Note where the user went."""
        super().watch_scroll_y(old_value, new_value)
        if self._placing:
            return
        if self.scroll_offset.y >= self.max_scroll_y:
            self._anchor = None
            self.unseen = 0
        elif len(self.blocks):
            self._anchor = self.blocks.find(self.scroll_offset.y)

    # What is drawn

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines of the screen."""
        self._base = self.rich_style  # costs more than a line does, and is the same for all
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        width, line = self._columns, y + self.scroll_offset.y
        if line < self.blocks.height:
            message, spans = self.blocks.line(line)
            chosen = message.id == self._selected
            return _strip(message, spans, width, self._base + SELECTED if chosen else self._base)
        empty = not len(self._timeline) and y == self.size.height // 2
        text = EMPTY[:width].center(width) if empty else " " * width
        return Strip([Segment(text, self._base + STYLES[Part.DIM])], width)


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

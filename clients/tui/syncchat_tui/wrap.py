"""Turns a message into lines of a given width; pure, and a growing text is not wrapped from its start."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from syncchat.core.ids import author_of
from syncchat.core.message import Message
from syncchat.errors import InvalidName
from syncchat_tui.answer_lines import ending, lines_of
from syncchat_tui.plain import plain

SIDE_BY_SIDE = 50
"""Below this many cells the author gets a line of its own, and the text the whole width."""

NAME_CELLS = 10
MIN_TEXT = 8
LIVE_MARK = "▍"
PENDING_MARK = "◌"
AGENT_MARK = "✦"
LATE_MARK = "(late)"
VERSION_MARK = "(another version)"
EARLIER_MARK = "(earlier version)"

# Scripts without spaces may be broken between any two characters.
_UNSPACED = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_TOKEN = re.compile(f"[{_UNSPACED}]| +|[^ {_UNSPACED}]+")


class Part(Enum):
    """What a span of a line is, from which its style follows."""

    TEXT = auto()
    TIME = auto()
    AUTHOR = auto()
    DIM = auto()
    PENDING = auto()
    LIVE = auto()
    NEW = auto()


class Span(NamedTuple):
    """A stretch of a line; `text` is harmless for a terminal."""

    text: str
    part: Part


Line = tuple[Span, ...]


def wrap_line(line: str, width: int) -> list[str]:
    """Break one line of plain text at spaces into lines of at most `width` cells; never none at all."""
    measure = len if line.isascii() else cell_len
    if measure(line) <= width:
        return [line]
    lines, current, used = [], "", 0
    for token in _TOKEN.findall(line):
        cells = measure(token)
        if used + cells <= width:
            current, used = current + token, used + cells
            continue
        if current.strip():
            lines.append(current.rstrip())
        if token.startswith(" "):
            current, used = "", 0
            continue
        *full, current = chop_cells(token, width)
        lines.extend(full)
        used = measure(current)
    return [*lines, current.rstrip()] if current.strip() or not lines else lines


class Body:
    """A text wrapped to `width` cells that can grow: its finished lines are never wrapped again."""

    def __init__(self, text: str, width: int) -> None:
        self._width = width
        self._frozen: list[str] = []
        self._tail: list[str] = []
        self._rest = ""
        self.grow(text)

    def grow(self, appended: str) -> None:
        """Take in what was added to the text; the cost is that of the last line of it."""
        *finished, self._rest = (self._rest + appended).split("\n")
        for line in finished:
            self._frozen.extend(self._wrap(line))
        self._tail = self._wrap(self._rest)

    def _wrap(self, line: str) -> list[str]:
        return wrap_line(plain(line.removesuffix("\r")), self._width)

    def __len__(self) -> int:
        return len(self._frozen) + len(self._tail)

    def __getitem__(self, index: int) -> str:
        frozen = len(self._frozen)
        return self._frozen[index] if index < frozen else self._tail[index - frozen]


@dataclass(slots=True)
class Block:
    """A message as lines for a screen of `width` cells; `line(0)` to `line(height - 1)`."""

    message: Message
    width: int
    body: Body
    indent: int
    head: Line
    own_head_line: bool
    trailer: Line
    below: list[Line]
    replaced: bool = False

    @property
    def height(self) -> int:
        """The number of lines."""
        return self.own_head_line + len(self.body) + (not self._trailer_fits) + len(self.below)

    @property
    def _trailer_fits(self) -> bool:
        if not self.trailer:
            return True
        last = cell_len(self.body[len(self.body) - 1])
        return self.indent + last + _cells(self.trailer) <= self.width

    def line(self, index: int) -> Line:
        """The line with this number, counted from 0; it has at most `width` cells."""
        index -= self.own_head_line
        if index < 0:
            return self.head
        margin = Span(" " * self.indent, Part.DIM)
        after = index - len(self.body)
        if after < 0:
            start = self.head if index == 0 and not self.own_head_line else (margin,)
            end = self.trailer if after == -1 and self._trailer_fits else ()
            text = Part.DIM if self.message.deleted or self.replaced else Part.TEXT
            return (*start, Span(self.body[index], text), *end)
        if not self._trailer_fits and after == 0:
            first, *rest = self.trailer
            return (margin, Span(first.text.lstrip(), first.part), *rest)
        return (margin, *self.below[after - (not self._trailer_fits)])


def _cells(line: Line) -> int:
    return sum(cell_len(span.text) for span in line)


def wrap(
    message: Message,
    width: int,
    *,
    grown: tuple[Block, str] | None = None,
    late: bool = False,
    replaced: bool = False,
) -> Block:
    """Wrap a message for a screen of `width` cells; one that came `late`, or was `replaced`, says so.

    `grown` is the block of the message before a text was appended to it, and that text: its body, which
    is taken over, is not wrapped from the start again.
    """
    head = _head(message)
    inline = width >= SIDE_BY_SIDE and _cells(head) <= _column()
    indent = _column() if width >= SIDE_BY_SIDE else 2
    body_width = max(width - indent, MIN_TEXT)
    if grown is not None and grown[0].width == width and not message.deleted:
        body = grown[0].body
        body.grow(grown[1])
    else:
        body = Body(_gone(message) if message.deleted else message.text, body_width)
    if inline:
        head = (*head, Span(" " * (_column() - _cells(head)), Part.DIM))
    marks = [*_trailer(message, replaced=replaced), *([LATE_MARK] if late else [])]
    live = [Span(LIVE_MARK, Part.LIVE)] if message.streaming else []
    trailer = (*live, *(Span(f" {mark}", Part.DIM) for mark in marks))
    below = _below(message, body_width, replaced=replaced)
    return Block(message, width, body, indent, head, not inline, trailer, below, replaced)


def _column() -> int:
    return len("◌ 12:34 ") + NAME_CELLS + len(AGENT_MARK) + 2


def _head(message: Message) -> Line:
    mark = " " if message.durable or message.streaming else PENDING_MARK
    agent = f" {AGENT_MARK}" if message.agent else ""
    return (
        Span(f"{mark} ", Part.PENDING),
        Span(f"{clock(message.hlc)} ", Part.TIME),
        Span(plain(message.user), Part.AUTHOR),
        Span(agent, Part.DIM),
    )


def _gone(message: Message) -> str:
    return "deleted" if message.deleted_by is None else f"deleted by {message.deleted_by}"


def _trailer(message: Message, *, replaced: bool) -> Iterator[str]:
    if message.deleted:
        return
    if how := ending(message):
        yield how
    if message.edited:
        yield "(edited)"
    if message.of is not None:
        yield VERSION_MARK
    if replaced:
        yield EARLIER_MARK
    to = replied_to(message)
    if to is not None and to != message.user:
        yield f"(to {to})"


def _below(message: Message, width: int, *, replaced: bool) -> list[Line]:
    texts = [*lines_of(message, clock, replaced=replaced), *_reactions(message)]
    return [(Span(line, Part.DIM),) for text in texts for line in wrap_line(text, width)]


def _reactions(message: Message) -> Iterator[str]:
    if message.reactions and not message.deleted:
        shown = sorted(message.reactions.items(), key=lambda item: (-len(item[1]), item[0]))
        yield "  ".join(f"{plain(emoji[:12])} {len(users)}" for emoji, users in shown if users)


def replied_to(message: Message) -> str | None:
    """The author of the message that this one answers, if it is told."""
    try:
        return author_of(message.re) if message.re else None
    except InvalidName:
        return None


def clock(milliseconds: int, form: str = "%H:%M") -> str:
    """A time since 1970 in local time, as HH:MM of its day; `--:--` for one that no calendar has."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000).strftime(form)
    except (ValueError, OverflowError, OSError):
        return "--:--"

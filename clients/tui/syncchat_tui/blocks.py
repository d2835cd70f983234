"""The wrapped messages of a transcript and where each stands; pure, kept from the timeline's deltas."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from syncchat.core.deltas import Changed, Delta, apply_deltas
from syncchat.core.message import Message
from syncchat_tui.wrap import Block, Line, Part, Span, wrap

NEW = " new messages "


class _Growing(NamedTuple):
    """A message, its head, and how many of its lines stay as they are while its text grows."""

    id: str
    head: Line
    lines: int


class Blocks:
    """Messages in order as blocks of lines, all wrapped to one width.

    `wraps` counts the messages wrapped so far: a change of one message adds one. `is_late` says of an
    id whether its message is shown as one that came late.
    """

    def __init__(self, is_late: Callable[[str], bool] = lambda _: False) -> None:
        self.wraps = 0
        self._is_late = is_late
        self._ids: list[str] = []
        self._blocks: dict[str, Block] = {}
        self._versions: dict[str, set[str]] = {}
        # The first line of each block; only a prefix is known, the rest is summed up when asked for.
        self._tops: list[int] = [0]
        self._width = 0
        self.read: str | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: object) -> bool:
        return id in self._blocks

    def reset(self, messages: Iterable[Message], width: int) -> None:
        """Hold these messages, which are sorted by id, wrapped to `width` cells."""
        self._width = width
        held = list(messages)
        self._versions = {}
        for message in held:
            if message.of is not None:
                self._versions.setdefault(message.of, set()).add(message.id)
        self._blocks = {message.id: self._wrap(message) for message in held}
        self._ids = list(self._blocks)
        self._forget_tops(0)

    def rewrap(self, width: int) -> None:
        """Wrap all messages to another width; does nothing if it is the same."""
        if width != self._width:
            self.reset([self._blocks[id].message for id in self._ids], width)

    def apply(self, deltas: list[Delta], get: Callable[[str], Message | None]) -> int:
        """Follow what changed in a timeline; `get` gives a message as it is after all the deltas.

        Each message that they are about is wrapped once, and one that only grew not from its start.
        Returns the number of the first line that may look otherwise now.
        """
        apply_deltas(self._ids, deltas)
        for delta in deltas:
            self._forget_tops(delta.index)
        stale = _stale(deltas)
        for id in self._follow_versions(stale, get):
            stale.setdefault(id, None)
        growing = self._growing(stale)
        for id, appended in stale.items():
            message = get(id)
            if message is None:
                self._blocks.pop(id, None)
            else:
                self._blocks[id] = self._wrap(message, appended)
        if growing is not None and growing.id in self and self._blocks[growing.id].head == growing.head:
            return self.top(self.index(growing.id)) + growing.lines
        return 0

    def _growing(self, stale: dict[str, str | None]) -> _Growing | None:
        """The message that a text is appended to, if that is all that changes."""
        if len(stale) != 1 or None in stale.values():
            return None
        (id,) = stale
        block = self._blocks[id]
        return _Growing(id, block.head, block.own_head_line + len(block.body) - 1)

    def _follow_versions(self, ids: Iterable[str], get: Callable[[str], Message | None]) -> set[str]:
        """Note which messages replace earlier ones now; returns those that are to be shown otherwise."""
        changed: set[str] = set()
        for id in ids:
            before = self._blocks[id].message.of if id in self._blocks else None
            message = get(id)
            of = None if message is None else message.of
            if of == before:
                continue
            if before is not None:
                self._versions[before].discard(id)
            if of is not None:
                self._versions.setdefault(of, set()).add(id)
            changed.update(
                earlier for earlier in (before, of) if earlier is not None and earlier in self._blocks
            )
        return changed

    def _wrap(self, message: Message, appended: str | None = None) -> Block:
        self.wraps += 1
        grown = None if appended is None else (self._blocks[message.id], appended)
        replaced, late = bool(self._versions.get(message.id)), self._is_late(message.id)
        return wrap(message, self._width, grown=grown, late=late, replaced=replaced)

    # What is new

    def divide(self, read: str | None) -> bool:
        """Begin the first message behind the id `read` with a line that says so; for None no message.

        False if that is so already.
        """
        changed = read != self.read
        if changed:
            self.read = read
            self._forget_tops(0)
        return changed

    @property
    def divided_at(self) -> int | None:
        """Where the first message with that line stands; None if there is nothing before it, or not it."""
        if self.read is None:
            return None
        index = bisect_right(self._ids, self.read)
        return index if 0 < index < len(self._ids) else None

    # Where each stands

    @property
    def height(self) -> int:
        """The number of lines of all blocks."""
        return self.top(len(self._ids))

    def top(self, index: int) -> int:
        """The number of the first line of a block; of the line after the last one for `len(self)`."""
        divided = self.divided_at if len(self._tops) <= index else None
        while len(self._tops) <= index:
            last = len(self._tops) - 1
            self._tops.append(self._tops[last] + self._blocks[self._ids[last]].height + (last == divided))
        return self._tops[index]

    def find(self, line: int) -> tuple[str, int]:
        """The id of the message that a line belongs to, and the line's number in its block.

        Raises IndexError if there is no such line.
        """
        if not 0 <= line < self.height:
            raise IndexError(line)
        index = bisect_right(self._tops, line) - 1
        return self._ids[index], line - self._tops[index]

    def line(self, line: int) -> tuple[Message, Line]:
        """A line and the message that it belongs to; raises IndexError if there is none."""
        id, offset = self.find(line)
        block = self._blocks[id]
        divided = self.divided_at
        if divided is None or self._ids[divided] != id:
            return block.message, block.line(offset)
        if offset == 0:
            return block.message, (Span(NEW.center(self._width, "─")[: self._width], Part.NEW),)
        return block.message, block.line(offset - 1)

    def id(self, index: int) -> str:
        """The id of the message that stands there; raises IndexError."""
        return self._ids[index]

    @property
    def last(self) -> str:
        """The id of the last message; empty if there is none."""
        return self._ids[-1] if self._ids else ""

    def index(self, id: str) -> int:
        """Where a message stands, or would stand."""
        return bisect_left(self._ids, id)

    def _forget_tops(self, index: int) -> None:
        del self._tops[index + 1 :]


def _stale(deltas: Iterable[Delta]) -> dict[str, str | None]:
    """The messages to wrap again, each with what was appended to it, None if it changed otherwise."""
    stale: dict[str, str | None] = {}
    for delta in deltas:
        appended = delta.appended if isinstance(delta, Changed) else None
        before = stale.get(delta.row, "")
        stale[delta.row] = None if appended is None or before is None else before + appended
    return stale

"""The messages of a room in order, over all its pages, kept up to date change by change."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from syncchat.core.changes import Change
from syncchat.core.deltas import Added, Changed, Delta, Removed
from syncchat.core.ids import MessageId
from syncchat.core.listeners import Signal
from syncchat.core.message import Body, Message, may_replace, read_id
from syncchat.core.page import MESSAGES, REACTIONS, REQUESTS, STREAMS, Page
from syncchat.core.presence import Subscription


@dataclass(slots=True)
class _Line:
    """What a message is made from: its body, or the parts of its text so far."""

    parts_of_id: MessageId
    page: Page
    body: Body | None
    parts: list[str] = field(default_factory=list)
    message: Message | None = None

    def text(self) -> str:
        if self.body is not None:
            return self.body.text
        if len(self.parts) > 1:
            self.parts = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


class Timeline(Sequence[Message]):
    """A room's messages, sorted by id; those being streamed among them.

    It shows what transactions that are over have left. An id that is both finished and being
    streamed is shown as finished (H2, A3); a malformed one is left out. Reading costs nothing
    for messages that were read before and have not changed.
    """

    def __init__(self, *, durable: Callable[[Page, str], bool], see: Callable[[MessageId], None]) -> None:
        self._durable = durable
        self._see = see
        self._ids: list[str] = []
        self._lines: dict[str, _Line] = {}
        self._pages: list[Page] = []
        self._only: dict[Page, Collection[str] | None] = {}
        self._rows: dict[
            Page, set[str]
        ] = {}  # of shown pages: asking the CRDT library costs more than all else
        self._signal: Signal[list[Delta]] = Signal("listeners of a timeline failed")

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        if isinstance(index, slice):
            return [self._message(id) for id in self._ids[index]]
        return self._message(self._ids[index])

    def __iter__(self) -> Iterator[Message]:
        return iter(self[:])

    def __contains__(self, value: object) -> bool:
        return isinstance(value, Message) and self.get(value.id) == value

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """The position of a message, given by itself or by its id; raises ValueError if it is not there."""
        id = value.id if isinstance(value, Message) else value
        if id not in self._lines:
            raise ValueError(f"no message {str(id)[:60]!r}")
        position = self._position(id)
        if position not in range(len(self))[start:stop]:
            raise ValueError(f"message {id!r} is not between {start} and {stop}")
        return position

    def get(self, id: str) -> Message | None:
        """The message with this id; None if there is none."""
        return self._message(id) if id in self._lines else None

    def listen(self, callback: Callable[[list[Delta]], None]) -> Subscription:
        """Hear how the list changed, once per transaction; done in order, the deltas give the present.

        A token of a streamed message is one `Changed` with `appended` (T5).
        """
        return self._signal.listen(callback)

    def page_of(self, id: str) -> Page | None:
        """The page that a message is shown from."""
        line = self._lines.get(id)
        return None if line is None else line.page

    def span(self, pages: Collection[int]) -> tuple[str, str] | None:
        """The first and the last id that is shown from pages with these numbers; None if there is none."""
        first = next((id for id in self._ids if self._lines[id].page.number in pages), None)
        last = next((id for id in reversed(self._ids) if self._lines[id].page.number in pages), None)
        return None if first is None or last is None else (first, last)

    def show(self, page: Page, only: Collection[str] | None = None) -> None:
        """Show a page's messages, too, or `only` some of them; one that is shown can be shown otherwise."""
        if page in self._only and self._only[page] == only:
            return
        ids = page.ids()
        shown = {id for id in ids if page in self._only and self._shows(page, id)}
        if page not in self._only:
            self._pages.append(page)
            self._pages.sort(key=lambda page: page.number, reverse=True)
        self._only[page] = only
        self._rows[page] = ids
        turned = sorted(id for id in ids if self._shows(page, id) is not (id in shown))
        self._tell([delta for id in turned for delta in self._refresh(id)])

    def hide(self, page: Page) -> None:
        """Show a page's messages no longer; does nothing if it is not shown."""
        if page in self._only:
            del self._only[page], self._rows[page]
            self._pages.remove(page)
            shown = [id for id in reversed(self._ids) if self._lines[id].page is page]
            self._tell([delta for id in shown for delta in self._refresh(id)])

    def _shows(self, page: Page, id: str) -> bool:
        only = self._only[page]
        return only is None or id in only

    def apply(self, page: Page, changes: Iterable[Change]) -> None:
        """Take in what a transaction did to a page, and tell the listeners."""
        deltas: list[Delta] = []
        stale: dict[str, None] = {}
        restyled: dict[str, None] = {}
        for change in changes:
            if change.table == REACTIONS:
                reaction = page.note(change)
                if reaction is not None:
                    restyled[reaction.id] = None
            elif change.table == REQUESTS:
                drafted = page.note_draft(change.row)
                if drafted is not None:
                    restyled[drafted] = None
            elif change.table == STREAMS and change.appended is not None and self._grow(page, change):
                deltas.append(Changed(self._position(change.row), change.row, change.appended))
            elif change.table in (MESSAGES, STREAMS) and page in self._rows:
                stale[change.row] = None
        if stale:
            self._rows[page].update(stale)
        for id in stale:
            deltas += self._refresh(id)
        deltas += self._restyle(id for id in restyled if id not in stale)
        self._tell(deltas)

    def restyle(self, page: Page, ids: Iterable[str]) -> None:
        """Something about these messages changed that is not in their rows."""
        mine = [id for id in ids if self.page_of(id) is page]
        self._tell(list(self._restyle(mine)))

    def _tell(self, deltas: list[Delta]) -> None:
        if deltas:
            self._signal.tell(deltas)

    def _position(self, id: str) -> int:
        return bisect_left(self._ids, id)

    def _grow(self, page: Page, change: Change) -> bool:
        """Add a token to a line; False if the whole has to be read again."""
        line = self._lines.get(change.row)
        token = change.appended
        if token is None or line is None or line.page is not page or line.body is not None:
            return False
        line.parts.append(token)
        line.message = None
        return True

    def _restyle(self, ids: Iterable[str]) -> Iterator[Delta]:
        for id in ids:
            line = self._lines.get(id)
            if line is not None:
                line.message = None
                yield Changed(self._position(id), id)

    def _refresh(self, id: str) -> list[Delta]:
        """Read a message again from its page."""
        before, line = self._lines.get(id), self._read(id)
        position = self._position(id)
        if line is None:
            if before is None:
                return []
            del self._lines[id], self._ids[position]
            return [Removed(position, id)]
        self._lines[id] = line
        if before is not None:
            return [Changed(position, id)]
        self._ids.insert(position, id)
        self._see(line.parts_of_id)
        return [Added(position, id)]

    def _read(self, id: str) -> _Line | None:
        """The message as the newest page has it that has it finished, else as one has it streamed."""
        pages = [page for page in self._pages if id in self._rows[page] and self._shows(page, id)]
        parts_of_id = read_id(id) if pages else None
        if parts_of_id is None:
            return None
        for page in pages:
            body = page.body(id)
            if body is not None:
                return _Line(parts_of_id, page, body)
        for page in pages:
            text = page.streams.get(id)
            if text is not None:
                return _Line(parts_of_id, page, None, [text])
        return None

    def _message(self, id: str) -> Message:
        line = self._lines[id]
        if line.message is None:
            line.message = self._build(id, line)
        return line.message

    def _build(self, id: str, line: _Line) -> Message:
        body = line.body or line.page.draft(id, line.text())
        return Message(
            id=id,
            hlc=line.parts_of_id.hlc,
            user=line.parts_of_id.user,
            text=body.text,
            streaming=line.body is None,
            re=body.re,
            edited=body.edited,
            deleted=body.deleted,
            agent=body.agent,
            state=body.state,
            reactions=line.page.reactions_to(id),
            durable=line.body is not None and self._durable(line.page, id),
            deleted_by=body.by,
            of=body.of if body.of is not None and may_replace(body.of, id) else None,
            stopped_by=body.stopped_by,
            cites=body.cites,
            calls=body.calls,
            problem=body.problem,
        )

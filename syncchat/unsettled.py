"""Which pages of a room hold changes that the server may not have: noted in the log, over restarts.

A peer opens a page's doc only when somebody looks at it; what waits on another has to reach the server too.
"""

from collections.abc import Callable, Iterable, Sequence

import anyio

from syncchat.core.ids import DocName
from syncchat.errors import MalformedUpdate
from syncchat.log import Beside, Entry, Log

MAX_NOTES = 64
"""Entries of a room's stream of notes after which one stands for all."""

Note = tuple[int, int]
"""A page, and the client id under which it was opened by who noted it."""


def _stream(room: str) -> str:
    return f"{room}#unsettled"


def _notes(entries: Iterable[Entry]) -> set[Note]:
    """An entry is words, `+PAGE:CLIENT` or, when it is settled, `-PAGE:CLIENT`."""
    notes: set[Note] = set()
    for entry in entries:
        for word in entry.data.decode("ascii").split():
            page, _, client = word[1:].partition(":")
            (notes.add if word[0] == "+" else notes.discard)((int(page), int(client)))
    return notes


def _words(notes: Iterable[Note], sign: str) -> bytes:
    return " ".join(f"{sign}{page}:{client}" for page, client in sorted(notes)).encode("ascii")


def read_notes(data: bytes) -> None:
    """Raise MalformedUpdate for an entry that says nothing."""
    try:
        _notes([Entry(0, data)])
    except ValueError:
        raise MalformedUpdate("no notes of pages") from None


async def unsettled_pages(log: Log, room: str) -> set[int]:
    """The pages of a room with changes that the server may not have. Raises LogError."""
    return {page for page, _ in _notes(await log.read(_stream(room)))}


class Unsettled:
    """What is noted of one doc; of a doc that is no page nothing is, for whoever wants it opens it by name.

    `client` is the client id under which the doc was opened: others may have it open on the same log,
    and what they have noted meanwhile is theirs to settle.
    """

    def __init__(self, log: Log, name: str, parts: DocName, client: int) -> None:
        self._log = log
        self._name = name
        self._page = parts.page
        self._stream = _stream(parts.room)
        self._client = client
        self._noted: set[Note] = set()
        self._turn = anyio.Lock()

    @property
    def is_noted(self) -> bool:
        """Whether it is noted that the server may lack something."""
        return bool(self._noted)

    async def load(self) -> None:
        """Take over what was noted before. Raises LogError."""
        if self._page is not None:
            notes = _notes(await self._log.read(self._stream))
            self._noted = {note for note in notes if note[0] == self._page}

    async def append(self, updates: Sequence[bytes], *, waiting: bool) -> None:
        """Append to the doc; if anything in it waits for the server, that is noted in the same commit.

        Raises LogFailed.
        """
        async with self._turn:
            await self._log.append(self._name, updates, beside=self._beside() if waiting else None)
            if waiting and self._page is not None:
                self._noted.add((self._page, self._client))

    def _beside(self) -> Beside | None:
        if self._page is None or (self._page, self._client) in self._noted:
            return None
        return {self._stream: [_words([(self._page, self._client)], "+")]}

    async def settle(self, is_settled: Callable[[], bool]) -> None:
        """If nothing waits any more, note that. Raises LogError."""
        async with self._turn:
            if self._noted and is_settled():
                await self._log.append(self._stream, [_words(self._noted, "-")])
                self._noted.clear()
                await self._shorten()

    async def _shorten(self) -> None:
        entries = await self._log.read(self._stream)
        if len(entries) > MAX_NOTES:
            whole = _words(_notes(entries), "+")
            await self._log.compact(self._stream, whole, base=entries[0].seq, upto=entries[-1].seq)

"""What a program keeps for itself, beside the docs: durable, never synced, one for all its processes.

A journal is an ordered list of JSON entries in a log, and a state that is what the entries say. The order is
the log's, and the same for every process that has the file open, so all of them come to the same state, and a
rule that the state applies ("only while something is left") holds however they interleave.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from os import PathLike
from typing import Any, Generic, Protocol, TypeVar

import anyio

from syncchat.core.codec import MISSING, dump, load
from syncchat.errors import LogCorrupt, MalformedUpdate
from syncchat.log import Entry, Log, MemoryLog, SqliteLog

MARK = "#"
"""What the names of journals begin with in the log; no doc's name does."""

CHECK_EVERY = 64
"""After so many entries of its own a journal looks whether it has become too long."""

MAX_LOADED = 64
"""Journals of a file whose state stays in memory; that of another is read from the disk again."""

Json = Any
"""A JSON value, as `json.loads` gives it."""


def read_said(data: bytes) -> list[Json]:
    """What an entry's bytes say: `[entry]`, or `["whole", state]`. Raises MalformedUpdate."""
    said = load(data.decode(errors="replace"))
    if said is MISSING or not isinstance(said, list) or len(said) not in (1, 2):
        raise MalformedUpdate("no entry of a journal")
    return said


class State(Protocol):
    """What a journal says: pure, so that the same entries give the same state everywhere."""

    def take(self, entry: Json) -> None:
        """An entry comes next. One of a kind that is not known, a later version's, changes nothing.

        May raise ValueError, TypeError, KeyError or AttributeError for one that is malformed.
        """
        ...

    def whole(self) -> Json:
        """All there is to the state, as one JSON value."""
        ...

    def restore(self, whole: Json) -> None:
        """Be what `whole` returned; called on a new state only. May raise what `take` may."""
        ...


S = TypeVar("S", bound=State)


class Journal(Generic[S]):
    """One journal, named `stream`, in an open log; `make` makes the state of one without entries.

    Past `longest` entries one entry stands for all of them. Reading and writing raise LogFailed, with
    nothing written, and LogCorrupt for an entry that is no JSON.
    """

    def __init__(self, log: Log, stream: str, make: Callable[[], S], *, longest: int = 512) -> None:
        self._log = log
        self._stream = stream
        self._make = make
        self._longest = longest
        self._state = make()
        self._last = 0
        self._until_check = 1
        self._turn = anyio.Lock()

    async def append(self, entry: Json) -> None:
        """Add an entry, of less than some kB; on return it is durable, and no crash takes it back."""
        await self._log.append(self._stream, [dump([entry]).encode()])
        self._until_check -= 1
        if self._until_check <= 0:
            self._until_check = CHECK_EVERY
            await self._shorten()

    async def write(self, entry: Json) -> S:
        """Like `append`; returns the state with this entry and all that stand before it."""
        await self.append(entry)
        return await self.read()

    async def read(self) -> S:
        """What the journal says now, other processes' entries included; not to be changed by the caller."""
        async with self._turn:
            entries = await self._log.read(self._stream, self._last)
            if entries:
                self._state = self._told(entries, self._state)
                self._last = entries[-1].seq
            return self._state

    def _told(self, entries: Sequence[Entry], state: S) -> S:
        for entry in entries:
            try:
                state = self._after(read_said(entry.data), state)
            except (MalformedUpdate, ValueError, TypeError, KeyError, AttributeError) as error:
                raise LogCorrupt(
                    f"entry {entry.seq} of the journal {self._stream} is damaged: "
                    "restore the file, or move it away"
                ) from error
        return state

    def _after(self, said: list[Json], state: S) -> S:
        if len(said) == 2:  # stands for everything before it, of which some may be known already
            state = self._make()
            state.restore(said[1])
        else:
            state.take(said[0])
        return state

    async def _shorten(self) -> None:
        count, _ = await self._log.size(self._stream)
        if count <= self._longest:
            return
        entries = await self._log.read(self._stream)
        whole = dump(["whole", self._told(entries, self._make()).whole()]).encode()
        await self._log.compact(self._stream, whole, base=entries[0].seq, upto=entries[-1].seq)


class Journals:
    """The journals of one file, by their names."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._loaded: OrderedDict[str, Journal[Any]] = OrderedDict()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: str | PathLike[str] | None) -> "AsyncIterator[Journals]":
        """Those in the file `path`, made if there is none; None: in memory.

        Raises LogCorrupt if the file is something else or damaged, LogFailed if it can be neither opened
        nor made.
        """
        async with MemoryLog() if path is None else SqliteLog(path) as log:
            yield cls(log)

    def get(self, name: str, make: Callable[[], S], *, longest: int = 512) -> Journal[S]:
        """The journal `name`, begun if there is none; see Journal. Give the same `make` each time."""
        journal = self._loaded.get(name) or Journal(self._log, MARK + name, make, longest=longest)
        self._loaded[name] = journal
        self._loaded.move_to_end(name)
        if len(self._loaded) > MAX_LOADED:
            self._loaded.popitem(last=False)
        return journal

    async def names(self) -> list[str]:
        """The names of the journals with an entry, sorted."""
        return [name.removeprefix(MARK) for name in await self._log.docs() if name.startswith(MARK)]

    async def drop(self, name: str) -> None:
        """Forget a journal: on return that is durable."""
        await self._log.drop(MARK + name)
        self._loaded.pop(name, None)

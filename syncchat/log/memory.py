"""A log in memory: for tests, for simulations, and for a peer that is to leave nothing behind."""

import itertools
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

import anyio.lowlevel

from syncchat.errors import LogError, LogFailed
from syncchat.log.names import check_append, check_doc
from syncchat.log.protocol import Beside, Entry
from syncchat.log.tails import Tail, Tails, batch


class _Row(NamedTuple):
    seq: int
    writer: int
    data: bytes


class MemoryStore:
    """What a file is to SqliteLog: handles on the same store share its docs.

    It lives in one event loop. `failure`, while it is set, is the reason why appends and
    compactions raise LogFailed: tests fill the "disk" with it.
    """

    def __init__(self) -> None:
        self.failure: str | None = None
        self._docs: dict[str, list[_Row]] = {}
        self._next = itertools.count(1)
        self._writers = itertools.count(1)
        self._handles: list[Tails] = []

    def rows(self, doc: str, after: int = 0) -> list[_Row]:
        """The rows of `doc` that come after `after`."""
        rows = self._docs.get(doc, [])
        return rows[bisect_right(rows, after, key=lambda row: row.seq) :]

    def docs(self) -> list[str]:
        """The names of the docs, sorted."""
        return sorted(self._docs)

    def heads(self) -> dict[str, int]:
        """The newest `seq` of each doc."""
        return {doc: rows[-1].seq for doc, rows in self._docs.items()}

    def add(self, writer: int, entries: Sequence[tuple[str, bytes]]) -> int:
        """Append (doc, update) pairs; returns the last `seq`."""
        self._check()
        seq = 0
        for doc, data in entries:
            seq = next(self._next)
            self._docs.setdefault(doc, []).append(_Row(seq, writer, data))
        for tails in self._handles:
            tails.wake({doc for doc, _ in entries})
        return seq

    def replace(self, doc: str, snapshot: _Row, base: int) -> bool:
        """Put `snapshot` for all rows up to its `seq`, if the first of them is `base`."""
        self._check()
        rows = self.rows(doc)
        if not rows or rows[0].seq != base or snapshot.seq not in (row.seq for row in rows):
            return False
        self._docs[doc] = [snapshot, *(row for row in rows if row.seq > snapshot.seq)]
        return True

    def drop(self, docs: Iterable[str]) -> None:
        """Remove all rows of `docs`."""
        self._check()
        for doc in docs:
            self._docs.pop(doc, None)

    def join(self, tails: Tails) -> int:
        """Have `tails` woken by appends; returns a writer number that no other handle has."""
        self._handles.append(tails)
        return next(self._writers)

    def leave(self, tails: Tails) -> None:
        """Wake `tails` no more."""
        self._handles.remove(tails)

    def _check(self) -> None:
        if self.failure is not None:
            raise LogFailed(f"the memory log was told to fail: {self.failure}")


_NOBODY = 0


class MemoryLog:
    """A Log whose entries live as long as its `store`; without one, as long as itself."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self._store = MemoryStore() if store is None else store
        self._tails = Tails()
        self._open = False
        self._writer = _NOBODY

    async def __aenter__(self) -> Self:
        self._writer = self._store.join(self._tails)
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._tails.close()
        self._store.leave(self._tails)

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        """See Log.append; it is as durable as the store."""
        await self._enter(doc)
        return self._store.add(self._writer, check_append(doc, updates, beside))

    async def read(self, doc: str, after: int = 0) -> list[Entry]:
        """See Log.read."""
        await self._enter(doc)
        return [Entry(row.seq, row.data) for row in self._store.rows(doc, after)]

    def tail(self, doc: str, after: int) -> AsyncIterator[list[Entry]]:
        """See Log.tail."""
        return self._tails.follow(check_doc(doc), after, self._read_tail)

    async def compact(self, doc: str, snapshot: bytes, *, base: int, upto: int) -> bool:
        """See Log.compact."""
        await self._enter(doc)
        replaced = [row for row in self._store.rows(doc) if row.seq <= upto]
        foreign = max((row.seq for row in replaced if row.writer != self._writer), default=0)
        row = _Row(upto, _NOBODY if foreign else self._writer, bytes(snapshot))
        if not self._store.replace(doc, row, base):
            return False
        self._tails.skip(doc, given=foreign, upto=upto)
        return True

    async def drop(self, *docs: str) -> None:
        """See Log.drop."""
        await self._enter(*docs)
        self._store.drop(docs)

    async def scrub(self) -> bool:
        """See Log.scrub; memory keeps nothing of what is gone."""
        await self._enter()
        return True

    async def docs(self) -> list[str]:
        """See Log.docs."""
        await self._enter()
        return self._store.docs()

    async def heads(self) -> dict[str, int]:
        """See Log.heads."""
        await self._enter()
        return self._store.heads()

    async def size(self, doc: str) -> tuple[int, int]:
        """See Log.size."""
        entries = await self.read(doc)
        return len(entries), sum(len(entry.data) for entry in entries)

    async def _enter(self, *docs: str) -> None:
        for doc in docs:
            check_doc(doc)
        await anyio.lowlevel.checkpoint()
        if not self._open:
            raise LogError("the log is not open: use it inside its `async with`")

    async def _read_tail(self, tail: Tail) -> list[Entry]:
        await anyio.lowlevel.checkpoint()
        rows = self._store.rows(tail.doc, tail.last)
        entries, complete = batch((row.seq, row.data) for row in rows if row.writer != self._writer)
        if rows:
            tail.last = rows[-1].seq if complete else entries[-1].seq
        return entries

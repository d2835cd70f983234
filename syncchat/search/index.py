"""An index of the messages of many rooms: a view that can be dropped at any time, and is built again."""

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import anyio

from syncchat.log.worker import Worker
from syncchat.search import finding, writing
from syncchat.search.file import SearchFailed, drop_index, explain, open_index
from syncchat.search.finding import Found, Readable
from syncchat.search.query import Query
from syncchat.search.writing import Change

MAX_HITS: Final = 100
"""Hits that are told at once."""

PART: Final = 1000
"""Messages of a large page that are put in at once."""

T = TypeVar("T")


class Index:
    """Full text of messages in the SQLite file `path` (None: in memory), made if there is none.

    Use it as an async context manager. All its work is done by one thread, in turn, in short pieces.
    The file may be removed whenever nobody has it open, and several processes may have it open. What
    cannot be used as an index is dropped; `cursors` tells what it lacks.

    Every call raises SearchFailed if the file fails, and IndexDamaged if only `renew` can help.
    """

    def __init__(self, path: str | PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Open the file. Raises SearchFailed if it is another program's, or cannot be opened or made."""
        self._worker = Worker("syncchat search")
        try:
            with anyio.CancelScope(shield=True):  # or nobody would close it
                self._connection = await self._worker.run(lambda: open_index(self.path))
        except SearchFailed:
            self._worker.stop()
            raise
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        with anyio.CancelScope(shield=True):
            await self._worker.run(self._connection.close)
        self._worker.stop()

    async def renew(self) -> None:
        """Drop all that is in it. If that fails, every call raises IndexDamaged until it is done again."""

        def work() -> None:
            self._connection.close()
            if self.path is not None:
                drop_index(self.path)
            self._connection = open_index(self.path)

        await self._worker.run(work)

    # What stands in it.

    async def apply(self, changes: Iterable[Change]) -> None:
        """Bring pages, each at most once, to where `changes` say they are, all or none.

        Those that are behind what is known are passed over. The index's thread goes through `changes`.
        """
        await self._run(partial(writing.apply, changes=changes))

    async def replace(self, change: Change) -> None:
        """Bring a page to where a change says it is; a large one in parts, between which others search.

        If it is cut off, `cursors` tells that the page is still where it was.
        """
        if len(change.texts) <= PART:
            await self.apply([change])
            return
        ids = sorted(change.texts)
        for at in range(0, len(ids), PART):
            texts = {id: change.texts[id] for id in ids[at : at + PART]}
            await self._run(partial(writing.put_part, doc=change.doc, seq=change.seq, texts=texts))
        await self._run(partial(writing.settle, change=change))

    async def forget(self, docs: Iterable[str]) -> None:
        """Remove pages with all that is on them; those that are not known need not be."""
        await self._run(partial(writing.forget, docs=list(docs)))

    async def cursors(self) -> dict[str, int]:
        """For each page, by its doc's name, the `seq` of the log up to which it has been read."""
        return await self._run(finding.cursors)

    async def count(self) -> int:
        """How many messages are in it."""
        return await self._run(finding.count)

    async def purge(self) -> bool:
        """Leave no trace of removed texts in the file; returns whether there was anything to do.

        Until then single words of them may be found by who reads the file itself.
        """
        upto = await self._run(writing.to_purge)
        if not upto:
            return False
        first = True
        while await self._run(partial(writing.purge, first=first)):
            first = False
        await self._run(partial(writing.purged, upto=upto))
        return True

    # What is found.

    async def search(
        self,
        query: Query,
        *,
        readable: Readable | None = None,
        limit: int = 20,
        before: str | None = None,
    ) -> Found:
        """Messages, the newest first, of rooms for which `readable` is true (None: of all).

        At most `limit`, and never more than MAX_HITS; `before` is the `next` of an earlier answer.
        Raises BadQuery for a `before` that is none.
        """
        limit = max(1, min(limit, MAX_HITS))
        return await self._run(
            partial(finding.search, query=query, readable=readable, limit=limit, before=before)
        )

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._is_open:
            raise SearchFailed(f"the search index {self.path} is not open: use it inside its `async with`")
        try:
            return await self._worker.run(lambda: work(self._connection))
        except sqlite3.Error as error:
            raise explain(self.path, error) from error

"""Search over everything that a peer holds itself: with no server, too."""

import logging
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from types import TracebackType
from typing import Self

import anyio

from syncchat.errors import LogError
from syncchat.log import Log
from syncchat.search.feeder import Feeder
from syncchat.search.file import IndexDamaged, SearchFailed
from syncchat.search.finding import Found
from syncchat.search.index import Index
from syncchat.search.query import parse

PURGE_SECONDS = 3.0
"""How long leaving may take to clear the file of what was removed."""

FOLLOW_SECONDS = 5.0
"""How often, while the log is followed, it is looked whether something is new in it."""

FOLLOW_SHARE = 50
"""Following takes no more than this part of the time: a large index waits for longer."""

logger = logging.getLogger("syncchat.search")


class LocalSearch:
    """Searches the messages in `log`, which its caller holds open, by an index at `path` (None: in memory).

    Use it as an async context manager. The index may be removed while nobody uses it. What was
    written since the last `update` is not found. When it is left, no trace is in the file of texts that were
    gone from the log at the last `update`; while `follow` runs, that holds after some seconds, too.

        async with LocalSearch(log, folder / "search.sqlite") as local:
            await local.update()
            found = await local.search('"the cake" author:ada')
    """

    def __init__(self, log: Log, path: str | PathLike[str] | None = None) -> None:
        self._index = Index(path)
        self._feeder = Feeder(log, self._index)
        self._updating = anyio.Lock()

    async def __aenter__(self) -> Self:
        """Open the index. Raises SearchFailed."""
        await self._index.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What fails here, or takes too long, is done the next time: the index knows what it has removed.
        with anyio.move_on_after(PURGE_SECONDS, shield=True), suppress(SearchFailed):
            await self._index.purge()
        await self._index.__aexit__(kind, error, trace)

    @property
    def complete(self) -> bool:
        """Whether all that was in the log at the last `update` is found."""
        return self._feeder.complete

    async def count(self) -> int:
        """How many messages are in the index. Raises SearchFailed."""
        return await self._index.count()

    async def update(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """Read what is new in the log; `tell` hears how many pages are still to be read.

        The first time that is everything; searches may go on meanwhile, and find what is read so far.
        Raises LogError, SearchFailed.
        """
        async with self._updating:
            await self._feeder.update(tell)

    async def follow(self) -> None:
        """Keep the index in step with the log, and its file free of what was deleted, until cancelled (H10).

        What fails is logged, and tried again.
        """
        pause = FOLLOW_SECONDS
        while True:
            await anyio.sleep(pause)
            begun = anyio.current_time()
            for work in (self.update, self._index.purge):
                try:
                    await work()
                except (LogError, SearchFailed) as error:
                    logger.warning("deleted texts may be left in the search index: %s", error)
            pause = max(FOLLOW_SECONDS, FOLLOW_SHARE * (anyio.current_time() - begun))

    async def search(self, text: str, *, limit: int = 20, before: str | None = None) -> Found:
        """What a query finds, the newest first; `before` is the `next` of an earlier answer.

        See `syncchat.search.query.parse` for what may be asked, and `Index.search` for the bounds. Raises
        BadQuery, SearchFailed.
        """
        query = parse(text)
        try:
            return await self._index.search(query, limit=limit, before=before)
        except IndexDamaged:
            await self._index.renew()
            await self.update()
            return await self._index.search(query, limit=limit, before=before)

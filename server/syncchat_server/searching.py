"""The daemon's search: an index beside its log, fed by what the hub commits, for who may read it."""

import logging
from pathlib import Path

import anyio

from syncchat.core.grant import Claims
from syncchat.errors import SyncchatError, describe
from syncchat.hub import Hub
from syncchat.hub.chronicle import Committed
from syncchat.log import Log
from syncchat.search import Feeder, Index, IndexDamaged, SearchFailed, parse
from syncchat.search.wire import Answer

logger = logging.getLogger("syncchat.search")

AGAIN = 10.0
"""Seconds after which an index that cannot be opened is tried again."""

PATIENCE = 2.0
"""Seconds for which a search waits for an index that is being opened."""

MAX_WAITING = 32
"""Searches that wait for their turn; at the next one it is told to come again."""


class NotNow(SyncchatError):
    """It cannot be searched for the moment; the text tells the caller why."""


class Search:
    """Searches what `hub` serves from `log`, by an index in the file `path`; `run` is its one task.

    Nothing that happens to the index ends anything else: it is a view, and can be built again.
    """

    def __init__(self, hub: Hub, log: Log, path: Path) -> None:
        self.searches = 0
        """How many searches there were."""
        self._hub = hub
        self._index = Index(path)
        self._feeder = Feeder(log, self._index)
        self._opened = anyio.Event()
        self._waiting = 0

    @property
    def pages_waiting(self) -> int:
        """Pages of rooms that are not in the index yet, or not as they are now."""
        return self._feeder.waiting

    async def run(self) -> None:
        """Open the index, and keep it in step with the log until cancelled."""
        subscription = self._hub.committed.listen(self._note)
        try:
            while True:
                try:
                    await self._serve()
                except Exception as error:  # noqa: BLE001 - a bug here, or a full disk, must not end the daemon
                    logger.error("search failed, and begins again in %d s: %s", AGAIN, describe(error))
                await anyio.sleep(AGAIN)
        finally:
            subscription.cancel()

    async def _serve(self) -> None:
        async with self._index:
            self._opened.set()
            try:
                await self._feeder.run()
            finally:
                self._opened = anyio.Event()

    def _note(self, committed: Committed) -> None:
        self._feeder.note(*committed)

    async def find(self, claims: Claims, text: str, limit: int, before: str | None) -> Answer:
        """What a query finds for somebody; see `Index.search`. Raises BadQuery, NotNow."""
        query = parse(text)
        self.searches += 1
        if self._waiting >= MAX_WAITING:
            raise NotNow("too many searches at once")
        self._waiting += 1
        try:
            await self._until_open()
            found = await self._index.search(
                query, readable=lambda room: claims.role_in(room) is not None, limit=limit, before=before
            )
        except SearchFailed as error:
            if isinstance(error, IndexDamaged):
                self._feeder.distrust()
            logger.error("a search failed: %s", error)
            raise NotNow("the search index cannot be read for now") from error
        finally:
            self._waiting -= 1
        return Answer(found, self._feeder.complete)

    async def _until_open(self) -> None:
        with anyio.move_on_after(PATIENCE):
            await self._opened.wait()
        if not self._opened.is_set():
            raise NotNow("the search index cannot be opened")

    async def refresh(self, page: str) -> None:
        """Bring a page to where the log has it now; nothing is found of one that the log has no more.

        Raises LogError, SearchFailed; also while the index is not open, as its file may hold it.
        """
        if not self._opened.is_set():
            raise SearchFailed("the search index is not open for now; its file can be removed")
        await self._feeder.refresh(page)

    async def erase(self, page: str, _id: str = "") -> None:
        """The same, and leave no trace in the index's file: else that takes a minute. Raises as `refresh`."""
        await self.refresh(page)
        await self._index.purge()

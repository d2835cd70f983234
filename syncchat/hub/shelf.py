"""The shelf: the docs in memory, each loaded once, and the tasks that serve them."""

import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup

from syncchat.errors import CloseCode, LogError, describe
from syncchat.hub.attendance import Spawn
from syncchat.hub.beat import Beat
from syncchat.hub.chronicle import Chronicle
from syncchat.hub.doc import ServedDoc
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Seat
from syncchat.hub.stats import Stats
from syncchat.log import Log

logger = logging.getLogger("syncchat.hub")


class Shelf:
    """Docs by name, as long as somebody needs them; `tasks` runs what they do."""

    def __init__(
        self,
        log: Log,
        limits: Limits,
        stats: Stats,
        *,
        now: Callable[[], int],
        on_leave: Callable[[Seat], None],
        rng: random.Random,
    ) -> None:
        self.docs: dict[str, ServedDoc] = {}
        self._log = log
        self._limits = limits
        self._stats = stats
        self._now = now
        self.beat = Beat()
        self.chronicle = Chronicle(self, limits, stats, rng)
        # Bound once: each doc keeps them.
        self._on_leave = on_leave
        self._start: Spawn = self.spawn

    async def __aenter__(self) -> "Shelf":
        self._tasks: TaskGroup = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def finish(self) -> None:
        """Return when everything that was offered to any doc is durable and settled, the covers last."""
        for doc in list(self.docs.values()):
            await doc.finish()
        self.chronicle.flush()
        for doc in list(self.docs.values()):
            await doc.finish()

    def find(self, name: str) -> ServedDoc | None:
        """A doc that is in memory, and goes on being served."""
        doc = self.docs.get(name)
        return None if doc is None or doc.over else doc

    async def has(self, name: str) -> bool:
        """Whether a doc is in memory, or the log has anything of it. Raises LogError."""
        return name in self.docs or await self._log.size(name) != (0, 0)

    async def load(self, name: str) -> ServedDoc:
        """The doc, loaded once however many ask together (S6). Raises LogError."""
        while True:
            doc = self.docs.get(name)
            if doc is None or doc.over:
                doc = self.docs[name] = self._new_doc(name)
                self._tasks.start_soon(self._run, doc)
            if doc.loading is not None:
                await doc.loading.wait()
            if doc.failure is not None:
                raise LogError(str(doc.failure)) from doc.failure
            if not doc.over:  # it may have been idle for long enough while we were waking up
                return doc

    def _new_doc(self, name: str) -> ServedDoc:
        return ServedDoc(
            name,
            self._log,
            self._limits,
            self._stats,
            now=self._now,
            spawn=self._start,
            on_leave=self._on_leave,
            chronicle=self.chronicle,
            beat=self.beat,
        )

    async def _run(self, doc: ServedDoc) -> None:
        """Run a doc; when it fails, its links end with a code that says "try again" (D3)."""
        try:
            await doc.run()
        except Exception as failure:  # noqa: BLE001 - a bug in somebody's log must end no other doc (S7)
            doc.failure = failure
            self._stats.log_failures += 1
            logger.error("doc %s is unloaded: %s", doc.name, describe(doc.failure))
            for seat in list(doc.seats):
                seat.line.end(CloseCode.LOG_FAILED, "the change could not be stored: try again")
        finally:
            if self.docs.get(doc.name) is doc:
                del self.docs[doc.name]
                self.chronicle.forget(doc.name)
            doc.close()

    def spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        """Start what a doc or a link needs done beside it; its failure must end no other (S7)."""
        self._tasks.start_soon(self._guard, work, arguments)

    async def _guard(
        self, work: Callable[..., Coroutine[Any, Any, None]], arguments: tuple[object, ...]
    ) -> None:
        try:
            await work(*arguments)
        except Exception as failure:  # noqa: BLE001 - as above; a bug that is told, and not the daemon's end
            logger.error("%s failed: %s", getattr(work, "__qualname__", work), describe(failure))

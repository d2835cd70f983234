"""A log that takes its time, and loses what it has not written when its process dies."""

import random
from collections.abc import Sequence

import anyio

from syncchat.errors import LogFailed
from syncchat.log import Beside, MemoryLog, MemoryStore


class CrashLog(MemoryLog):
    """A handle on `store` whose appends take up to `delay` seconds to be durable.

    After `crash` nothing of this handle reaches the store; what was under way did or did not,
    as chance has it. `store.failure` makes appends fail as a full disk does.
    """

    def __init__(self, store: MemoryStore, rng: random.Random, delay: float = 0.01) -> None:
        super().__init__(store)
        self._rng = rng
        self._delay = delay
        self._crashed = anyio.Event()

    def crash(self) -> None:
        """The process dies now."""
        self._crashed.set()

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        """Append after a delay. Raises LogFailed."""
        survives = self._rng.random() < 0.5
        with anyio.move_on_after(self._rng.uniform(0, self._delay), shield=True):
            await self._crashed.wait()
        if self._crashed.is_set() and not survives:
            raise LogFailed("the process has died")
        seq = await super().append(doc, updates, beside=beside)
        if self._crashed.is_set():
            raise LogFailed("the process has died, but the append is in the log")
        return seq

    async def compact(self, doc: str, snapshot: bytes, *, base: int, upto: int) -> bool:
        """Compact after a delay. Raises LogFailed."""
        await self._take_time()
        return await super().compact(doc, snapshot, base=base, upto=upto)

    async def drop(self, *docs: str) -> None:
        """Drop after a delay. Raises LogFailed."""
        await self._take_time()
        await super().drop(*docs)

    async def _take_time(self) -> None:
        with anyio.move_on_after(self._rng.uniform(0, self._delay)):
            await self._crashed.wait()
        if self._crashed.is_set():
            raise LogFailed("the process has died")

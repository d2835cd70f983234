"""A desk: what keeps one replica of a peer in step with its log, in both directions."""

from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from syncchat.compaction import compact, is_worthwhile
from syncchat.core.snapshot import NotEqual
from syncchat.errors import LogError
from syncchat.log import Log
from syncchat.replica import Replica
from syncchat.uplink import Uplink
from syncchat.wakeup import Wakeup

RETRY = 1.0
"""Seconds until a write that failed is tried again, with the doc's whole state in place of what was lost."""

REMEMBER_AFTER = 2.0
"""Seconds between two writes of the state vector that the server has acknowledged."""

REMEMBER_ENTRIES = 16
"""Written state vectors after which only the last one is kept."""


class Desk:
    """Appends a replica's changes to the log, and applies what other processes append to it.

    `problem` says why the log cannot be written, while it cannot. `run` is its one task.
    """

    def __init__(self, replica: Replica, log: Log, *, on_change: Callable[[], None]) -> None:
        self.replica = replica
        self.uplink: Uplink | None = None
        self.problem: str | None = None
        self._log = log
        self._on_change = on_change
        self._scope = anyio.CancelScope()
        self._work = Wakeup()
        self._writing = False
        self._last = 0
        self._remembered: bytes | None = None
        self._stopped = anyio.Event()
        replica.on_change = self._changed

    @property
    def busy(self) -> bool:
        """Whether a change is not in the log yet."""
        return self._writing or self.replica.has_unlogged

    async def load(self) -> None:
        """Fill the replica from the log. Raises LogError."""
        entries = await self._log.read(self.replica.name)
        if is_worthwhile(entries):
            await self._compact()
            entries = await self._log.read(self.replica.name)
        self.replica.load([entry.data for entry in entries])
        self._last = entries[-1].seq if entries else 0
        known = await self._log.read(self._memo)
        if known:
            self._remembered = known[-1].data
        self.replica.mark_waiting(self._remembered)

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Write and tail until the desk is stopped."""
        try:
            with self._scope:
                task_status.started()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._tail)
                    tasks.start_soon(self._remember_when_quiet)
                    while True:
                        await self._work.sleep()
                        await self._write()
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        """End the task."""
        self._scope.cancel()
        await self._stopped.wait()

    async def finish(self) -> None:
        """After the task has ended: write what is not in the log yet, and close the replica."""
        await self._remember()
        while self.busy and await self._append():
            pass  # what was written meanwhile is written as well
        self.replica.close()

    def _changed(self) -> None:
        if self.uplink is not None:
            self.uplink.flush(self.replica)
        self._work.call()
        self._on_change()

    async def _write(self) -> None:
        if self.replica.has_unlogged and not await self._append():
            await anyio.sleep(RETRY)
            self._work.call()

    async def _append(self) -> bool:
        updates = self.replica.take_unlogged()
        self._writing = True
        problem: str | None = None
        try:
            await self._log.append(self.replica.name, updates)
        except LogError as error:
            self.replica.give_back()
            problem = str(error)
        except BaseException:
            self.replica.give_back()
            raise
        finally:
            self._writing = False
        self.problem = problem
        self._on_change()
        return problem is None

    async def _tail(self) -> None:
        while True:
            try:
                async for entries in self._log.tail(self.replica.name, self._last):
                    self._last = entries[-1].seq
                    self.replica.apply_tail([entry.data for entry in entries])
                return
            except LogError as error:
                self.problem = str(error)
                await anyio.sleep(RETRY)

    async def _compact(self) -> None:
        try:
            await compact(self._log, self.replica.name)
        except (LogError, NotEqual) as error:
            self.problem = f"the log was not compacted: {error}"

    # What the server has acknowledged is remembered, so that a message opened offline knows it is durable.

    @property
    def _memo(self) -> str:
        return f"{self.replica.name}#acknowledged"

    async def _remember_when_quiet(self) -> None:
        while self.replica.synced:
            await anyio.sleep(REMEMBER_AFTER)
            await self._remember()

    async def _remember(self) -> None:
        if not self.replica.synced:
            return
        settled = self.replica.waiting.settled
        state = self.replica.doc.get_state() if settled else self.replica.acknowledged
        if state is None or state == self._remembered:
            return
        try:
            await self._log.append(self._memo, [state])
            self._remembered = state
            entries = await self._log.read(self._memo)
            if len(entries) > REMEMBER_ENTRIES:
                await self._log.compact(self._memo, state, base=entries[0].seq, upto=entries[-1].seq)
        except LogError as error:
            self.problem = str(error)

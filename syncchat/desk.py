"""A desk: what keeps one replica of a peer in step with its log, in both directions."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import anyio
from anyio.abc import TaskStatus

from syncchat.compaction import compact, is_worthwhile
from syncchat.core.carry import text_of
from syncchat.core.deletions import listen_deletions
from syncchat.core.ids import parse_doc
from syncchat.core.page import MESSAGES, STREAMS
from syncchat.core.refusal import Refusal, Refusals, dropping, keeping, rebuilt
from syncchat.core.snapshot import NotEqual
from syncchat.errors import LogError
from syncchat.log import Entry, Log
from syncchat.replica import Replica
from syncchat.unsettled import Unsettled
from syncchat.uplink import Uplink
from syncchat.wakeup import Wakeup

RETRY = 1.0
"""Seconds until a write that failed is tried again, with the doc's whole state in place of what was lost."""

REMEMBER_AFTER = 2.0
"""Seconds between two writes of the state vector that the server has acknowledged."""

REMEMBER_ENTRIES = 16
"""Written state vectors, or records of refusals, after which one stands for all."""

TIDY_AFTER = 5.0
"""Seconds after which a deleted text leaves the log: with what else is deleted meanwhile."""

NO_CHANGE = b"\x00\x00"
"""The update that changes nothing."""


class Desk:
    """Appends a replica's changes to the log, and applies what other processes append to it.

    What the server refused is in a stream beside the doc's, where all processes read it; it is written
    there before the log loses it.

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
        self._unsettled = Unsettled(log, replica.name, parse_doc(replica.name), replica.doc.client_id)
        self._refusals = Refusals()
        self._keeping = anyio.Lock()
        self._records = 0
        self._stopped = anyio.Event()
        self._deleted = Wakeup()
        replica.on_change = self._changed

    @property
    def busy(self) -> bool:
        """Whether a change is not in the log yet."""
        return self._writing or self.replica.has_unlogged

    @property
    def is_free(self) -> bool:
        """Whether closing it keeps nothing from the server, or from its author what was refused."""
        if self.busy or self.refusals:
            return False
        return self.replica.waiting.settled or not (self._unsettled.is_noted and self.replica.synced)

    async def load(self) -> None:
        """Fill the replica from the log. Raises LogError."""
        entries = await self._log.read(self.replica.name)
        if is_worthwhile(entries):
            await self._compact()
            entries = await self._log.read(self.replica.name)
        self.replica.load([entry.data for entry in entries])
        self._last = entries[-1].seq if entries else 0
        await self._unsettled.load()
        known = await self._log.read(self._memo)
        if known:
            self._remembered = known[-1].data
        for record in await self._log.read(self._beside):
            self._refusals.take(record.data)
            self._records = record.seq
        self.replica.mark_waiting(self._remembered, self._refusals.all)

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Write and tail until the desk is stopped."""
        try:
            with self._scope:
                task_status.started()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._tail)
                    tasks.start_soon(self._tail_refusals)
                    tasks.start_soon(self._remember_when_quiet)
                    if parse_doc(self.replica.name).page is not None:
                        tasks.start_soon(self._tidy)
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
        self._writing = True
        problem: str | None = None
        try:
            await self._keep_refused()
            while self.replica.replaced:  # what is appended builds on the doc that stands in the log
                await self._replace()
            await self._append_updates()
        except LogError as error:
            problem = str(error)
        finally:
            self._writing = False
        self.problem = problem
        self._on_change()
        return problem is None

    async def _append_updates(self) -> None:
        updates = self.replica.take_unlogged()
        try:
            if updates:
                await self._unsettled.append(updates, waiting=bool(self.replica.waiting))
        except BaseException:
            self.replica.unlogged.lose()
            raise

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

    # What the server refused (G14).

    @property
    def refusals(self) -> list[Refusal]:
        """What the server refused and nobody has dismissed, the oldest first."""
        return [*self._refusals.all, *self.replica.refused]

    async def dismiss(self, refusal: Refusal) -> None:
        """Keep it no longer. Raises LogError."""
        if refusal in self.replica.refused:
            await self._keep_refused()
        record = dropping(refusal)
        await self._log.append(self._beside, [record])
        self._refusals.take(record)
        self._on_change()

    @property
    def _beside(self) -> str:
        return f"{self.replica.name}#refused"

    async def _keep_refused(self) -> None:
        refused = self.replica.refused
        async with self._keeping:  # who dismisses one that is not kept yet does this, too
            while refused:
                record = keeping(refused[0])
                if not self._refusals.knows(refused[0]):
                    await self._log.append(self._beside, [record])
                    self._refusals.take(record)
                del refused[0]

    async def _replace(self) -> None:
        """Put what the doc is now in the place of its log, which holds what was refused."""
        replica = self.replica
        while True:
            entries = await self._log.read(replica.name)
            if len(entries) < 2:  # by its first `seq` and its last, which differ, the log is known again
                await self._log.append(replica.name, [NO_CHANGE])
                continue
            if replica.refused:  # what is refused is kept before the log loses it
                await self._keep_refused()
                continue
            replica.apply_tail([entry.data for entry in entries])
            left_out = list(replica.left_out)
            if await self._put_in_place(entries):
                break
        await self._log.append(self._beside, [rebuilt(left_out)])
        await self._shorten_refusals()

    async def _put_in_place(self, entries: list[Entry]) -> bool:
        """False if the log is not what it was; the doc may be built anew once more while this waits."""
        replica = self.replica
        state, done = replica.take_whole(), False
        try:
            done = await self._log.compact(replica.name, state, base=entries[0].seq, upto=entries[-1].seq)
        finally:
            replica.replaced = replica.replaced or not done
        return done

    async def _shorten_refusals(self) -> None:
        entries = await self._log.read(self._beside)
        if len(entries) > REMEMBER_ENTRIES:
            whole = Refusals()
            for entry in entries:
                whole.take(entry.data)
            await self._log.compact(self._beside, whole.whole(), base=entries[0].seq, upto=entries[-1].seq)

    async def _tail_refusals(self) -> None:
        while True:
            try:
                async for records in self._log.tail(self._beside, self._records):
                    self._records = records[-1].seq
                    for record in records:
                        await self._take_record(record.data)
                    self._on_change()
                return
            except LogError as error:
                self.problem = str(error)
                await anyio.sleep(RETRY)

    async def _take_record(self, data: bytes) -> None:
        """Another process has kept, dismissed, or built the doc anew."""
        left_out = self._refusals.take(data)
        if left_out is None:
            return
        entries = await self._log.read(self.replica.name)
        if self.replica.follow([entry.data for entry in entries], left_out) and self.uplink is not None:
            self.uplink.begin_again(self.replica)

    async def _compact(self) -> None:
        try:
            await compact(self._log, self.replica.name)
        except (LogError, NotEqual) as error:
            self.problem = f"the log was not compacted: {error}"

    async def _tidy(self) -> None:
        """Have deleted texts leave the log, and its file, too (H10)."""
        listening = listen_deletions(self.replica.store, self._deleted.call)
        try:
            while True:
                await self._deleted.sleep()
                await anyio.sleep(TIDY_AFTER)
                if not await self._try_to_tidy():
                    self._deleted.call()
        finally:
            listening.cancel()

    async def _try_to_tidy(self) -> bool:
        """False if it is to be tried again; what cannot be proven now never can."""
        if self.busy:  # the deletion itself is not in the log yet
            return False
        problem: str | None = None
        try:
            done = await compact(self._log, self.replica.name, least=1) and await self._log.scrub()
        except (LogError, NotEqual) as error:
            problem = f"a deleted text is in the log still: {error}"
            done = isinstance(error, NotEqual)
        if self.problem != problem:
            self.problem = problem
            self._on_change()
        return done

    # A page that the server has dropped (H11).

    def give_up(self, keeper: str, reason: str, now: int) -> list[Refusal]:
        """What its author wrote here and the server will never have, as refusals of the doc `keeper`.

        Those that are kept already go with them. `now` is in milliseconds since 1970.
        """
        mine = filter(self.replica.may_be_mine, self.replica.waiting.rows)
        lost = [row for row in mine if row[0] in (MESSAGES, STREAMS)]
        texts = {row: text_of(self.replica.doc, row) for row in lost}
        known = [replace(refusal, doc=keeper) for refusal in self.refusals]
        return known + [Refusal("H11", reason, keeper, row, text, now) for row, text in texts.items() if text]

    async def keep(self, refusals: Iterable[Refusal]) -> None:
        """Keep what was refused elsewhere; on return it is durable. Raises LogError."""
        self.replica.refused += refusals
        await self._keep_refused()
        self._on_change()

    async def drop(self) -> None:
        """After the task has ended: take the doc, and all beside it, out of the log. Raises LogError."""
        self.replica.close()
        await self._log.drop(self.replica.name, self._memo, self._beside)
        await self._unsettled.settle(lambda: True)

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
        try:
            if state is not None and state != self._remembered:
                await self._remember_state(state)
            await self._unsettled.settle(lambda: self.replica.waiting.settled and self.is_free)
        except LogError as error:
            self.problem = str(error)

    async def _remember_state(self, state: bytes) -> None:
        await self._log.append(self._memo, [state])
        self._remembered = state
        entries = await self._log.read(self._memo)
        if len(entries) > REMEMBER_ENTRIES:
            await self._log.compact(self._memo, state, base=entries[0].seq, upto=entries[-1].seq)

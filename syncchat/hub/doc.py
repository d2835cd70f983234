"""A doc that is served: judged, applied, appended to the log, and only then shown to anybody."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from functools import partial
from time import perf_counter
from typing import Any

import anyio

from syncchat.core.arrivals import new_rows
from syncchat.core.guard import Accept
from syncchat.core.lib0 import decode_state
from syncchat.core.plan import Plan
from syncchat.errors import CloseCode, LinkClosed, LogError, ProtocolError, Refused
from syncchat.hub.accounts import PARTS
from syncchat.hub.attendance import Attendance, Spawn
from syncchat.hub.audience import Audience
from syncchat.hub.beat import Beat
from syncchat.hub.chronicle import Chronicle
from syncchat.hub.ledger import DROPPED, NOTHING, Ledger, Offer, Outcome, ServerWrite
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Seat
from syncchat.hub.stats import Stats
from syncchat.log import Log
from syncchat.wakeup import Wakeup

NO_STATE = b"\x00"
"""The state vector of who has nothing."""


class ServedDoc:
    """One doc in memory, with its readers; `run` is its one task, and the only one that changes it.

    Between two commits the doc is exactly what the log holds, and only then is anybody answered.
    `now` tells the time in milliseconds since 1970, `spawn` starts what takes longer than a commit,
    `on_leave` is told of each seat that leaves, `chronicle` of each commit.
    """

    # fmt: off
    __slots__ = (
        "_attendance", "_audience", "_beat", "_chronicle", "_committing", "_is_new", "_ledger", "_limits",
        "_now", "_offers", "_on_leave", "_rested", "_spawn", "_stats", "_wakeup", "failure", "loading",
        "name", "over",
    )
    # fmt: on

    def __init__(
        self,
        name: str,
        log: Log,
        limits: Limits,
        stats: Stats,
        *,
        now: Callable[[], int],
        spawn: Spawn,
        on_leave: Callable[[Seat], None],
        chronicle: Chronicle,
        beat: Beat,
    ) -> None:
        self.name = name
        self.loading: anyio.Event | None = anyio.Event()
        self.failure: Exception | None = None
        self.over = False
        self._limits = limits
        self._stats = stats
        self._now = now
        self._spawn = spawn
        self._on_leave = on_leave
        self._chronicle = chronicle
        self._beat = beat
        self._wakeup = Wakeup()
        self._rested = Wakeup()
        self._ledger = Ledger(name, log)
        self._audience = Audience(self._ledger, limits, stats, self._wakeup)
        self._attendance: Attendance | None = None
        self._offers: list[Offer] = []
        self._committing = False
        self._is_new = False

    @property
    def seats(self) -> Iterable[Seat]:
        """Who has it open."""
        return self._audience.seats

    @property
    def pending(self) -> int:
        """Updates that wait for their commit."""
        return len(self._offers)

    # What the chronicle asks.

    @property
    def is_dropped(self) -> bool:
        """Whether it is a page that is there no more (H11): nobody may open it, and nothing is taken."""
        return self._ledger.is_dropped

    async def drop(self) -> None:
        """It is dropped from now on: its sessions end, and on return nothing writes to it any more."""
        self._ledger.is_dropped = True
        for seat in list(self.seats):
            seat.end(ProtocolError(DROPPED, CloseCode.GONE))
        await self.finish()

    @property
    def is_still(self) -> bool:
        """Whether it is exactly what the log holds."""
        return not self._committing

    def content(self) -> bytes:
        """All of it, as one update."""
        return self._ledger.difference(NO_STATE)

    def rows(self, root: str) -> dict[str, Any]:
        """The rows of a root, as they stand in the doc."""
        return self._ledger.rows(root)

    def is_full(self, messages: int) -> bool:
        """Whether a page with so many messages is so large that there should be another one."""
        return self._ledger.is_full(self._limits, messages)

    @property
    def seq(self) -> int:
        """The newest entry of the log."""
        return self._ledger.seq

    def stored(self, root: str, keys: Iterable[str]) -> dict[str, Any]:
        """What some rows are; None for those that are not there.

        To be asked while a commit is told: then the doc is what the log holds.
        """
        return self._ledger.stored(root, keys)

    # What a line says.

    def join(self, seat: Seat) -> None:
        """Somebody is admitted; until it asks for the state it hears nothing."""
        self._audience.seats[seat] = None
        seat.doc = self
        if self._ledger.is_cover:
            self._chronicle.flush(self.name)  # while nobody was here it was not written

    def leave(self, seat: Seat) -> None:
        """Somebody has gone: its presence is cleared for everybody at once (P3)."""
        seat.doc = None
        self._audience.leave(seat)
        self.hide(seat)
        self._wakeup.call()
        self._on_leave(seat)

    def offer(self, seat: Seat, update: bytes, *, whole: bool) -> None:
        """Somebody offers an update; it is settled when it is durable.

        Who is the first to write a doc is charged for it; raises OverLimit if it may not be.
        """
        if self._is_new and update != NOTHING and seat.grant.role.writes and seat.account is not None:
            seat.account.charge_doc(asyncio.get_running_loop().time())
            self._is_new = False
        seat.took(len(update))
        self._offers.append(Offer(seat, update, whole, perf_counter()))
        if update == NOTHING:
            self._wakeup.call()  # who only enters waits for nobody
        else:
            self._beat.wake(self._wakeup)

    async def write(self, update: bytes, *, only_if: Callable[[], bool] | None = None) -> None:
        """Write as the server itself; on return it is durable. Not after the doc is `over`.

        Raises LogError, and Refused: with the rule H6 if `only_if` said no when its turn came.
        """
        await self._offer_own(update, only_if).done

    def write_soon(self, update: bytes) -> None:
        """Write as the server itself; if that fails the doc is unloaded, as ever (D3)."""
        self._offer_own(update, None)

    def _offer_own(self, update: bytes, only_if: Callable[[], bool] | None) -> ServerWrite:
        own = ServerWrite(only_if)
        self._offers.append(Offer(None, update, True, perf_counter(), own))
        self._wakeup.call()
        return own

    def ask(self, seat: Seat, state: bytes) -> None:
        """Somebody asks for what it lacks; raises MalformedUpdate if `state` is no state vector.

        Asking again before the answer has come replaces the question.
        """
        decode_state(state)
        self._audience.ask(seat, state)

    def present(self, seat: Seat, entries: bytes) -> None:
        """Somebody tells its presence. Raises MalformedUpdate. What a reader tells is passed over (G11)."""
        if not seat.grant.role.writes:
            self._stats.refusals["G11"] += 1
            return
        if self._attendance is None:
            self._attendance = Attendance(
                self._audience,
                self._limits,
                self._stats,
                owns=self._ledger.owns,
                spawn=self._spawn,
                on_read=partial(self._chronicle.hear_reading, self) if self._ledger.is_cover else None,
            )
        self._attendance.present(seat, entries)

    def hide(self, seat: Seat) -> None:
        """Clear somebody's presence for everybody."""
        if self._attendance is not None:
            self._attendance.hide(seat)

    def ask_presence(self, seat: Seat) -> None:
        """Somebody asks who is here."""
        if self._attendance is not None:
            self._attendance.tell(seat)

    # The one task.

    async def run(self) -> None:
        """Load, then commit and answer until nobody has been here for the idle time; then it is `over`.

        Raises LogError if the log fails: what was not acknowledged is not in the log, and the doc
        is not to be used any more.
        """
        await self._ledger.load()
        is_empty = not self._ledger.entries
        self._is_new = is_empty and self._ledger.is_open  # the next page of a room is the server's to begin
        if self._ledger.is_page:
            self._ledger.is_dropped = await self._chronicle.opened(self, is_empty=is_empty)
        self.release()
        while True:
            if self._is_wanted:
                await self._wakeup.sleep()
            elif await self._is_over():
                return
            await self._commit()
            self._audience.answer(self.ask_presence)
            slow, self._audience.slow = self._audience.slow, []
            for seat in slow:
                self._spawn(self._until_drained, seat)
            if self._ledger.is_long(self._limits) and not self._ledger.compacting:
                self._spawn(self._ledger.compact)

    def release(self) -> None:
        """Wake all who wait for the doc: it is loaded, or has failed."""
        if self.loading is not None:
            self.loading.set()
            self.loading = None
        self._rested.call()

    def close(self) -> None:
        """Nobody serves it any more: tell all who wait for it, or for what they wrote."""
        self._give_up(self._offers)
        self.release()
        self._ledger.close()

    async def finish(self) -> None:
        """Return when everything that was offered is durable and settled."""
        while self.failure is None and (self._offers or self._committing):
            await self._rested.sleep()

    async def _is_over(self) -> bool:
        """Wait until there is something to do; True if there was nobody to do it for, for the idle time."""
        with anyio.move_on_after(self._idle_seconds) as idle:
            await self._wakeup.sleep()
        if idle.cancelled_caught and not self._is_wanted:
            if self._ledger.entries > 1:
                await self._ledger.compact()
            self._chronicle.flush(self.name)
            self.over = not self._is_wanted
        return self.over

    @property
    def _idle_seconds(self) -> float:
        limits = self._limits
        if self._chronicle.is_older(self.name):
            return min(limits.idle_seconds, limits.older_page_idle_seconds)
        return limits.idle_seconds

    @property
    def _is_wanted(self) -> bool:
        return bool(self._audience.seats or self._offers)

    async def _until_drained(self, seat: Seat) -> None:
        try:
            await seat.line.drained()
        except LinkClosed:
            return  # whoever serves the link hears it as well, and makes the seat leave
        self._audience.caught_up(seat)

    # A commit.

    async def _commit(self) -> None:
        offers = self._take_offers()
        if not offers:
            return
        self._committing = True
        try:
            if not self._ledger.is_open:
                self._ledger.is_open = await self._chronicle.is_open(self.name)
            self._audience.mark_slow()
            outcomes = self._ledger.apply(offers, self._now())
            begun, self._ledger.begun = self._ledger.begun, None
            if begun is not None:
                marks = await self._chronicle.prepare(self.name, begun)
                if marks is not None:
                    outcomes += self._ledger.amend(marks, self._now())
            update = await self._ledger.append()
        except BaseException:
            self._give_up(offers)
            raise
        finally:
            for offer in offers:
                if offer.seat is not None:
                    offer.seat.finished(len(offer.update))
            self._committing = False
            self._rested.call()
        self._settle(outcomes)
        if update is not None:
            self._fan_out(update, outcomes)
            self._tell(update, outcomes, begun)

    def _give_up(self, offers: Iterable[Offer]) -> None:
        for offer in offers:
            if offer.own is not None:
                offer.own.settle(LogError(f"doc {self.name} could not be written"))

    def _take_offers(self) -> list[Offer]:
        if len(self._offers) < 2:
            taken, self._offers = self._offers, []
            return taken
        size = count = 0
        for offer in self._offers[: self._limits.commit_updates]:
            if size > self._limits.commit_bytes:
                break
            size += len(offer.update)
            count += 1
        taken, self._offers = self._offers[:count], self._offers[count:]
        if self._offers:
            self._wakeup.call()
        return taken

    # What is told when a commit is durable.

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        for offer, verdict, parts in outcomes:
            seat = offer.seat
            if seat is None:
                if offer.own is not None:
                    offer.own.settle(verdict if isinstance(verdict, Refused) else None)
                continue
            if isinstance(verdict, Refused):
                self._stats.refusals[verdict.rule] += 1
            if parts >= PARTS and seat.account is not None:
                seat.account.charge_parts(parts, asyncio.get_running_loop().time())
            if seat.doc is not self:
                continue
            try:
                self._say_outcome(seat, offer, verdict)
            except ProtocolError as error:
                seat.line.fail(error)

    def _say_outcome(self, seat: Seat, offer: Offer, verdict: Accept | Refused | None) -> None:
        if isinstance(verdict, Accept):
            seat.session.settle(whole=offer.whole)
        elif isinstance(verdict, Refused):
            seat.session.refuse(verdict.rule, verdict.reason, verdict.rows, whole=offer.whole)
        else:
            seat.session.ask_for_gap(self._ledger.state())
        seat.flush()

    def _fan_out(self, update: bytes, outcomes: list[Outcome]) -> None:
        news = [offer for offer, verdict, _ in outcomes if isinstance(verdict, Accept) and verdict.is_news]
        author = news[0].seat if news else None
        is_only = len(news) == 1 or all(offer.seat is author for offer in news)
        self._audience.fan_out(update, author if is_only else None)
        self._count(news)

    def _tell(self, update: bytes, outcomes: Iterable[Outcome], begun: Collection[Plan] | None) -> None:
        """Have the commit in the chronicle."""
        rows = {} if begun is None else new_rows(begun)
        if rows:
            self._chronicle.record(self, rows)
        if self._ledger.is_cover:
            self._chronicle.hear_cover(self.name, update)
        elif self._ledger.is_page and self._chronicle.committed.is_heard:
            plans = [verdict.plan for _, verdict, _ in outcomes if isinstance(verdict, Accept)]
            self._chronicle.tell(self, plans, rows)

    def _count(self, accepted: Iterable[Offer]) -> None:
        now, updates, stats = perf_counter(), 0, self._stats
        for offer in accepted:
            if offer.seat is not None:  # the server's own work is not what it is asked for
                stats.acknowledged.observe(now - offer.time)
                updates += 1
        if updates:
            stats.commits += 1
            stats.updates += updates
            stats.group_size.observe(updates)

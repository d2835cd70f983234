"""A doc that is served: judged, applied, appended to the log, and only then shown to anybody."""

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter

import anyio

from syncchat.core.guard import Accept
from syncchat.core.lib0 import decode_state
from syncchat.errors import LinkClosed, ProtocolError, Refused
from syncchat.hub.accounts import PARTS
from syncchat.hub.attendance import Attendance, Spawn
from syncchat.hub.audience import Audience
from syncchat.hub.chronicle import Chronicle
from syncchat.hub.ledger import Ledger, Offer, Outcome
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Seat
from syncchat.hub.stats import Stats
from syncchat.log import Log
from syncchat.wakeup import Wakeup

NOTHING = b"\x00\x00"
"""The update that changes nothing."""


class ServedDoc:
    """One doc in memory, with its readers; `run` is its one task, and the only one that changes it.

    Between two commits the doc is exactly what the log holds, and only then is anybody answered.
    `now` tells the time in milliseconds since 1970, `spawn` starts what takes longer than a commit,
    `on_leave` is told of each seat that leaves, `chronicle` of each commit.
    """

    # fmt: off
    __slots__ = (
        "_attendance", "_audience", "_chronicle", "_committing", "_is_new", "_ledger", "_limits", "_now",
        "_offers", "_on_leave", "_rested", "_spawn", "_stats", "_wakeup", "failure", "loading", "name",
        "over",
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

    # What a line says.

    def join(self, seat: Seat) -> None:
        """Somebody is admitted; until it asks for the state it hears nothing."""
        self._audience.seats[seat] = None
        seat.doc = self

    def leave(self, seat: Seat) -> None:
        """Somebody has gone: its presence is cleared for everybody at once (P3)."""
        seat.doc = None
        self._audience.seats.pop(seat, None)
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
        self._wakeup.call()

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
                self._audience, self._limits, self._stats, owns=self._ledger.owns, spawn=self._spawn
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
        self._is_new = not self._ledger.entries
        self.release()
        while not await self._is_over():
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

    async def finish(self) -> None:
        """Return when everything that was offered is durable and settled."""
        while self.failure is None and (self._offers or self._committing):
            await self._rested.sleep()

    async def _is_over(self) -> bool:
        """Wait until there is something to do; True if there was nobody to do it for, for the idle time."""
        if self._is_wanted:
            await self._wakeup.sleep()
            return False
        with anyio.move_on_after(self._limits.idle_seconds) as idle:
            await self._wakeup.sleep()
        if idle.cancelled_caught and not self._is_wanted:
            if self._ledger.entries > 1:
                await self._ledger.compact()
            self.over = not self._is_wanted
        return self.over

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
        self._audience.mark_slow()
        self._committing = True
        try:
            outcomes = self._ledger.apply(offers, self._now())
            update = await self._ledger.append()
        finally:
            for offer in offers:
                offer.seat.finished(len(offer.update))
            self._committing = False
            self._rested.call()
        self._settle(outcomes)
        if update is not None:
            self._fan_out(update, outcomes)

    def _take_offers(self) -> list[Offer]:
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
            if isinstance(verdict, Refused):
                self._stats.refusals[verdict.rule] += 1
            seat = offer.seat
            if parts >= PARTS and seat.account is not None:
                seat.account.charge_parts(parts, asyncio.get_running_loop().time())
            if seat.doc is not self:
                continue
            try:
                self._say_outcome(seat, offer, verdict)
            except ProtocolError as error:
                seat.line.fail(error)

    def _say_outcome(self, seat: Seat, offer: Offer, verdict: Accept | Refused | None) -> None:
        if verdict is None:
            seat.session.ask_for_gap(self._ledger.state())
        elif isinstance(verdict, Refused):
            seat.session.refuse(verdict.rule, verdict.reason, verdict.rows, whole=offer.whole)
        else:
            seat.session.settle(whole=offer.whole)
        seat.flush()

    def _fan_out(self, update: bytes, outcomes: list[Outcome]) -> None:
        accepted = [(offer, verdict) for offer, verdict, _ in outcomes if isinstance(verdict, Accept)]
        authors = {offer.seat for offer, verdict in accepted if verdict.is_news}
        self._audience.fan_out(update, authors.pop() if len(authors) == 1 else None)
        self._count(offer for offer, _ in accepted)
        if self._chronicle.committed.is_heard and self._ledger.is_page:
            self._chronicle.tell(self.name, (verdict for _, verdict in accepted))

    def _count(self, accepted: Iterable[Offer]) -> None:
        now, group = perf_counter(), 0
        for offer in accepted:
            group += 1
            self._stats.acknowledged.observe(now - offer.time)
        self._stats.commits += 1
        self._stats.updates += group
        self._stats.group_size.observe(group)

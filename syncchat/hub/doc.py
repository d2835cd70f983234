"""A doc that is served: judged, applied, appended to the log, and only then shown to anybody."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import anyio
from pycrdt import Doc, TransactionEvent

from syncchat.compaction import compact, is_worthwhile
from syncchat.core.guard import Accept, judge
from syncchat.core.ids import parse_doc
from syncchat.core.lib0 import decode_state
from syncchat.core.messages import Awareness, Message, Step1, Step2, Update
from syncchat.core.presence import Entry, PresenceDesk, decode, encode
from syncchat.core.schema import schema_of
from syncchat.core.snapshot import NotEqual
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode as decode_update
from syncchat.errors import (
    CloseCode,
    LinkClosed,
    LogError,
    MalformedUpdate,
    ProtocolError,
    Refused,
    SyncchatError,
)
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Seat
from syncchat.log import Log
from syncchat.wakeup import Wakeup

logger = logging.getLogger("syncchat.hub")


def _presence_floor() -> int:
    # Tenths of a second since 2026: later after each restart, and within the 32 bits of yrs for 13 years.
    return max(0, int((time.time() - 1_767_225_600) * 10))


Spawn = Callable[..., object]
"""Starts a coroutine function with its arguments, as TaskGroup.start_soon does."""


class Poisoned(SyncchatError):
    """The CRDT library failed on an update the guard let through; the doc in memory is not to be trusted."""


class Offer(NamedTuple):
    """An update somebody wants in the doc; `whole` if it is everything its sender has."""

    seat: Seat
    update: bytes
    whole: bool


class Outcome(NamedTuple):
    """What became of an offer: accepted, waiting for a gap (None), or refused."""

    offer: Offer
    verdict: Accept | Refused | None


class ServedDoc:
    """One doc in memory, with its readers; `run` is its one task, and the only one that changes it.

    Between two commits the doc is exactly what the log holds, and only then is anybody answered.
    """

    # fmt: off
    __slots__ = (
        "_asking", "_committing", "_compacting", "_doc", "_drained", "_entries", "_everything", "_index",
        "_limits", "_log", "_made", "_observing", "_offers", "_presence", "_readers", "_rested", "_schema",
        "_slow", "_wakeup", "failure", "loading", "name", "over", "seats",
    )
    # fmt: on

    def __init__(self, name: str, log: Log, limits: Limits) -> None:
        self.name = name
        self.loading: anyio.Event | None = anyio.Event()
        self.failure: Exception | None = None
        self.over = False
        self.seats: set[Seat] = set()
        self._schema = schema_of(parse_doc(name))
        self._log = log
        self._limits = limits
        self._doc: Doc[Any] = Doc()
        self._index = StructIndex(self._doc.get_update)
        self._presence = PresenceDesk(floor=_presence_floor())
        self._readers: dict[Seat, None] = {}
        self._offers: list[Offer] = []
        self._asking: dict[Seat, bytes] = {}
        self._drained: dict[Seat, None] = {}
        self._slow: list[Seat] = []
        self._wakeup = Wakeup()
        self._made: bytes | None = None
        self._everything: bytes | None = None
        self._entries = 0
        self._committing = False
        self._compacting = False
        self._rested = Wakeup()
        self._observing = self._doc.observe(self._on_update)

    # What a line says.

    def join(self, seat: Seat) -> None:
        """Somebody is admitted; until it asks for the state it hears nothing."""
        self.seats.add(seat)
        seat.leave = partial(self.leave, seat)

    def leave(self, seat: Seat) -> None:
        """Somebody has gone: its presence is cleared for everybody at once (P3)."""
        self.seats.discard(seat)
        self._readers.pop(seat, None)
        seat.leave = None
        gone = self._presence.leave(seat)
        if gone is not None:
            self._spread(gone)
        self._wakeup.call()

    def offer(self, seat: Seat, update: bytes, *, whole: bool) -> None:
        """Somebody offers an update; it is settled when it is durable."""
        seat.took(len(update))
        self._offers.append(Offer(seat, update, whole))
        self._wakeup.call()

    def ask(self, seat: Seat, state: bytes) -> None:
        """Somebody asks for what it lacks; raises MalformedUpdate if `state` is no state vector.

        Asking again before the answer has come replaces the question.
        """
        decode_state(state)
        self._asking[seat] = state
        self._wakeup.call()

    def present(self, seat: Seat, entries: bytes) -> None:
        """Somebody tells its presence; everybody hears it, the sender too. Raises MalformedUpdate."""
        news = self._presence.accept(entries, seat)
        if news is not None:
            self._spread(news, besides=seat)
            if seat in self._readers and not self._is_slow(seat):
                seat.say(Awareness(entries))  # a stock client counts it as a sign of life

    def ask_presence(self, seat: Seat) -> None:
        """Somebody asks who is here."""
        others = self._presence.all(besides=seat)
        if others is not None:
            seat.say(Awareness(others))

    # The one task.

    async def run(self, spawn: Spawn) -> None:
        """Load, then commit and answer until nobody has been here for the idle time; then it is `over`.

        `spawn` starts what takes longer than a commit. Raises LogError if the log fails: what was
        not acknowledged is not in the log, and the doc is not to be used any more.
        """
        await self._load()
        self.release()
        while not await self._is_over():
            await self._commit()
            self._answer()
            slow, self._slow = self._slow, []
            for seat in slow:
                spawn(self._until_drained, seat)
            if self._entries >= self._limits.compact_entries and not self._compacting:
                spawn(self._compact)

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
        if self.seats or self._offers:
            await self._wakeup.sleep()
            return False
        with anyio.move_on_after(self._limits.idle_seconds) as idle:
            await self._wakeup.sleep()
        if idle.cancelled_caught and not self.seats and not self._offers:
            if self._entries > 1:
                await self._compact()
            self.over = not self.seats and not self._offers
        return self.over

    async def _load(self) -> None:
        entries = await self._log.read(self.name)
        if is_worthwhile(entries):
            await self._compact()
            entries = await self._log.read(self.name)
        with self._doc.transaction():
            for entry in entries:
                self._doc.apply_update(entry.data)
        self._made = None
        self._entries = len(entries)
        whole = self._doc.get_update
        self._index = StructIndex.load(whole(), self._schema.owner_of, source=whole)

    async def _commit(self) -> None:
        offers = self._take_offers()
        if not offers:
            return
        self._mark_slow()
        self._committing = True
        try:
            outcomes = self._apply(offers)
            update, self._made = self._made, None
            if update is not None:
                await self._log.append(self.name, [update])
                self._entries += 1
                self._everything = None
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

    def _apply(self, offers: Iterable[Offer]) -> list[Outcome]:
        """Judge and apply in one transaction, whose one update is the commit."""
        try:
            with self._doc.transaction():
                return [Outcome(offer, self._take(offer)) for offer in offers]
        except BaseException as error:
            # A panic of the CRDT library is a BaseException; it poisons this doc and must end no other.
            if type(error).__name__ != "PanicException":
                raise
            raise Poisoned(f"doc {self.name}: the CRDT library failed on an update") from error

    def _take(self, offer: Offer) -> Accept | Refused | None:
        try:
            update = decode_update(offer.update)
            verdict = judge(update, self._index, user=offer.seat.user, schema=self._schema)
        except MalformedUpdate as error:
            return Refused("G4", str(error))
        except Refused as refusal:
            return refusal
        if not isinstance(verdict, Accept):
            return Refused("S5", "it builds on what neither side has") if offer.whole else None
        self._index.extend(verdict.plan, offer.seat.user)
        self._doc.apply_update(offer.update)
        return verdict

    def _on_update(self, event: TransactionEvent) -> None:
        self._made = event.update

    # What is told when a commit is durable.

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        for offer, verdict in outcomes:
            seat = offer.seat
            if seat not in self.seats:
                continue
            try:
                self._say_outcome(seat, offer, verdict)
            except ProtocolError as error:
                seat.line.end(error.code, error.reason)

    def _say_outcome(self, seat: Seat, offer: Offer, verdict: Accept | Refused | None) -> None:
        if verdict is None:
            seat.session.ask_for_gap(self._doc.get_state())
        elif isinstance(verdict, Refused):
            seat.session.refuse(verdict.rule, verdict.reason, verdict.rows, whole=offer.whole)
        else:
            seat.session.settle(whole=offer.whole)
        seat.flush()

    def _fan_out(self, update: bytes, outcomes: list[Outcome]) -> None:
        authors = {
            offer.seat for offer, verdict in outcomes if isinstance(verdict, Accept) and verdict.is_news
        }
        only_author = authors.pop() if len(authors) == 1 else None
        readers = [seat for seat in self._readers if seat.behind is None and seat is not only_author]
        self._tell(readers, Update(update))

    def _tell(self, seats: Iterable[Seat], message: Message) -> None:
        """Say the same to all of them, encoded once for each dialect and routing key."""
        frames: dict[tuple[type, str], bytes | None] = {}
        for seat in seats:
            line = seat.line
            kind = (type(line.dialect), seat.key)
            if kind not in frames:
                frames[kind] = line.dialect.encode(seat.key, message)
            frame = frames[kind]
            if frame is not None:
                line.link.send(frame)

    def _answer(self) -> None:
        """Tell those who ask, now that the doc is exactly what the log holds (D2)."""
        drained, self._drained = self._drained, {}
        for seat in drained:
            self._catch_up(seat)
        asking, self._asking = self._asking, {}
        for seat, state in asking.items():
            if seat not in self.seats:
                continue
            if seat not in drained and self._is_slow(seat):
                self._asking[seat] = state
                self._wait_for(seat)
                continue
            self._readers[seat] = None
            seat.say(Step2(self._difference(state)))
            seat.say(Step1(self._doc.get_state()))
            self.ask_presence(seat)

    def _difference(self, state: bytes) -> bytes:
        if state != b"\x00":
            return self._doc.get_update(state)
        if self._everything is None:
            self._everything = self._doc.get_update()
        return self._everything

    # Slow readers.

    def _is_slow(self, seat: Seat) -> bool:
        return seat.waiting or seat.backlog() > self._limits.reader_backlog

    def _mark_slow(self) -> None:
        state: bytes | None = None
        for seat in self._readers:
            if seat.behind is None and self._is_slow(seat):
                state = state or self._doc.get_state()
                seat.behind = state
                self._wait_for(seat)

    def _wait_for(self, seat: Seat) -> None:
        if not seat.waiting:
            seat.waiting = True
            self._slow.append(seat)
            self._wakeup.call()

    async def _until_drained(self, seat: Seat) -> None:
        try:
            await seat.line.link.drained()
        except LinkClosed:
            return  # whoever serves the link hears it as well, and makes the seat leave
        self._drained[seat] = None
        self._wakeup.call()

    def _catch_up(self, seat: Seat) -> None:
        seat.waiting = False
        state, seat.behind = seat.behind, None
        if state is not None:
            seat.say(Update(self._doc.get_update(state)))
        if seat.missed:
            seat.say(Awareness(encode(seat.missed.values())))
            seat.missed.clear()

    def _spread(self, entries: bytes, besides: Seat | None = None) -> None:
        readers = [seat for seat in self._readers if seat is not besides]
        slow = [seat for seat in readers if self._is_slow(seat)]
        self._tell([seat for seat in readers if seat not in slow], Awareness(entries))
        for seat in slow:
            self._keep_presence(seat, decode(entries))
            self._wait_for(seat)

    def _keep_presence(self, seat: Seat, entries: list[Entry]) -> None:
        seat.missed.update((entry.client, entry) for entry in entries)
        if len(seat.missed) > self._limits.missed_presence:
            seat.line.end(CloseCode.TRY_LATER, "reads too slowly")

    # Compaction.

    async def _compact(self) -> None:
        self._compacting = True
        try:
            await compact(self._log, self.name)
            self._entries = (await self._log.size(self.name))[0]
        except (LogError, NotEqual) as error:
            self._entries = 0  # it is tried again after as many commits more
            logger.error("doc %s was not compacted: %s", self.name, error)
        finally:
            self._compacting = False

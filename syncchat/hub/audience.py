"""Who has a doc open, what they are told, and those among them who read too slowly (S4)."""

from collections.abc import Callable, Iterable

from syncchat.core.messages import Awareness, Message, Step1, Step2, Update
from syncchat.core.presence import Entry, decode, encode
from syncchat.errors import CloseCode
from syncchat.hub.circle import Circle, circles_of
from syncchat.hub.ledger import Ledger
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Seat
from syncchat.hub.stats import Stats
from syncchat.wakeup import Wakeup


class Audience:
    """The seats of one doc, in the order in which they came; whose `reads` is set is told what happens.

    `slow` are seats whose link has to be waited for, until `caught_up`. `wakeup` is called when
    there is something to `answer`.
    """

    # fmt: off
    __slots__ = (
        "_asking", "_backlogged", "_circles", "_drained", "_ledger", "_limits", "_stats", "_wakeup", "seats",
        "slow",
    )
    # fmt: on

    def __init__(self, ledger: Ledger, limits: Limits, stats: Stats, wakeup: Wakeup) -> None:
        self.seats: dict[Seat, None] = {}
        self.slow: list[Seat] = []
        self._circles: list[Circle] | None = None
        """All who read and are up to date; None if that has to be looked at again."""
        self._backlogged: dict[Seat, None] = {}
        """Whose links had a backlog when they were told something last: only they can be too slow now."""
        self._drained: dict[Seat, None] = {}
        self._asking: dict[Seat, bytes] = {}
        self._ledger = ledger
        self._limits = limits
        self._stats = stats
        self._wakeup = wakeup

    def leave(self, seat: Seat) -> None:
        """Somebody is here no more."""
        self.seats.pop(seat, None)
        self._backlogged.pop(seat, None)
        self._circles = None

    def tell(self, circles: Iterable[Circle], message: Message, besides: Seat | None = None) -> None:
        """Say the same to all of them (but one)."""
        for circle in circles:
            self._backlogged.update(dict.fromkeys(circle.tell(message, besides, self._stats)))

    def fan_out(self, update: bytes, author: Seat | None) -> None:
        """Tell all readers of a commit, but its only `author` (S8)."""
        if self._circles is None:
            self._circles = circles_of(seat for seat in self.seats if seat.reads and seat.behind is None)
        self.tell(self._circles, Update(update), besides=author)

    def spread(self, entries: bytes, besides: Seat | None = None) -> None:
        """Tell all readers (but one) of presence; the slow ones later."""
        readers = [seat for seat in self.seats if seat.reads and seat is not besides]
        slow = [seat for seat in readers if self.is_slow(seat)]
        self.tell(circles_of(seat for seat in readers if seat not in slow), Awareness(entries))
        for seat in slow:
            self._keep(seat, decode(entries))
            self._wait_for(seat)

    # Questions.

    def ask(self, seat: Seat, state: bytes) -> None:
        """A seat with this state vector asks for what it lacks; asking again replaces the question."""
        self._asking[seat] = state
        self._wakeup.call()

    def answer(self, presence: Callable[[Seat], None]) -> None:
        """Tell those who ask, or have caught up, what the ledger says now; to who asks also `presence`.

        Call it only while the ledger is exactly what the log holds (D2).
        """
        drained, self._drained = self._drained, {}
        for seat in drained:
            self._catch_up(seat)
        asking, self._asking = self._asking, {}
        for seat, state in asking.items():
            if seat not in self.seats:
                continue
            if seat not in drained and self.is_slow(seat):
                self._asking[seat] = state
                self._wait_for(seat)
                continue
            seat.reads = True
            self._circles = None
            self._say(seat, Step2(self._ledger.difference(state)))
            seat.say(Step1(self._ledger.state()))
            presence(seat)

    def _say(self, seat: Seat, message: Message) -> None:
        seat.say(message)
        if seat.backlog():
            self._backlogged[seat] = None

    # Slow readers.

    def is_slow(self, seat: Seat) -> bool:
        """Whether it has to read before more is queued for it."""
        return seat.waiting or seat.line.link.backlog() > self._limits.reader_backlog

    def mark_slow(self) -> None:
        """Before a commit: who is too slow gets one difference from here instead."""
        state: bytes | None = None
        backlogged, self._backlogged = self._backlogged, {}
        for seat in backlogged:
            if seat.behind is None and seat.reads and seat in self.seats and self.is_slow(seat):
                state = state or self._ledger.state()
                seat.behind = state
                self._circles = None
                self._stats.slow_readers += 1
                self._wait_for(seat)

    def _wait_for(self, seat: Seat) -> None:
        if not seat.waiting:
            seat.waiting = True
            self._backlogged[seat] = None
            self.slow.append(seat)
            self._wakeup.call()

    def caught_up(self, seat: Seat) -> None:
        """The link of a slow seat has taken what was under way."""
        self._drained[seat] = None
        self._wakeup.call()

    def _catch_up(self, seat: Seat) -> None:
        seat.waiting = False
        state, seat.behind = seat.behind, None
        self._circles = None
        if state is not None:
            self._say(seat, Update(self._ledger.difference(state)))
        missed, seat.missed = seat.missed, None
        if missed:
            seat.say(Awareness(encode(missed.values())))

    def _keep(self, seat: Seat, entries: list[Entry]) -> None:
        seat.missed = seat.missed or {}
        seat.missed.update((entry.client, entry) for entry in entries)
        if len(seat.missed) > self._limits.missed_presence:
            seat.line.end(CloseCode.TRY_LATER, "reads too slowly: it has missed too much (missed_presence)")

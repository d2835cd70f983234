"""The hub: takes links, opens docs for them, and keeps each failure where it belongs."""

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import anyio

from syncchat.core.closing import OverLimit
from syncchat.core.dialect import Dialect, HocuspocusDialect
from syncchat.core.grant import Claims
from syncchat.core.listeners import Signal
from syncchat.core.messages import Auth, Ping
from syncchat.errors import CloseCode, ProtocolError
from syncchat.hub.accounts import FULL
from syncchat.hub.chronicle import Committed
from syncchat.hub.door import Authorize, Door
from syncchat.hub.limits import Limits
from syncchat.hub.reception import Reception
from syncchat.hub.seat import Line, Seat, Stranger
from syncchat.hub.shelf import Shelf
from syncchat.hub.stats import Stats
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.link.protocol import Link
from syncchat.log import Log

GRACE = 5.0
"""Seconds that commits under way, and goodbyes, may take when a hub or a link is ended."""


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


class Hub:
    """Serves docs from one log to any number of links.

    Use it as an async context manager; the log is its own from then on and is entered and left
    with it. Leaving ends every link with RESTART, after the commits under way. `authorize` says
    what a token allows in a doc; `now` tells the time in milliseconds since 1970, `rng` makes
    the client ids under which the server itself writes.
    """

    def __init__(
        self,
        log: Log,
        *,
        authorize: Authorize,
        limits: Limits | None = None,
        now: Callable[[], int] = _wall_clock,
        rng: random.Random | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.stats = Stats()
        self.turns: Signal[None] = Signal("listeners to who comes and goes failed")
        """Told whenever somebody opens or leaves a doc."""
        self._log = log
        self._door = Door(authorize, self.limits, now)
        self._shelf = Shelf(
            log, self.limits, self.stats, now=now, on_leave=self._left, rng=rng or random.SystemRandom()
        )
        self.committed: Signal[Committed] = self._shelf.chronicle.committed
        """Told of each page of a room when a commit that changed messages is durable: of its name and
        their ids. Who listens is called in the middle of the hub's work, and is to take note only."""
        self._reception = Reception(self._shelf, self._door, self.limits, self.stats, self._turned)
        self._lines: dict[Line, None] = {}  # a set would ping them in another order each time
        self._addresses: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        await self._log.__aenter__()
        await self._shelf.__aenter__()
        self._shelf.spawn(self._ping)
        self._shelf.spawn(self._door.run)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self.drain(GRACE)
            await self._shelf.__aexit__()
        finally:
            await self._log.__aexit__(kind, error, traceback)

    async def drain(self, seconds: float) -> None:
        """Take nothing in any more, make durable what was taken in, and end every link with RESTART (R3).

        Commits under way may take so many seconds; what is not durable then was not acknowledged,
        and its sender still has it. Drained once, a hub serves nobody any more.
        """
        self._reception.is_closed = True
        with anyio.move_on_after(seconds):
            await self._shelf.finish()
        for line in list(self._lines):
            line.end(CloseCode.RESTART, "the server restarts")

    def recheck(self, revoked: Callable[[str], bool]) -> int:
        """End the sessions whose token's id is `revoked` (U4); returns how many there were."""
        seats = [seat for line in self._lines for seat in line.seats.values()]
        gone = [seat for seat in seats if seat.grant.token_id and revoked(seat.grant.token_id)]
        for seat in gone:
            seat.end(
                ProtocolError("the token has been revoked: ask for a new one", CloseCode.UNAUTHENTICATED)
            )
        return len(gone)

    def occupants(self) -> dict[str, set[str]]:
        """For each doc in memory, the users who have it open."""
        return {name: {seat.user for seat in doc.seats} for name, doc in self._shelf.docs.items()}

    async def write_as_server(self, doc: str, update: bytes) -> None:
        """Write into a doc what nobody else may (G3); on return it is durable. Raises LogError, Refused."""
        await (await self._shelf.load(doc)).write(update)

    async def drop_before(self, room: str, page: int) -> None:
        """Tell a room that its pages before this one, but never the newest, are there no more (H11).

        On return that is durable, and nothing is written to them: the log may drop them. Raises LogError.
        """
        await self._shelf.chronicle.drop_before(room, page)

    @property
    def loaded(self) -> list[str]:
        """The names of the docs in memory."""
        return sorted(self._shelf.docs)

    @property
    def links(self) -> int:
        """How many links are served now."""
        return len(self._lines)

    @property
    def sessions(self) -> int:
        """How many docs are open on all links together."""
        return sum(len(line.seats) for line in self._lines)

    @property
    def backlog(self) -> int:
        """Bytes under way on all links together, which the network has not taken yet."""
        return sum(line.link.backlog() for line in self._lines)

    @property
    def pending(self) -> int:
        """How many updates wait for their commit."""
        return sum(doc.pending for doc in self._shelf.docs.values())

    @asynccontextmanager
    async def connect(self, _doc: str = "", *, grant: Claims | None = None) -> AsyncIterator[MemoryLink]:
        """A link to this hub from its own process; it is closed when the block is left.

        With claims in `grant` they decide what it opens, whatever its tokens are.
        """
        here, there = memory_pipe()
        self._shelf.spawn(self._serve, Line(there, HocuspocusDialect(), self.stats, grant))
        try:
            yield here
        finally:
            await here.aclose()

    def serve(
        self, link: Link, dialect: Dialect, token: str = "", doc: str = "", address: str = ""
    ) -> Coroutine[Any, Any, None]:
        """Serve a link until it ends, and close it; never raises for what the other side does.

        In a dialect without authentication of its own the link's `token` opens its one `doc`.
        `address` is where the link comes from, for the bound on links of one address.
        """
        line = Line(link, dialect, self.stats)
        line.stranger = Stranger()
        # The coroutine itself: one around it would be kept for each idle connection.
        return self._serve(line, token, doc, "" if _is_loopback(address) else address)

    async def _serve(self, line: Line, token: str = "", doc: str = "", address: str = "") -> None:
        self._lines[line] = None
        if address:
            self._addresses[address] += 1
        try:
            with line.scope:
                self._begin(line, token, doc, address)
                await self._reception.listen(line)
        finally:
            self._lines.pop(line, None)
            self._leave(address)
            for seat in list(line.seats.values()):
                seat.depart()
            if line.account is not None:
                line.account.close_link()
            with anyio.move_on_after(GRACE, shield=True):
                await line.link.aclose(*line.ending)

    def _begin(self, line: Line, token: str, doc: str, address: str) -> None:
        most = self.limits.links_per_address
        if self._reception.is_closed:
            line.end(CloseCode.RESTART, "the server restarts")
        elif address and self._addresses[address] > most:
            line.fail(OverLimit("links_per_address", f"{most} links from one address", FULL))
        elif not line.dialect.authenticates:
            seat = line.seats[doc] = Seat(line, doc)
            seat.session.receive(Auth(token))
            self._reception.open(seat, token)

    def _leave(self, address: str) -> None:
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]

    def _left(self, seat: Seat) -> None:
        self._door.left(seat)
        self._turned()

    def _turned(self) -> None:
        self.turns.tell(None)

    async def _ping(self) -> None:
        while True:
            await anyio.sleep(self.limits.ping_seconds)
            for line in list(self._lines):
                frame = line.dialect.encode("", Ping()) if line.dialect.authenticates else None
                if frame is not None:
                    line.send(frame)


def _is_loopback(address: str) -> bool:
    # This machine's own processes, or a proxy in front, which then is everybody's address.
    return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")

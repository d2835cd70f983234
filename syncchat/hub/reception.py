"""The reception: what is heard on a line becomes seats at docs, and what they ask of them."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import anyio

from syncchat.core.closing import OverLimit, closing_text, text_of
from syncchat.core.dialect import BadFrame, doc_of_key
from syncchat.core.hub_session import (
    SOON,
    AskedForPresence,
    AskedForState,
    AskedToOpen,
    HubEvent,
    Left,
    Offered,
    Presented,
)
from syncchat.core.messages import Auth, Denied, Message, Ping, Pong
from syncchat.errors import CloseCode, InvalidName, LinkClosed, LogError, MalformedUpdate, ProtocolError
from syncchat.hub.accounts import Account
from syncchat.hub.doc import ServedDoc
from syncchat.hub.door import Denial, Door, scope_of
from syncchat.hub.ledger import DROPPED
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Line, Passing, Seat, Stranger
from syncchat.hub.shelf import Shelf
from syncchat.hub.stats import Stats

logger = logging.getLogger("syncchat.hub")


class Reception:
    """Takes frames in for a whole hub; `on_join` is told when somebody was let in."""

    def __init__(
        self, shelf: Shelf, door: Door, limits: Limits, stats: Stats, on_join: Callable[[], None]
    ) -> None:
        self._gather = shelf.beat.gather
        self.is_closed = False
        """Whether frames are passed over: what they bring is not acknowledged, thus still their sender's."""
        self._shelf = shelf
        self._door = door
        self._limits = limits
        self._stats = stats
        self._on_join = on_join

    async def listen(self, line: Line) -> None:
        """Take in what is said on a line until the line is to be ended; then it knows why."""
        try:
            await self._hear_stranger(line)
            while True:
                await self._until_ready(line)
                if isinstance(line.link, Passing):
                    await line.link.pass_on(partial(self._hear, line), self._gather)
                else:
                    self._hear(line, await line.link.receive())
        except LinkClosed:
            line.end(CloseCode.NORMAL, "")
        except ProtocolError as error:
            line.fail(error)

    async def _hear_stranger(self, line: Line) -> None:
        """Take frames in until a token was good. A coroutine of its own: most links wait long after it."""
        with anyio.move_on_after(self._limits.stranger_seconds) as patience:
            while line.stranger is not None:
                await self._until_ready(line)
                self._hear(line, await line.link.receive())
        if patience.cancelled_caught:
            raise OverLimit("stranger_seconds", "nothing was opened for too long", SOON)

    async def _until_ready(self, line: Line) -> None:
        """Return when the next frame may be taken: who does not read its answers is not read either."""
        seat, line.owing = line.owing, None
        if seat is not None:
            await seat.eased(self._limits.pending_updates, self._limits.pending_bytes)
        ahead = line.hold - asyncio.get_running_loop().time() if line.hold else 0.0
        if ahead > 0:
            await anyio.sleep(ahead)
        line.hold = 0.0
        if line.link.backlog() > self._limits.reader_backlog:
            await line.drained()

    def _hear(self, line: Line, data: bytes) -> bool:
        """Take a frame; returns whether the next one may be taken at once. Raises ProtocolError."""
        self._stats.bytes_in += len(data)
        if line.stranger is not None:
            self._check_stranger(line.stranger, len(data))
        if self.is_closed:
            return True
        seat = self._take(line, data)
        if seat is not None and seat.owes(self._limits.pending_updates, self._limits.pending_bytes):
            line.owing = seat
            return False
        return not line.hold and line.link.backlog() <= self._limits.reader_backlog

    def _check_stranger(self, stranger: Stranger, size: int) -> None:
        stranger.frames += 1
        stranger.bytes += size
        if stranger.frames > self._limits.stranger_frames:
            raise OverLimit("stranger_frames", "too many frames before a token was good", SOON)
        if stranger.bytes > self._limits.stranger_bytes:
            raise OverLimit("stranger_bytes", "too many bytes before a token was good", SOON)

    def _take(self, line: Line, data: bytes) -> Seat | None:
        """Act on a frame; returns the seat it was about, if it still is one. Raises ProtocolError."""
        most = self._limits.frame_bytes
        if len(data) > most:
            raise ProtocolError(
                f"a frame of {len(data)} bytes; at most {most} are allowed (frame_bytes)", CloseCode.TOO_BIG
            )
        try:
            frame = line.dialect.decode(data)
        except BadFrame as error:
            bad = line.seats.get(error.key) if error.key is not None else None
            if bad is None or not line.dialect.authenticates:
                raise
            bad.end(error)
            return None
        if frame is None:
            return None
        if frame.key is None:
            if isinstance(frame.message, Ping):
                line.send(line.dialect.encode("", Pong()) or b"")
            return None
        seat = self._seat(line, frame.key)
        if seat is None:
            if isinstance(frame.message, Auth):
                self._deny_further(line, frame.key)
            return None
        self._converse(seat, frame.message)
        return seat

    def _seat(self, line: Line, key: str) -> Seat | None:
        """The seat a frame is about; None where there may be no further one."""
        seat = line.seats.get(key)
        if seat is None and len(line.seats) < self._limits.docs_per_link:
            seat = line.seats[key] = Seat(line, key)
        return seat

    def _deny_further(self, line: Line, key: str) -> None:
        most = self._limits.docs_per_link
        error = OverLimit("docs_per_link", f"{most} docs are open on this link", SOON)
        self._stats.over_limit[error.limit] += 1
        line.send(line.dialect.encode(key, Denied(text_of(error))) or b"")

    def _converse(self, seat: Seat, message: Message) -> None:
        try:
            for event in seat.session.receive(message):
                self._act(seat, event)
        except (ProtocolError, MalformedUpdate) as error:
            self._end(seat, error)
        if seat.session.waiting_bytes:
            self._check_waiting(seat.line)

    def _check_waiting(self, line: Line) -> None:
        if sum(seat.session.waiting_bytes for seat in line.seats.values()) > self._limits.waiting_bytes:
            raise OverLimit("waiting_bytes", "too much for docs that are not open yet", SOON)

    def _end(self, seat: Seat, error: ProtocolError | MalformedUpdate) -> None:
        seat.end(error if isinstance(error, ProtocolError) else ProtocolError(str(error)))

    def _act(self, seat: Seat, event: HubEvent) -> None:
        if isinstance(event, AskedToOpen):
            self.open(seat, event.token)
            return
        if isinstance(event, Left):
            seat.depart()
            return
        doc = seat.doc
        if doc is None or doc.failure is not None:
            return  # the doc has failed, and this line is being ended
        if isinstance(event, Offered):
            self._charge(seat.line, seat.account, len(event.update))
            doc.offer(seat, event.update, whole=event.whole)
        elif isinstance(event, AskedForState):
            self._charge(seat.line, seat.account, len(event.state))
            doc.ask(seat, event.state)
        elif isinstance(event, Presented):
            self._charge(seat.line, seat.account, len(event.entries))
            doc.present(seat, event.entries)
        elif isinstance(event, AskedForPresence):
            self._charge(seat.line, seat.account, 0)
            doc.ask_presence(seat)
        else:
            self._charge(seat.line, seat.account, len(event.token))
            self._renew(seat, doc, event.token)

    def _charge(self, line: Line, account: Account | None, size: int) -> None:
        """Whoever makes work pays for it; who is ahead of its rate is not read for as long."""
        if account is not None:
            now = asyncio.get_running_loop().time()
            limit, wait = account.charge_update(size, now)
            if wait > 0:
                self._stats.over_limit[limit] += 1
                line.hold = now + wait

    # Opening docs.

    def open(self, seat: Seat, token: str) -> None:
        """Judge a token at once, and let its bearer in when the doc is loaded."""
        name = doc_of_key(seat.key)
        try:
            self._charge(
                seat.line, seat.line.account, len(token)
            )  # a stranger has little of everything anyhow
            self._door.admit(seat, token, name)
        except (InvalidName, Denial, OverLimit) as error:
            self._deny(seat, error)
            return
        self._shelf.spawn(self._seat_at, seat, name)

    async def _seat_at(self, seat: Seat, name: str) -> None:
        line = seat.line
        try:
            doc = await self._shelf.load(name)
        except LogError as error:
            logger.error("doc %s cannot be loaded: %s", name, error)
            line.end(CloseCode.LOG_FAILED, "the doc cannot be loaded for now: try again")
            return
        if line.seats.get(seat.key) is not seat:
            return  # it left before it was admitted
        if doc.is_dropped:
            self._deny(seat, Denial(DROPPED, CloseCode.GONE))
            seat.depart()
            return
        doc.join(seat)
        self._door.watch(seat)
        self._on_join()
        events = seat.session.admit(scope_of(seat.grant), self._door.welcome(seat))
        seat.flush()
        try:
            for event in events:  # in one go: what the line hears meanwhile must not overtake them (S10)
                self._act(seat, event)
        except (ProtocolError, MalformedUpdate) as error:
            self._end(seat, error)

    def _deny(self, seat: Seat, error: InvalidName | Denial | OverLimit) -> None:
        code, text = CloseCode.BAD_NAME, str(error)
        if isinstance(error, OverLimit):
            self._stats.over_limit[error.limit] += 1
            code, text = error.code, text_of(error)
        elif isinstance(error, Denial):
            code = error.code
            text = text if code == CloseCode.FORBIDDEN else closing_text(code, text)
        seat.session.deny(text)
        seat.flush()
        if not seat.line.dialect.authenticates:
            seat.line.end(code, str(error))

    def _renew(self, seat: Seat, doc: ServedDoc, token: str) -> None:
        """Go on under a new token, or not at all (U3)."""
        try:
            self._door.renew(seat, token, doc.name)
        except Denial as error:
            raise ProtocolError(str(error), error.code) from error
        if not seat.grant.role.writes:
            doc.hide(seat)
        seat.session.renew(scope_of(seat.grant), self._door.welcome(seat))
        seat.flush()

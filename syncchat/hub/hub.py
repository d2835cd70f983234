"""The hub: takes links, opens docs for them, and keeps each failure where it belongs."""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import anyio

from syncchat.core.dialect import MAX_FRAME, BadFrame, Dialect, HocuspocusDialect, doc_of_key
from syncchat.core.hub_session import (
    AskedForPresence,
    AskedForState,
    AskedToOpen,
    HubEvent,
    Left,
    Offered,
    Presented,
)
from syncchat.core.ids import parse_doc
from syncchat.core.listeners import Signal
from syncchat.core.messages import Auth, Denied, Ping, Pong
from syncchat.errors import (
    CloseCode,
    InvalidName,
    LinkClosed,
    LogError,
    MalformedUpdate,
    ProtocolError,
    SyncchatError,
    describe,
)
from syncchat.hub.doc import ServedDoc
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Line, Seat
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.link.protocol import Link
from syncchat.log import Log

logger = logging.getLogger("syncchat.hub")


GRACE = 5.0
"""Seconds that commits under way, and goodbyes, may take when a hub or a link is ended."""


class Denial(SyncchatError):
    """A token that does not open a doc; the text is told to the client."""


Authorize = Callable[[str, str], str]
"""Given a token and a doc's name, the user it is for; raises Denial."""


class Hub:
    """Serves docs from one log to any number of links.

    Use it as an async context manager; the log is its own from then on and is entered and left
    with it. Leaving ends every link with RESTART, after the commits under way.
    """

    def __init__(self, log: Log, *, authorize: Authorize, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._log = log
        self._authorize = authorize
        self._docs: dict[str, ServedDoc] = {}
        self._lines: set[Line] = set()
        self.turns: Signal[None] = Signal("listeners to who comes and goes failed")
        """Told whenever somebody opens or leaves a doc."""

    async def __aenter__(self) -> Self:
        await self._log.__aenter__()
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._ping)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            for line in list(self._lines):
                line.end(CloseCode.RESTART, "the server restarts")
            with anyio.move_on_after(GRACE, shield=True):
                for doc in list(self._docs.values()):
                    await doc.finish()
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)
        finally:
            await self._log.__aexit__(kind, error, traceback)

    def occupants(self) -> dict[str, set[str]]:
        """For each doc in memory, the users who have it open."""
        return {name: {seat.user for seat in doc.seats} for name, doc in self._docs.items()}

    @property
    def loaded(self) -> list[str]:
        """The names of the docs in memory."""
        return sorted(self._docs)

    @asynccontextmanager
    async def connect(self, _doc: str = "") -> AsyncIterator[MemoryLink]:
        """A link to this hub from its own process; it is closed when the block is left."""
        here, there = memory_pipe()
        self._spawn(self.serve, there, HocuspocusDialect())
        try:
            yield here
        finally:
            await here.aclose()

    async def serve(self, link: Link, dialect: Dialect, token: str = "", doc: str = "") -> None:
        """Serve a link until it ends, and close it; never raises for what the other side does.

        In a dialect without authentication of its own the link's `token` opens its one `doc`.
        """
        line = Line(link, dialect)
        self._lines.add(line)
        try:
            with line.scope:
                if not dialect.authenticates:
                    seat = line.seats[doc] = Seat(line, doc)
                    seat.session.receive(Auth(token))
                    self._spawn(self._open_seat, seat, token)
                await self._listen(line)
        finally:
            self._lines.discard(line)
            seats, line.seats = line.seats, {}
            for seat in seats.values():
                if seat.leave is not None:
                    seat.leave()
            self.turns.tell(None)
            with anyio.move_on_after(GRACE, shield=True):
                await link.aclose(*line.ending)

    async def _listen(self, line: Line) -> None:
        try:
            while True:
                await self._take(line, await line.link.receive())
        except LinkClosed:
            line.end(CloseCode.NORMAL, "")
        except ProtocolError as error:
            line.end(error.code, error.reason)

    async def _take(self, line: Line, data: bytes) -> None:
        if len(data) > MAX_FRAME:
            raise ProtocolError(
                f"a frame of {len(data)} bytes; at most {MAX_FRAME} are allowed", CloseCode.TOO_BIG
            )
        try:
            frame = line.dialect.decode(data)
        except BadFrame as error:
            seat = line.seats.get(error.key) if error.key is not None else None
            if seat is None or not line.dialect.authenticates:
                raise
            self._end_seat(seat, error)
            return
        if frame is None:
            return
        if frame.key is None:
            if isinstance(frame.message, Ping):
                line.link.send(line.dialect.encode("", Pong()) or b"")
            return
        seat = self._seat(line, frame.key)
        if seat is None:
            if isinstance(frame.message, Auth):
                denied = Denied(f"more than {self.limits.docs_per_link} docs on one link")
                line.link.send(line.dialect.encode(frame.key, denied) or b"")
            return
        try:
            for event in seat.session.receive(frame.message):
                if isinstance(event, AskedToOpen):
                    self._spawn(self._open_seat, seat, event.token)
                else:
                    self._act(seat, event)
        except (ProtocolError, MalformedUpdate) as error:
            self._end_seat(seat, error)
        await seat.eased(self.limits.pending_updates, self.limits.pending_bytes)

    def _seat(self, line: Line, key: str) -> Seat | None:
        """The seat a frame is about; None where there may be no further one."""
        if key not in line.seats:
            if len(line.seats) >= self.limits.docs_per_link:
                return None
            line.seats[key] = Seat(line, key)
        return line.seats[key]

    def _end_seat(self, seat: Seat, error: ProtocolError | MalformedUpdate) -> None:
        """End one session; the link and its other docs live on, if the dialect has several (S3)."""
        code = error.code if isinstance(error, ProtocolError) else CloseCode.BAD_FRAME
        reason = str(error)
        if not seat.line.dialect.authenticates:
            seat.line.end(code, reason)
            return
        seat.session.close(code, reason)
        seat.flush()
        self._drop_seat(seat)

    def _drop_seat(self, seat: Seat) -> None:
        if seat.leave is not None:
            seat.leave()
            self.turns.tell(None)
        seat.line.seats.pop(seat.key, None)

    def _act(self, seat: Seat, event: HubEvent) -> None:
        if isinstance(event, Left):
            self._drop_seat(seat)
            return
        doc = self._docs.get(doc_of_key(seat.key))
        if doc is None or seat not in doc.seats:
            return  # the doc has failed, and this line is being ended
        if isinstance(event, Offered):
            doc.offer(seat, event.update, whole=event.whole)
        elif isinstance(event, AskedForState):
            doc.ask(seat, event.state)
        elif isinstance(event, Presented):
            doc.present(seat, event.entries)
        elif isinstance(event, AskedForPresence):
            doc.ask_presence(seat)

    # Opening docs.

    async def _open_seat(self, seat: Seat, token: str) -> None:
        """Admit a client to a doc, or tell it why not."""
        name = doc_of_key(seat.key)
        line = seat.line
        try:
            parse_doc(name)
            seat.user = self._authorize(token, name)
        except (InvalidName, Denial) as error:
            self._deny(seat, error)
            return
        try:
            doc = await self._load(name)
        except LogError as error:
            logger.error("doc %s cannot be loaded: %s", name, error)
            line.end(CloseCode.LOG_FAILED, "the doc cannot be loaded for now: try again")
            return
        if line.seats.get(seat.key) is not seat:
            return  # it left before it was admitted
        doc.join(seat)
        self.turns.tell(None)
        events = seat.session.admit("read-write")
        seat.flush()
        try:
            for event in events:  # in one go: what the line hears meanwhile must not overtake them (S10)
                self._act(seat, event)
        except (ProtocolError, MalformedUpdate) as error:
            self._end_seat(seat, error)

    def _deny(self, seat: Seat, error: InvalidName | Denial) -> None:
        code = CloseCode.BAD_NAME if isinstance(error, InvalidName) else CloseCode.FORBIDDEN
        seat.session.deny(str(error))
        seat.flush()
        if not seat.line.dialect.authenticates:
            seat.line.end(code, str(error))

    async def _load(self, name: str) -> ServedDoc:
        """The doc, loaded once however many ask together (S6). Raises LogError."""
        while True:
            doc = self._docs.get(name)
            if doc is None or doc.over:
                doc = self._docs[name] = ServedDoc(name, self._log, self.limits)
                self._tasks.start_soon(self._run, doc)
            if doc.loading is not None:
                await doc.loading.wait()
            if doc.failure is not None:
                raise LogError(str(doc.failure)) from doc.failure
            if not doc.over:  # it may have been idle for long enough while we were waking up
                return doc

    async def _run(self, doc: ServedDoc) -> None:
        """Run a doc; when it fails, its links end with a code that says "try again" (D3)."""
        try:
            await doc.run(self._spawn)
        except Exception as failure:  # noqa: BLE001 - a bug in somebody's log must end no other doc (S7)
            doc.failure = failure
            logger.error("doc %s is unloaded: %s", doc.name, describe(doc.failure))
            for seat in list(doc.seats):
                seat.line.end(CloseCode.LOG_FAILED, "the change could not be stored: try again")
        finally:
            if self._docs.get(doc.name) is doc:
                del self._docs[doc.name]
            doc.release()

    def _spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        """Start what a doc or a link needs done beside it; its failure must end no other (S7)."""
        self._tasks.start_soon(self._guard, work, arguments)

    async def _guard(
        self, work: Callable[..., Coroutine[Any, Any, None]], arguments: tuple[object, ...]
    ) -> None:
        try:
            await work(*arguments)
        except Exception as failure:  # noqa: BLE001 - as above; a bug that is told, and not the daemon's end
            logger.error("%s failed: %s", getattr(work, "__qualname__", work), describe(failure))

    async def _ping(self) -> None:
        while True:
            await anyio.sleep(self.limits.ping_seconds)
            for line in list(self._lines):
                frame = line.dialect.encode("", Ping()) if line.dialect.authenticates else None
                if frame is not None:
                    line.link.send(frame)

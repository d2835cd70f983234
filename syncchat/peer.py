"""A peer: one log, one server, many replicas; what an embedder opens."""

import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from os import PathLike
from types import TracebackType
from typing import Self

import anyio

from syncchat.clock import ServerClock
from syncchat.core.ids import RAND_BITS, check_name
from syncchat.core.listeners import Signal
from syncchat.core.presence import Subscription
from syncchat.core.refusal import Refusal
from syncchat.docs import Docs, check_saved
from syncchat.link.dialing import connector
from syncchat.link.protocol import Connect
from syncchat.log import Log, MemoryLog, SqliteLog
from syncchat.paged_room import PagedRoom
from syncchat.replica import Replica
from syncchat.rooms import Rooms

RENEW = 15.0
"""Seconds between two announcements of the own presence: stock clients forget it after 30 without any.

A token that is given as a function is asked for as often.
"""

Token = str | Callable[[], str]
"""A token, or what returns the one that is good now; it must not wait for anything."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a peer stands: `waiting` counts rows with changes that the server has not acknowledged.

    `online` is whether there is a link, `wanted` whether there shall be one, `problem` a
    sentence about what is wrong, if anything is; bytes are those of all links so far.
    """

    online: bool
    wanted: bool
    waiting: int
    problem: str | None
    bytes_in: int
    bytes_out: int
    attempts: int


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Peer:
    """Rooms and docs by name, stored in one log and synced with one server.

    Use it as an async context manager; enter and leave it in the same task. `path` is the log's
    SQLite file (None: in memory), `log` another kind of log instead; `user` is the id that the
    peer writes under, `name` what others see. `server` is the daemon's address
    (`ws://HOST:PORT`); without one, nothing is ever awaited from a network. `dialect="y"`
    speaks to any y-websocket server instead, with a socket for each doc (ours is at
    `ws://HOST:PORT/y?user=NAME`). `token` is what the
    server asks for, or a function that returns it and is asked again before it expires; without
    authentication it is the user's id.

    Raises InvalidName, ValueError (a bad address), LogCorrupt or LogFailed when entered. A
    server that cannot be reached is no error: the peer is offline until it can. Raises LogFailed
    when left, unless the block raised, if a change is neither in the log nor on the server.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        *,
        user: str,
        name: str | None = None,
        server: str | None = None,
        token: Token | None = None,
        dialect: str = "sync",
        log: Log | None = None,
        connect: Connect | None = None,
        now: Callable[[], int] = _now_ms,
        rng: random.Random | None = None,
    ) -> None:
        self.user = check_name(user, "user")
        self.name = name or user
        self._log = log or (MemoryLog() if path is None else SqliteLog(path))
        self._token: Token = token or user
        self._sent = ""
        rng = rng or random.SystemRandom()
        self._clock = ServerClock(now)
        self._docs = Docs(
            self._log,
            user=user,
            connect=connect or connector(server, dialect),
            dialect=dialect,
            token=self._current_token,
            rng=rng,
            clock=self._clock,
        )
        self._rooms = Rooms(
            self._docs,
            user=user,
            name=self.name,
            hlc=self._clock.hlc,
            rand=lambda: rng.getrandbits(RAND_BITS),
        )
        self._listeners: list[Callable[[Status], None]] = []
        self._refusals: Signal[list[Refusal]] = Signal("listeners to refusals failed")
        self._stack = AsyncExitStack()

    # Lifetime.

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._log)
            await self._clock.load(self._log)
            stack.push_async_callback(self._docs.finish)
            self._tasks = self._docs.tasks = await stack.enter_async_context(anyio.create_task_group())
            self._tasks.start_soon(self._tell_listeners)
            self._tasks.start_soon(self._renew)
            self._tasks.start_soon(self._clock.run, self._log)
            self._docs.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._docs.end()
        self._tasks.cancel_scope.cancel()
        # What the block raised goes on as it is; only what the peer's own tasks raised is a group.
        await self._stack.__aexit__(None, None, None)
        if error is None:
            check_saved(self._docs.desks.values())

    # Docs and rooms.

    async def open(self, name: str) -> Replica:
        """Open the doc `name` (see core/ids.py) from the log; it is synced until closed.

        Opening it again returns the same replica. Raises InvalidName, LogError.
        """
        return await self._docs.open(name)

    async def close(self, name: str) -> None:
        """Close a doc: what it holds is in the log when this returns, and its memory is free.

        Raises LogFailed if a change could not be written, and the server has not got it either.
        """
        await self._docs.close(name)

    @property
    def docs(self) -> list[str]:
        """The names of the docs that are open."""
        return list(self._docs.desks)

    async def enter(self, room: str) -> PagedRoom:
        """Enter a room: its cover and its newest page are opened, and others see us in it.

        Of a room that was never seen here the server is asked first, for at most 2 s if there is a link
        to be had. A room that nobody has made yet is empty. The docs of a room are the room's: it opens
        and closes them. Raises InvalidName, LogError.
        """
        return await self._rooms.enter(room)

    async def leave(self, room: str) -> None:
        """Leave a room: others see us no more, and its docs are closed."""
        await self._rooms.leave(room)

    # The network.

    @property
    def status(self) -> Status:
        """How the peer stands now."""
        docs = self._docs
        problems = [desk.problem for desk in docs.desks.values()]
        problems += [uplink.problem for uplink in docs.uplinks.values()]
        problems += self._rooms.problems
        return Status(
            online=bool(docs.uplinks) and all(uplink.online for uplink in docs.uplinks.values()),
            wanted=docs.switch.on and docs.synced,
            waiting=sum(len(desk.replica.waiting) for desk in docs.desks.values()),
            problem=next((problem for problem in problems if problem), None),
            bytes_in=docs.traffic.bytes_in,
            bytes_out=docs.traffic.bytes_out,
            attempts=docs.traffic.attempts,
        )

    def listen(self, callback: Callable[[Status], None]) -> Subscription:
        """Call `callback` with the status when it has changed; changes in quick succession are told once."""
        self._listeners.append(callback)

        def cancel() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return Subscription(cancel)

    def go_offline(self) -> None:
        """Cut the link and make no other; everything goes on working on the log."""
        self._docs.switch.turn(False)
        for uplink in self._docs.uplinks.values():
            uplink.cut()
        self._docs.changed()

    def go_online(self) -> None:
        """Connect now, and again whenever the link breaks."""
        self._docs.switch.turn(True)
        for uplink in self._docs.uplinks.values():
            if not uplink.online:
                uplink.cut()
        self._docs.changed()

    def renew(self, token: Token) -> None:
        """Use another token from now on: on all open docs, and to try those again that were denied."""
        self._token = token
        self._send_token()

    def _send_token(self) -> None:
        self._sent = token = self._current_token()
        for uplink in self._docs.uplinks.values():
            uplink.renew(token)

    def _current_token(self) -> str:
        return self._token if isinstance(self._token, str) else self._token()

    # What the server refused.

    @property
    def refusals(self) -> list[Refusal]:
        """What the server refused of the open docs and nobody has dismissed, the oldest of each doc first.

        Each is kept over restarts, and its text is for copying (G14); at most MAX_REFUSALS for each doc.
        """
        return [refusal for desk in self._docs.desks.values() for refusal in desk.refusals]

    async def dismiss(self, refusal: Refusal) -> None:
        """Keep a refusal no longer. Raises LogError."""
        desk = self._docs.desks.get(refusal.doc)
        if desk is not None:
            await desk.dismiss(refusal)

    def listen_refusals(self, callback: Callable[[list[Refusal]], None]) -> Subscription:
        """Call `callback` with `refusals` when they have changed."""
        return self._refusals.listen(callback)

    # What others wait for.

    async def saved(self) -> None:
        """Return when every change is in the log on disk."""
        await self._docs.until(lambda: not any(desk.busy for desk in self._docs.desks.values()))

    async def settled(self) -> None:
        """Return when the server has acknowledged every change as durable, and has sent all that it had."""
        await self._docs.until(lambda: self.is_settled)

    @property
    def is_settled(self) -> bool:
        """Whether the server has acknowledged every change as durable, and has sent all that it had."""
        return self.status.online and all(desk.replica.is_settled for desk in self._docs.desks.values())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition()` holds; asked after each change of docs, presence or status."""
        await self._docs.until(condition)

    async def _tell_listeners(self) -> None:
        told, refused = self.status, self.refusals
        while True:
            status, refusals = self.status, self.refusals
            if refusals != refused:
                refused = refusals
                self._refusals.tell(list(refusals))
                continue
            if status == told:
                await self._docs.stirred()
                continue
            told = status
            for callback in list(self._listeners):
                callback(status)  # may change the status: it is looked at again before anybody sleeps

    async def _renew(self) -> None:
        while True:
            await anyio.sleep(RENEW)
            if not isinstance(self._token, str) and self._token() != self._sent:
                self._send_token()
            for desk in self._docs.desks.values():
                desk.replica.presence.renew()

"""The uplink: one link to the server, made again whenever it breaks; many replicas' sessions use it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from syncchat.core.closing import read_closing
from syncchat.core.dialect import Dialect
from syncchat.core.messages import Message, Ping, Pong, Stateless
from syncchat.core.replica_session import Rejected, ReplicaEvent, ReplicaSession, Welcomed
from syncchat.errors import FINAL_CODES, CloseCode, LinkClosed, MalformedUpdate, ProtocolError
from syncchat.link.backoff import Backoff
from syncchat.link.protocol import Connect, Link
from syncchat.replica import Replica

MAX_BACKLOG = 8 << 20
"""Bytes the network may owe us before the link is given up; a new one moves only the difference."""

SILENCE = 45.0
"""Seconds without a frame after which a link to a hub, which pings every 15, counts as dead."""


LOCKED_OUT = (CloseCode.UNAUTHENTICATED, CloseCode.FORBIDDEN)
"""The codes of a server that wants another token: no further try without one makes sense."""

STABLE = 10.0
"""Seconds after which a link counts as good, so that the wait after it is a short one again."""


@dataclass(slots=True)
class Traffic:
    """What a peer's links have moved, in bytes, and how often they were tried."""

    bytes_in: int = 0
    bytes_out: int = 0
    attempts: int = 0


class Switch:
    """Whether its owner wants to be online; those who wait are woken when that changes."""

    def __init__(self) -> None:
        self.on = True
        self._turned = anyio.Event()

    def turn(self, on: bool) -> None:
        """Change it."""
        if on != self.on:
            self.on = on
            self._turned.set()
            self._turned = anyio.Event()

    async def until(self, on: bool) -> None:
        """Return when the switch is as asked for."""
        while self.on != on:
            await self._turned.wait()


class Uplink:
    """Keeps a link while `switch` is on; `run` is its one task.

    `address` is given to `connect`: the doc's name where a link carries one doc only. `token` is asked
    whenever a session begins.
    """

    def __init__(
        self,
        connect: Connect,
        dialect: Dialect,
        *,
        address: str,
        token: Callable[[], str],
        switch: Switch,
        backoff: Backoff,
        traffic: Traffic,
        changed: Callable[[], None],
    ) -> None:
        self.online = False
        self.failed = False
        """Whether the last try made no link, or that link is gone."""
        self.problem: str | None = None
        self._connect = connect
        self._dialect = dialect
        self._address = address
        self._token = token
        self._switch = switch
        self._backoff = backoff
        self._traffic = traffic
        self._changed = changed
        self._link: Link | None = None
        self._try = anyio.CancelScope()
        self._life = anyio.CancelScope()
        self._replicas: dict[str, Replica] = {}
        self._retry = 0.0
        self._locked_out = False
        self._due: dict[str, float] = {}

    def attach(self, replica: Replica) -> None:
        """Carry a replica: now if the link is up, and whenever it is."""
        self._replicas[replica.name] = replica
        replica.presence.on_local = lambda: self._present(replica)
        if self._link is not None:
            self._start(replica)

    def detach(self, replica: Replica) -> None:
        """Carry it no more; the server is told if the link is up."""
        if self._replicas.pop(replica.name, None) is not None:
            self._leave(replica)
        replica.session = None
        replica.presence.on_local = None

    def flush(self, replica: Replica) -> None:
        """Send what the replica's session has to say."""
        session = replica.session
        if session is None or self._link is None:
            return
        outbox, session.outbox = session.outbox, []
        for message in outbox:
            self._send(replica.name, message)

    def begin_again(self, replica: Replica) -> None:
        """The replica's doc is another one: end the session about it, and begin a new one."""
        if self._link is None:
            return
        if not self._dialect.authenticates:
            self.cut()  # a link of this dialect is one session
            return
        if replica.session is not None:
            replica.session.stop()
            self.flush(replica)
        self._start(replica, follows=True)

    def renew(self, token: str) -> None:
        """Send another token on all open docs, and try those again that were denied with the last one."""
        if self._link is None or not self._dialect.authenticates:
            self.cut()
            return
        self.problem = None
        self._due.clear()
        for replica in list(self._replicas.values()):
            if replica.session is None:
                self._start(replica)
            else:
                replica.session.renew(token)
                self.flush(replica)
        self._changed()

    async def run(self) -> None:
        """Connect, converse, wait, and again, until stopped; who is locked out waits for another token."""
        with self._life:
            while True:
                await self._switch.until(True)
                self._traffic.attempts += 1
                self._retry = 0.0
                self._locked_out = False
                with anyio.CancelScope() as self._try:
                    await self._try_once()
                    if self._locked_out:
                        await anyio.sleep_forever()
                    await anyio.sleep(max(self._backoff.next(), self._retry))

    def stop(self) -> None:
        """End the link, and `run`."""
        self._life.cancel()

    def cut(self) -> None:
        """Give up the link, or the wait for the next try; the next try follows at once if still wanted."""
        self._backoff.reset()
        self.failed = False
        self._try.cancel()

    async def _try_once(self) -> None:
        try:
            async with self._connect(self._address) as link:
                try:
                    await self._converse(link)
                except LinkClosed as error:
                    self._locked_out = error.code in LOCKED_OUT
                    self.problem = f"closed by the server: {error.reason}" if error.reason else None
                except (ProtocolError, MalformedUpdate) as error:
                    self.problem = f"the server sent what it may not: {error}"
                    await link.aclose(CloseCode.BAD_FRAME, "a frame that the dialect does not allow")
        except LinkClosed as error:
            self._locked_out = error.code in LOCKED_OUT
            self.problem = error.reason or None
        self.failed = True
        self._changed()

    async def _converse(self, link: Link) -> None:
        self._link, self.online, self.failed, self.problem = link, True, False, None
        since = anyio.current_time()
        try:
            for replica in list(self._replicas.values()):
                self._start(replica)
            self._changed()
            while True:
                self._take(await self._next_frame(link))
        finally:
            if anyio.current_time() - since > STABLE:
                self._backoff.reset()
            self._link, self.online = None, False
            self._due.clear()
            for replica in self._replicas.values():
                replica.session = None
                replica.presence.forget_others()
            self._changed()

    async def _next_frame(self, link: Link) -> bytes:
        # Servers that do not acknowledge may be silent; the websocket's pings serve.
        silent = anyio.current_time() + (SILENCE if self._dialect.acknowledges else math.inf)
        while anyio.current_time() < silent:
            with anyio.move_on_at(min([silent, *self._due.values()])):
                return await link.receive()
            self._start_due()
        raise LinkClosed(CloseCode.TIMEOUT, f"nothing was heard for {SILENCE:.0f} s")

    def _start_due(self) -> None:
        """Open those docs again that were over a limit and have waited for as long as they were told."""
        now = anyio.current_time()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            self.problem = None
            if name in self._replicas and self._replicas[name].session is None:
                self._start(self._replicas[name])

    def _start(self, replica: Replica, *, follows: bool = False) -> None:
        replica.begin()
        replica.session = ReplicaSession(
            state=replica.state,
            diff=replica.beyond,
            presence=replica.presence,
            token=self._token(),
            acknowledges=self._dialect.acknowledges,
            authenticates=self._dialect.authenticates,
            follows=follows,
        )
        replica.session.start(replica.waiting.newest)
        self.flush(replica)

    def _take(self, data: bytes) -> None:
        self._traffic.bytes_in += len(data)
        frame = self._dialect.decode(data)
        if frame is None:
            return
        if isinstance(frame.message, Ping):
            self._send("", Pong())
        if frame.key is None:
            return
        self._take_message(frame.key, frame.message)

    def _take_message(self, key: str, message: Message) -> None:
        if not key and isinstance(message, Stateless):  # about the whole link
            told = read_closing(message.payload)
            self._retry = told.retry or 0.0 if told is not None else self._retry
        replica = self._replicas.get(key)
        if replica is None or replica.session is None:
            return  # closed while this frame was under way
        events = replica.session.receive(message)
        replica.handle(events)
        self.flush(replica)
        for event in events:
            self._mind(replica, event)

    def _mind(self, replica: Replica, event: ReplicaEvent) -> None:
        """What a session reports that is about more than its doc."""
        if isinstance(event, Welcomed) and event.welcome.user != replica.user:
            self._leave(replica)
            self.problem = (
                f"the server knows the bearer of this token as {event.welcome.user!r}, and {replica.user!r} "
                f"writes here: use a token of {replica.user!r}, or open as {event.welcome.user!r}"
            )
        elif isinstance(event, Rejected):
            self._end_rejected(replica, event)

    def _end_rejected(self, replica: Replica, event: Rejected) -> None:
        """A session closed for now is opened again with the next link; one that was denied stays shut."""
        if event.code == CloseCode.REFUSED and not replica.is_hopeless:
            self.begin_again(replica)
            return
        if event.code in LOCKED_OUT and replica.session is not None and replica.session.renewing:
            self.begin_again(replica)  # that was said of the last token; the new one crossed it on its way
            return
        if event.code == CloseCode.GONE:  # the room's cover says so too, and its pager sees to the rest
            replica.session = None
            return
        self.problem = event.reason
        if event.code == CloseCode.TOO_MANY:  # of one doc: the others go on
            self._due[replica.name] = anyio.current_time() + max(event.retry or 0.0, self._backoff.next())
        elif event.code not in FINAL_CODES and event.code != CloseCode.TOO_BIG:
            raise LinkClosed(event.code, event.reason)
        replica.session = None

    def _leave(self, replica: Replica) -> None:
        if replica.session is not None:
            replica.session.stop()
            self.flush(replica)
        replica.session = None

    def _present(self, replica: Replica) -> None:
        reads_only = replica.welcome is not None and not replica.welcome.role.writes
        if replica.session is not None and not reads_only:
            replica.session.present()
            self.flush(replica)

    def _send(self, key: str, message: Message) -> None:
        frame = self._dialect.encode(key, message)
        if frame is None or self._link is None:
            return
        self._traffic.bytes_out += len(frame)
        self._link.send(frame)
        if self._link.backlog() > MAX_BACKLOG:
            self.problem = "the network does not keep up"
            self._try.cancel()

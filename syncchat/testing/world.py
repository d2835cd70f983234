"""The simulated world: a hub, clients and a network that fail, and what all of them have promised."""

import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import TaskGroup

from syncchat.core.deltas import Added, Delta
from syncchat.core.grant import Grant, Role
from syncchat.core.ids import cover_name, page_name
from syncchat.core.message import Message
from syncchat.core.packing import PackingDialect
from syncchat.core.stream import Stream
from syncchat.core.tables import CellTable
from syncchat.errors import SyncchatError
from syncchat.hub import Authorize, Hub, Limits
from syncchat.link import Link
from syncchat.log import MemoryStore
from syncchat.paged_room import PagedRoom as Room
from syncchat.peer import Peer
from syncchat.testing.crash import CrashLog
from syncchat.testing.intruder import Intruder
from syncchat.testing.loop import wall_clock
from syncchat.testing.network import Network

ROOM = "lobby"
LIMITS = Limits(
    idle_seconds=2.0,
    compact_entries=12,
    reader_backlog=600,
    commit_updates=8,
    pending_updates=8,
    page_messages=8,
    cover_seconds=1.0,
)
"""Bounds so small that a short run meets all of them: of a hundred messages a dozen pages are made."""

LIFETIME = 40
"""Seconds that a token is good; half of them later there is a new one."""

INTRUDER = "eve"
MODERATOR = "user1"
TARGETS = (cover_name(ROOM), *(page_name(ROOM, number) for number in range(4)))


def token_of(user: str) -> str:
    """The token that a user has now: its name, and when it ends in seconds since 1970."""
    now = wall_clock() // 1000
    return f"{user}|{now - now % (LIFETIME // 2) + LIFETIME}"


def authorize(token: str, _doc: str) -> Grant:
    """Everybody is a plain writer, but for one who may erase."""
    user, _, expires = token.partition("|")
    return Grant(user, Role.MODERATOR if user == MODERATOR else Role.WRITER, expires=float(expires))


class Promises:
    """What was said to be safe, by whom: none of it may be missing in the end."""

    def __init__(self) -> None:
        self.author: dict[str, str] = {}
        self.posted: dict[str, list[str]] = {}
        self.kept: set[str] = set()
        self.erased: set[str] = set()
        self.trace: list[str] = []

    def post(self, client: str, id: str) -> None:
        """A client has written a message."""
        self.author[id] = client
        self.posted.setdefault(client, []).append(id)
        self.trace.append(f"{client} wrote {id}")

    def keep(self, id: str, why: str) -> None:
        """A message is on a disk, acknowledged, or seen by somebody else."""
        if id not in self.kept:
            self.kept.add(id)
            self.trace.append(f"{id} {why}")


class Server:
    """A hub that can die and come back on the same store."""

    def __init__(
        self,
        rng: random.Random,
        network: Network,
        now: Callable[[], int],
        *,
        authorize: Authorize = authorize,
        limits: Limits = LIMITS,
    ) -> None:
        self.store = MemoryStore()
        self._authorize = authorize
        self._limits = limits
        self._now = now
        self._rng = rng
        self._network = network
        self._life = anyio.CancelScope()
        self._log = CrashLog(self.store, rng)
        self.hub: Hub | None = None

    async def run(self) -> None:
        """Serve, die when told, come back a second later."""
        while True:
            self._log = CrashLog(self.store, self._rng)
            with anyio.CancelScope() as self._life:
                rng = random.Random(anyio.current_time())  # another one for each life, the same in each run
                async with Hub(
                    self._log, authorize=self._authorize, limits=self._limits, now=self._now, rng=rng
                ) as hub:
                    self.hub = hub

                    async def serve(link: Link, hub: Hub = hub) -> None:
                        await hub.serve(link, PackingDialect())

                    self._network.serve = serve
                    await anyio.sleep_forever()
            self.hub = None
            await anyio.sleep(self._rng.uniform(0, 2))

    async def drop_before(self, page: int) -> None:
        """Retention begins with this; the log keeps the pages here, to be looked at in the end."""
        if self.hub is not None:
            with anyio.move_on_after(60), suppress(SyncchatError):  # it may die, or its disk be full
                await self.hub.drop_before(ROOM, page)

    def die(self) -> None:
        """kill -9: nothing of it reaches its log or the network any more."""
        self._network.serve = None
        self._log.crash()
        for wire in self._network.wires():
            wire.cut()
        self._life.cancel()


class Client:
    """A peer in a room that can die, restart, and be cut off; twins share a store."""

    def __init__(self, name: str, user: str, store: MemoryStore, world: "World") -> None:
        self.name = name
        self.user = user
        self.room: Room | None = None
        self.peer: Peer | None = None
        self.tasks: CellTable | None = None
        self.stream: Stream | None = None
        self.crashes = 0
        self.last_text: dict[str, str] = {}
        self.history: dict[str, Message] = {}
        """What it saw when it scrolled to the start last."""
        self.has_twin = False
        self._store = store
        self._world = world
        self._skew = world.rng.randint(-2000, 2000)
        self._life = anyio.CancelScope()
        self._log = CrashLog(store, world.rng)
        self._alive = anyio.Event()

    async def run(self) -> None:
        """Live, die or restart when told, and come back."""
        while True:
            self._log = CrashLog(self._store, self._world.rng)
            with anyio.CancelScope() as self._life:
                await self._live()
            await anyio.sleep(self._world.rng.uniform(0, 1))

    def _make_peer(self) -> Peer:
        return Peer(
            log=self._log,
            user=self.user,
            token=lambda: token_of(self.user),
            connect=lambda _doc: self._world.network.connect(self.name),
            now=self._world.clock(self._skew),
            rng=random.Random(self._world.rng.random()),
        )

    async def _live(self) -> None:
        async with self._make_peer() as peer:
            room = await peer.enter(ROOM)
            room.timeline.listen(self._hear)
            self.tasks = (await peer.open("tasks")).store.cells("tasks")
            self.peer, self.room = peer, room
            for message in room.timeline:
                if message.streaming and message.user == self.user and not self._twin_streams(message.id):
                    room.reopen(message.id, agent=False).finish(state="interrupted")
            self._alive.set()
            await anyio.sleep_forever()

    def _twin_streams(self, id: str) -> bool:
        return any(other.stream is not None and other.stream.id == id for other in self._world.clients)

    async def alive(self) -> tuple[Peer, Room]:
        """The peer and the room, as soon as it lives."""
        await self._alive.wait()
        assert self.peer is not None
        assert self.room is not None
        return self.peer, self.room

    def _hear(self, deltas: list[Delta]) -> None:
        promises, room = self._world.promises, self.room
        for delta in deltas:
            if isinstance(delta, Added) and promises.author.get(delta.row, self.name) != self.name:
                promises.keep(delta.row, f"seen by {self.name}")
            message = room.message(delta.row) if room is not None else None
            if message is not None and message.durable and message.user == self.user:
                promises.keep(delta.row, f"acknowledged to {self.name}")

    def die(self) -> None:
        """kill -9."""
        self.crashes += 1
        self._log.crash()
        for wire in self._world.network.wires(self.name):
            wire.cut()
        self._leave()

    def restart(self) -> None:
        """Leave in order, and come back."""
        self._leave()

    def _leave(self) -> None:
        self._alive = anyio.Event()
        self.room = self.peer = self.stream = self.tasks = None
        self._life.cancel()


class World:
    """Everything there is in one run, from one seed."""

    def __init__(
        self,
        seed: int,
        tasks: TaskGroup,
        *,
        authorize: Authorize = authorize,
        limits: Limits = LIMITS,
    ) -> None:
        self.rng = random.Random(seed)
        self.promises = Promises()
        self.network = Network(self.rng, self.start)
        self.server = Server(self.rng, self.network, self.clock(0), authorize=authorize, limits=limits)
        self.clients: list[Client] = []
        self._tasks = tasks
        self._populate(seed)
        tasks.start_soon(self.server.run)
        for client in self.clients:
            tasks.start_soon(client.run)

    def _populate(self, seed: int) -> None:
        """Make the actors; they run from then on."""
        for number in range(self.rng.randint(4, 6)):
            store = MemoryStore()
            user = f"user{number}"
            self.clients.append(Client(user, user, store, self))
            if number == 0:
                self.clients.append(Client(f"{user}-twin", user, store, self))
                for twin in self.clients:
                    twin.has_twin = True
        intruder = Intruder(seed, TARGETS, self.promises.trace.append)
        self._tasks.start_soon(intruder.run, lambda: self.server.hub, lambda: token_of(INTRUDER))

    def newcomer(self) -> Client:
        """Somebody comes who was never there."""
        client = Client("newcomer", "newcomer", MemoryStore(), self)
        self._tasks.start_soon(client.run)
        return client

    def start(self, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something in the world, beside its actors."""
        self._tasks.start_soon(task)

    def clock(self, skew: int) -> Callable[[], int]:
        """A wall clock in milliseconds that is wrong by `skew`."""
        return lambda: wall_clock() + skew

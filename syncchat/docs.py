"""The docs that a peer has open, each with its desk, and the links that carry them."""

import random
from collections.abc import Callable, Iterable

import anyio
from anyio.abc import TaskGroup

from syncchat.clock import ServerClock
from syncchat.core.dialect import YDialect
from syncchat.core.ids import cover_name, parse_doc
from syncchat.core.packing import UnpackingDialect
from syncchat.core.welcome import Welcome
from syncchat.desk import Desk
from syncchat.errors import InvalidName, LogFailed, SyncchatError
from syncchat.link.backoff import Backoff
from syncchat.link.protocol import Connect
from syncchat.log import Log
from syncchat.replica import Replica
from syncchat.turns import Turns
from syncchat.uplink import Switch, Traffic, Uplink

DROPPED = "the server dropped that page before it had this: the room keeps its newest messages only"

CLIENT_ID_BITS = 53
"""Bits of a client id: all that JavaScript's integers hold, so that no two are ever equal."""


class Docs:
    """Opens docs from the log, and connects them: all on one link, or in the dialect `y` each on its own.

    `token` is asked whenever a session begins. `tasks`, set before anything else, runs what they do.
    """

    tasks: TaskGroup

    def __init__(
        self,
        log: Log,
        *,
        user: str,
        connect: Connect | None,
        dialect: str,
        token: Callable[[], str],
        rng: random.Random,
        clock: ServerClock,
    ) -> None:
        self.log = log
        self.desks: dict[str, Desk] = {}
        self.uplinks: dict[str, Uplink] = {}
        self.switch = Switch()
        self.traffic = Traffic()
        self._user = user
        self._connect = connect
        self._dialect = dialect
        self._token = token
        self._rng = rng
        self._clock = clock
        self._turns = Turns()
        self.closed = False
        self._stir = anyio.Event()

    @property
    def synced(self) -> bool:
        """Whether there is a server at all."""
        return self._connect is not None

    def start(self) -> None:
        """Connect."""
        if self._connect is not None and self._dialect == "sync":
            self._add_uplink(self._connect, "")

    async def open(self, name: str) -> Replica:
        """Open the doc `name`; opening it again returns the same replica. Raises InvalidName, LogError."""
        async with self._turns.of(name):
            if name not in self.desks:
                self._check_open()
                desk = await self._load(name)
                self._check_open()  # nobody would write what is opened now
                replica = desk.replica
                replica.presence.listen(self.changed)
                replica.welcomed.listen(self._welcomed)
                self.desks[name] = desk
                with anyio.CancelScope(shield=True):  # whole, or asking again would find a half
                    await self.tasks.start(desk.run)
                uplink = self._uplink_for(name)
                if uplink is not None:
                    desk.uplink = uplink
                    uplink.attach(replica)
            return self.desks[name].replica

    async def _load(self, name: str) -> Desk:
        replica = Replica(
            name,
            user=self._user,
            new_client=lambda: self._rng.getrandbits(CLIENT_ID_BITS),
            hlc=self._clock.hlc,
            synced=self.synced,
        )
        desk = Desk(replica, self.log, on_change=self.changed)
        await desk.load()
        return desk

    async def close(self, name: str) -> None:
        """Close a doc: what it holds is in the log when this returns, and its memory is free.

        Raises LogFailed if a change could not be written, and the server has not got it either.
        """
        async with self._turns.of(name):
            desk = self._take_out(name)
            if desk is not None:
                with anyio.CancelScope(shield=True):  # nobody else knows of the desk any more
                    await desk.stop()
                    await desk.finish()
                check_saved([desk])

    def _take_out(self, name: str) -> Desk | None:
        desk = self.desks.pop(name, None)
        if desk is not None:
            if desk.uplink is not None:
                desk.uplink.detach(desk.replica)
            if name in self.uplinks:
                self.uplinks.pop(name).stop()
        return desk

    async def drop(self, page: str, keeper: str) -> None:
        """Take a page, open or not, that the server has dropped out of the log, too (H11).

        What its author wrote there and the server has not got is kept as refused, beside the open doc
        `keeper`. Raises LogError: then it is to be tried again.
        """
        with anyio.CancelScope(shield=True):  # nobody else knows of the desk any more
            async with self._turns.of(page):
                desk = self._take_out(page)
                if desk is None:
                    desk = await self._load(page)
                else:
                    await desk.stop()
                await self.desks[keeper].keep(desk.give_up(keeper, DROPPED, self._clock.hlc.now))
                await desk.drop()

    async def drop_before(self, room: str, first: int) -> None:
        """Drop all pages of a room before `first`, whose cover is open. Raises LogError: then try again."""
        pages = {name.partition("#")[0] for name in [*await self.log.docs(), *self.desks]}
        gone = sorted(page for page in pages if is_page_before(page, room, first))
        for page in gone:
            await self.drop(page, cover_name(room))
        if gone:
            await self.log.scrub()

    def end(self) -> None:
        """Open no docs any more, and have those who wait for one look again: the peer is being left."""
        self.closed = True
        self.changed()

    def _check_open(self) -> None:
        if self.closed:
            raise SyncchatError("the peer was left: make another one")

    async def finish(self) -> None:
        """After `tasks` have ended: write what is not in the log yet."""
        with anyio.CancelScope(shield=True):
            for desk in list(self.desks.values()):
                await desk.finish()

    # How a doc stands.

    def is_waiting(self, doc: str, root: str, key: str) -> bool:
        """Whether a row has a change that the server has not acknowledged, as far as anybody knows."""
        desk = self.desks.get(doc)
        return desk is None or desk.replica.is_waiting(root, key)

    def is_caught_up(self, doc: str) -> bool:
        """Whether the server has sent what it had of an open doc when the link came up."""
        desk = self.desks.get(doc)
        session = None if desk is None else desk.replica.session
        return session is not None and session.caught_up

    def is_answered(self, doc: str) -> bool:
        """Whether the server has sent what it has of a doc, or nothing is to be expected of it now."""
        desk = self.desks.get(doc)
        uplink = None if desk is None else desk.uplink
        if desk is None or uplink is None or not self.switch.on or uplink.failed or self.closed:
            return True
        return self.is_caught_up(doc) or (uplink.online and desk.replica.session is None)

    def is_free(self, doc: str) -> bool:
        """Whether closing a doc keeps nothing from the server, or from its author what was refused."""
        desk = self.desks.get(doc)
        return desk is None or desk.is_free

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition()` holds; asked after each change of docs, presence or links."""
        while not condition():
            await self._stir.wait()

    async def stirred(self) -> None:
        """Return at the next change of docs, presence or links."""
        await self._stir.wait()

    def changed(self) -> None:
        """Something has changed."""
        self._stir.set()
        self._stir = anyio.Event()

    def _welcomed(self, welcome: Welcome) -> None:
        self._clock.learn(welcome.time)

    # Links.

    def _uplink_for(self, doc: str) -> Uplink | None:
        if self._connect is None or self._dialect == "sync":
            return self.uplinks.get("")
        return self._add_uplink(self._connect, doc)

    def _add_uplink(self, connect: Connect, doc: str) -> Uplink:
        self.uplinks[doc] = uplink = Uplink(
            connect,
            YDialect(doc) if doc else UnpackingDialect(),
            address=doc,
            token=self._token,
            switch=self.switch,
            backoff=Backoff(self._rng.random),
            traffic=self.traffic,
            changed=self.changed,
        )
        self.tasks.start_soon(uplink.run)
        return uplink


def is_page_before(doc: str, room: str, first: int) -> bool:
    """Whether a doc is a page of a room, and one before `first`."""
    try:
        name = parse_doc(doc)
    except InvalidName:  # a stream of the log's own
        return False
    return name.room == room and name.page is not None and name.page < first


def check_saved(desks: Iterable[Desk]) -> None:
    """Raise LogFailed if a desk that has finished has changes that neither its log nor the server holds."""
    unsaved = [desk for desk in desks if desk.busy and not desk.replica.waiting.settled]
    if unsaved:
        names = ", ".join(desk.replica.name for desk in unsaved)
        raise LogFailed(f"closed with changes that are not saved, in {names}: {unsaved[0].problem}")

"""A server in memory that comes and goes, and peers that find it while it is there."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from syncchat.core.dialect import YDialect
from syncchat.core.grant import Grant, Role
from syncchat.errors import CloseCode, LinkClosed
from syncchat.hub import Authorize, Denial, Hub, Limits
from syncchat.link import Link
from syncchat.link.memory import memory_pipe
from syncchat.log import Log, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.client import HeldLog
from syncchat.testing.loop import wall_clock


def believe(token: str, _doc: str = "") -> Grant:
    """A token is its bearer's name, and everybody may do what an agent may; raises Denial for mallory's."""
    if token == "mallory":
        raise Denial("not you")
    return Grant(token, Role.AGENT)


class Tokens:
    """Tokens as a test deals them out: each allows the same in every doc, and any other token nothing."""

    def __init__(self, **grants: Grant) -> None:
        self.grants = grants

    def __call__(self, token: str, _doc: str) -> Grant:
        """What a token allows; raises Denial."""
        if token not in self.grants:
            raise Denial("no token of ours", CloseCode.UNAUTHENTICATED)
        return self.grants[token]


def make_hub(
    log: Log | None = None,
    *,
    authorize: Authorize = believe,
    now: Callable[[], int] = wall_clock,
    **limits: Any,
) -> Hub:
    """A hub for a test in virtual time; `limits` are fields of Limits."""
    return Hub(log or HeldLog(), authorize=authorize, limits=Limits(**limits), now=now)


class MemoryServer:
    """A hub that runs while `running` does, always on the same `store`; `log` is its present handle.

    Make it inside the event loop that it lives in. `tries` are the times of all tries to connect;
    `limits` are fields of Limits.
    """

    def __init__(self, *, authorize: Authorize = believe, **limits: Any) -> None:
        self.authorize = authorize
        self.limits = limits
        self.store = MemoryStore()
        self.log = HeldLog(self.store)
        self.hub: Hub | None = None
        self.tries: list[float] = []
        self._rng = random.Random(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """The server is there while the block runs."""
        self.log = HeldLog(self.store)
        async with make_hub(self.log, authorize=self.authorize, **self.limits) as hub:
            self.hub = hub
            try:
                yield hub
            finally:
                self.hub = None

    @asynccontextmanager
    async def connect(self, doc: str) -> AsyncIterator[Link]:
        """A link to the hub; for one doc in y-websocket's dialect. Raises LinkClosed if none runs."""
        self.tries.append(anyio.current_time())
        hub = self.hub
        if hub is None:
            raise LinkClosed(CloseCode.GOING_AWAY, "no connection")
        here, there = memory_pipe()
        if not doc:
            async with hub.connect() as link:
                yield link
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.serve, there, YDialect(doc), "ann", doc)
            try:
                yield here
            finally:
                tasks.cancel_scope.cancel()

    def peer(self, user: str, log: Log | None = None, *, ahead: int = 0, **how: Any) -> Peer:
        """A peer whose clock is so many milliseconds `ahead`; `how` are other arguments of Peer."""
        rng = random.Random(self._rng.random())
        return Peer(
            log=log, user=user, connect=self.connect, rng=rng, now=lambda: wall_clock() + ahead, **how
        )

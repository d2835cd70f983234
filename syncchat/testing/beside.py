"""A hub at which somebody else is at work, for whom everything has to go on whatever others do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.grant import Grant, Role
from syncchat.core.messages import Denied, Message, Stateless, Update
from syncchat.errors import CloseCode
from syncchat.hub import Hub
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.testing.client import RawClient, Writer, statuses
from syncchat.testing.server import Tokens, make_hub

DOC = "todo"
TOKENS = Tokens(**{name: Grant(name, Role.WRITER) for name in ("ann", "bob")}, bot=Grant("bot", Role.AGENT))


class Neighbour:
    """Somebody else at the same hub, for whom everything must go on as if nothing had happened."""

    def __init__(self, client: RawClient, writer: Writer) -> None:
        self._client = client
        self._writer = writer
        self._written = 0

    async def goes_on(self) -> None:
        """It writes, and is acknowledged."""
        self._written += 1
        self._client.say(DOC, Update(self._writer.write(f"bob{self._written}", "x")))
        assert statuses(await self._client.said(DOC)) == [True]


@asynccontextmanager
async def beside_bob(**limits: Any) -> AsyncIterator[tuple[Hub, Neighbour, TaskGroup]]:
    """A hub with these limits, at which bob is at work."""
    async with (
        make_hub(authorize=TOKENS, **limits) as hub,
        anyio.create_task_group() as tasks,
        hub.connect() as link,
    ):
        bob = RawClient(link, "bob")
        yield hub, Neighbour(bob, await bob.enter(DOC)), tasks
        tasks.cancel_scope.cancel()


def dial(hub: Hub, tasks: TaskGroup, address: str = "") -> MemoryLink:
    """A link to the hub as one from the network."""
    here, there = memory_pipe()
    tasks.start_soon(lambda: hub.serve(there, HocuspocusDialect(), address=address))
    return here


def named(message: Message) -> tuple[str, float]:
    """The limit that a message names, and the seconds after which to try again."""
    text = message.reason if isinstance(message, Denied) else ""
    text = message.payload if isinstance(message, Stateless) else text
    why = json.loads(text)
    assert why["code"] == CloseCode.TOO_MANY
    assert why["retry"] > 0
    assert why["limit"] in why["reason"]
    return why["limit"], why["retry"]

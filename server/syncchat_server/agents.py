"""The embedded agent: enters each room that somebody is in, and leaves it when they have gone."""

import logging
from contextlib import AsyncExitStack
from functools import partial

import anyio

from syncchat.agent import Agent, Model
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import parse_doc
from syncchat.core.schema import SERVER
from syncchat.errors import describe
from syncchat.hub import Hub
from syncchat.peer import Peer
from syncchat.wakeup import Wakeup

logger = logging.getLogger("syncchat.agents")

AGENT = "agent"
"""The user id that the embedded agent writes under."""


class AgentHost:
    """Runs one agent for each room with somebody else in it; `run` is its one task."""

    def __init__(self, hub: Hub, model: Model, judge: Model, *, name: str = AGENT) -> None:
        self._hub = hub
        self._model = model
        self._judge = judge
        self._name = name
        self._claims = Claims(AGENT, (("*", Role.AGENT),), name)
        self._rooms: dict[str, anyio.CancelScope] = {}
        self._wakeup = Wakeup()

    async def run(self) -> None:
        """Come and go with the people, until cancelled."""
        async with AsyncExitStack() as stack:
            peer = await stack.enter_async_context(
                Peer(user=AGENT, name=self._name, connect=partial(self._hub.connect, grant=self._claims))
            )
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(self._hub.turns.listen(lambda _: self._wakeup.call()).cancel)
            self._wakeup.call()
            while True:
                await self._wakeup.sleep()
                wanted = self._wanted()
                for room in wanted - self._rooms.keys():
                    self._rooms[room] = anyio.CancelScope()
                    tasks.start_soon(self._attend, peer, room)
                for room in self._rooms.keys() - wanted:
                    self._rooms[room].cancel()

    def _wanted(self) -> set[str]:
        occupied = (name for name, users in self._hub.occupants().items() if users - {AGENT, SERVER})
        return {doc.room for doc in map(parse_doc, occupied) if doc.in_room}

    async def _attend(self, peer: Peer, room: str) -> None:
        try:
            with self._rooms[room]:
                entered = await peer.enter(room)
                await Agent(entered, name=self._name, model=self._model, judge_model=self._judge).run()
        except Exception as error:  # noqa: BLE001 - it is told; a traceback could quote a message
            # An agent that fails must not take everybody's rooms with it; it comes back with the next guest.
            logger.error("the agent left room %s: %s", room, describe(error))
        finally:
            with anyio.CancelScope(shield=True):
                await peer.leave(room)
            del self._rooms[room]
            self._wakeup.call()  # somebody may have come back meanwhile

"""A hub and those who meet there, agents among them, in virtual time; any replica can be cut off."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import anyio
from anyio.abc import TaskGroup

from syncchat.agent import Agent, Manners, Model, Notebook, Pace
from syncchat.core.grant import Claims, Grant, Role
from syncchat.core.message import Message
from syncchat.hub import Hub
from syncchat.log import MemoryLog
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.loop import wall_clock

ROOM = "lobby"


def _as_they_say(token: str, _doc: str) -> Grant:
    return Grant(token, Role.WRITER)


class Seat:
    """Somebody in the room: `peer` and `room` are theirs."""

    def __init__(self, peer: Peer, room: PagedRoom) -> None:
        self.peer = peer
        self.room = room

    @property
    def answers(self) -> list[Message]:
        """What agents wrote and did not take back, as it is seen from here."""
        return [message for message in self.room.timeline if message.agent and not message.deleted]

    @property
    def texts(self) -> list[tuple[str, str | None]]:
        """Text and state of those that are finished."""
        return [(message.text, message.state) for message in self.answers if not message.streaming]

    @property
    def is_streaming(self) -> bool:
        """Whether any message is still being written, as it is seen from here."""
        return any(message.streaming for message in self.room.timeline)


class Process:
    """One process of an agent, run by the stage."""

    def __init__(self, seat: Seat, agent: Agent) -> None:
        self.seat = seat
        self._agent = agent
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    async def run(self) -> None:
        """Take part until it ends."""
        try:
            with self._scope:
                await self._agent.run()
        finally:
            self._ended.set()

    async def end(self) -> None:
        """End it in order."""
        self._scope.cancel()
        await self._ended.wait()

    def kill(self) -> None:
        """End it in the middle of whatever it does; its link breaks first, so that nothing of it gets out."""
        self.cut()
        self._scope.cancel()

    def cut(self) -> None:
        """Its link breaks, and it goes on."""
        self.seat.peer.go_offline()

    def heal(self) -> None:
        """It has a link again."""
        self.seat.peer.go_online()


class Stage:
    """Made by `stage`. Everybody has a replica of their own, and a link of memory to the hub."""

    def __init__(self, hub: Hub, stack: AsyncExitStack, tasks: TaskGroup) -> None:
        self._hub = hub
        self._stack = stack
        self._tasks = tasks
        self.processes: list[Process] = []

    async def enter(self, user: str, role: Role = Role.WRITER, log: MemoryLog | None = None) -> Seat:
        """Somebody comes, with what is in `log`."""
        claims = Claims(user, (("*", role),), user)
        peer = Peer(
            log=log or MemoryLog(),
            user=user,
            connect=partial(self._hub.connect, grant=claims),
            now=wall_clock,
        )
        await self._stack.enter_async_context(peer)
        return Seat(peer, await peer.enter(ROOM))

    async def agent(
        self,
        model: Model,
        *,
        user: str = "bot",
        judge: Model | None = None,
        manners: Manners | None = None,
        notebook: Notebook | None = None,
        log: MemoryLog | None = None,
    ) -> Process:
        """A process of the agent `user` starts."""
        seat = await self.enter(user, Role.AGENT, log)
        agent = Agent(
            seat.room,
            model=model,
            judge_model=judge,
            manners=manners,
            notebook=notebook,
            clock=wall_clock,
            pace=Pace(flush_every=0.01),
        )
        process = Process(seat, agent)
        self.processes.append(process)
        self._tasks.start_soon(process.run)
        return process


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """An empty room; everybody leaves when the context is left."""
    async with (
        Hub(MemoryLog(), authorize=_as_they_say, now=wall_clock) as hub,
        anyio.create_task_group() as tasks,
        AsyncExitStack() as stack,
    ):
        made = Stage(hub, stack, tasks)
        try:
            yield made
        finally:
            for process in made.processes:
                await process.end()

"""The world of a story with agents: people, processes of agents, and models that fail at times."""

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from syncchat.agent import Agent, Manners, ModelFailed, Notebook, Prompt
from syncchat.agent.budget import Budget
from syncchat.core.grant import Grant, Role
from syncchat.core.room import Room
from syncchat.hub import Limits
from syncchat.journal import Journals
from syncchat.log import MemoryStore
from syncchat.testing.crash import CrashLog
from syncchat.testing.world import ROOM, Client, World, authorize

AGENTS = {"bot": 2, "imp": 1}
"""The agents, and how many processes each has; the second is not in every story."""

PEOPLE = 2

CALLS = 10
"""Calls that each agent may make in a day: many stories take more."""

LIMITS = Limits(idle_seconds=2.0, compact_entries=12, commit_updates=8, cover_seconds=1.0)


def grants(token: str, doc: str) -> Grant:
    """Agents are agents; everybody else as in any story."""
    grant = authorize(token, doc)
    return replace(grant, role=Role.AGENT) if grant.user in AGENTS else grant


class StoryModel:
    """Says some words over some seconds; at times it fails, or takes very long. Each call is counted."""

    name = "story"

    def __init__(self, world: "AgentsWorld", agent: str) -> None:
        self._world = world
        self._agent = agent

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `syncchat.agent.Model.stream`."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        world = self._world
        world.calls[self._agent] += 1
        world.calling += 1
        try:
            async with aclosing(self._play(random.Random(world.rng.random()))) as tokens:
                yield tokens
        finally:
            world.calling -= 1

    async def _play(self, rng: random.Random) -> AsyncGenerator[str, None]:
        await anyio.sleep(rng.choice((0.0, 0.1, 1.0, 8.0)))
        for number in range(rng.randint(0, 8)):
            if rng.random() < 0.03:
                raise ModelFailed("the story wants it")
            await anyio.sleep(rng.choice((0.0, 0.02, 0.2, 1.0)))
            yield f"word {number} "
        yield "INTERJECT" if rng.random() < 0.7 else "QUIET"


class Process(Client):
    """One process of an agent: it can die, restart, and be cut off; all of an agent share a notebook."""

    def __init__(
        self, name: str, user: str, store: MemoryStore, world: "AgentsWorld", notes: MemoryStore
    ) -> None:
        super().__init__(name, user, store, world)
        self._story = world
        self._notes = notes
        self._notes_log = CrashLog(notes, world.rng)

    async def _live(self) -> None:
        rng, story = self._story.rng, self._story
        self._notes_log = CrashLog(self._notes, rng)
        async with self._notes_log, self._make_peer() as peer:
            notebook = Notebook(Journals(self._notes_log), Budget(calls=CALLS))
            notebook.id = f"{rng.getrandbits(64):016x}"
            room = await peer.enter(ROOM)
            self.peer, self.room = peer, room
            self._alive.set()
            model = StoryModel(story, self.user)
            manners = story.manners[self.user]
            agent = Agent(room, model=model, manners=manners, notebook=notebook, clock=story.clock(0))
            await agent.run()

    def die(self) -> None:
        """kill -9."""
        self._notes_log.crash()
        super().die()


class AgentsWorld(World):
    """Everything there is in one run, from one seed: `people`, and the `processes` of all agents.

    `calls` is how many calls of models each agent has begun, and `calling` how many are under way.
    """

    def __init__(self, seed: int, tasks: TaskGroup) -> None:
        self.people: list[Client] = []
        self.processes: list[Process] = []
        self.manners: dict[str, Manners] = {}
        self.calls: dict[str, int] = {}
        self.calling = 0
        super().__init__(seed, tasks, authorize=grants, limits=LIMITS)

    def _populate(self, seed: int) -> None:
        self.people = [Client(name, name, MemoryStore(), self) for name in _names(PEOPLE)]
        for agent in list(AGENTS)[: self.rng.randint(1, 2)]:
            self.calls[agent] = 0
            self.manners[agent] = Manners(
                ambient=self.rng.random() < 0.5,
                grace=self.rng.choice((0, 5, 30)),
                on_newer=self.rng.choice(("queue", "merge", "replace")),
            )
            notes = MemoryStore()
            for number in range(AGENTS[agent]):
                name = f"{agent}-{number}"
                self.processes.append(Process(name, agent, MemoryStore(), self, notes))
        self.clients = [*self.people, *self.processes]

    @property
    def witness(self) -> Room:
        """The room as the first of the people sees it, who has to be alive."""
        room = self.people[0].room
        assert room is not None
        return room

    def say(self, room: Room, text: str, *, re: str | None = None) -> str:
        """Somebody posts a message."""
        id = room.post(text, re=re)
        self.promises.post(room.user, id)
        return id

    def ask(self, room: Room, verb: str, id: str | None, value: object = 1) -> None:
        """Somebody asks an agent for something."""
        room.ask(verb, id, value)
        self.promises.trace.append(f"{room.user} asks {verb} {id}")


def _names(count: int) -> list[str]:
    return [f"user{number}" for number in range(count)]

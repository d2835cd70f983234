"""The world of a story with agents: people, processes of agents, and models that fail at times."""

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import anyio
from anyio.abc import TaskGroup

from syncchat.agent import Agent, Manners, ModelFailed, Notebook, Prompt
from syncchat.agent.budget import Budget, DayBook, day_of
from syncchat.agent.prices import Price, Prices
from syncchat.agent.tokens import estimated
from syncchat.agent.usage import size_of
from syncchat.core.grant import Grant, Role
from syncchat.core.room import Room
from syncchat.hub import Limits
from syncchat.journal import Journals
from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.crash import CrashLog
from syncchat.testing.world import ROOM, Client, World, authorize

AGENTS = {"bot": 2, "imp": 1}
"""The agents, and how many processes each has; the second is not in every story."""

PEOPLE = 2

BUDGETS = (
    Budget(tokens=2_000),
    Budget(calls_per_user=2),
    Budget(tokens_per_user=1_200),
    Budget(calls_per_room=5),
    Budget(money_per_user=0.0012),
    Budget(calls=10),
    Budget(tokens_per_room=2_000),
)
"""What each agent may spend in a day, another limit from seed to seed: many stories would take more."""

PRICES = Prices("EUR", {"story": Price(Decimal(1), Decimal(2))})

LIMITS = Limits(idle_seconds=2.0, compact_entries=12, commit_updates=8, cover_seconds=1.0)


def grants(token: str, doc: str) -> Grant:
    """Agents are agents; everybody else as in any story."""
    grant = authorize(token, doc)
    return replace(grant, role=Role.AGENT) if grant.user in AGENTS else grant


class StoryModel:
    """Says some words over some seconds; at times it fails, or takes very long.

    Each call is counted, with what it has read and written, as its endpoint would.
    """

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
        said: list[str] = []
        try:
            async with aclosing(self._play(random.Random(world.rng.random()), said)) as pieces:
                yield pieces
        finally:
            world.calling -= 1
            taken = size_of(prompt) + estimated("".join(said))
            world.tokens[self._agent] += taken
            world.dearest = max(world.dearest, taken)

    async def _play(self, rng: random.Random, said: list[str]) -> AsyncGenerator[str, None]:
        await anyio.sleep(rng.choice((0.0, 0.1, 1.0, 8.0)))
        for number in range(rng.randint(0, 8)):
            if rng.random() < 0.03:
                raise ModelFailed("the story wants it")
            await anyio.sleep(rng.choice((0.0, 0.02, 0.2, 1.0)))
            said.append(f"word {number} ")
            yield said[-1]
        said.append("INTERJECT" if rng.random() < 0.7 else "QUIET")
        yield said[-1]


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
            notebook = Notebook(Journals(self._notes_log), story.budget, PRICES)
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

    `calls` is how many calls of models each agent has begun, `tokens` what these took, and `calling` how many
    are under way; `dearest` are the most tokens that one of them took.
    """

    def __init__(self, seed: int, tasks: TaskGroup) -> None:
        self.people: list[Client] = []
        self.processes: list[Process] = []
        self.manners: dict[str, Manners] = {}
        self.calls: dict[str, int] = {}
        self.tokens: dict[str, int] = {}
        self.notes: dict[str, MemoryStore] = {}
        self.budget = BUDGETS[seed % len(BUDGETS)]
        self.calling = self.dearest = 0
        super().__init__(seed, tasks, authorize=grants, limits=LIMITS)

    def _populate(self, seed: int) -> None:
        self.people = [Client(name, name, MemoryStore(), self) for name in _names(PEOPLE)]
        for agent in list(AGENTS)[: self.rng.randint(1, 2)]:
            self.calls[agent] = self.tokens[agent] = 0
            self.manners[agent] = Manners(
                ambient=self.rng.random() < 0.5,
                grace=self.rng.choice((0, 5, 30)),
                on_newer=self.rng.choice(("queue", "merge", "replace")),
            )
            notes = self.notes[agent] = MemoryStore()
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

    async def book(self, agent: str) -> DayBook:
        """What the agent's notebook says that it has spent."""
        async with MemoryLog(self.notes[agent]) as log:
            return await Notebook(Journals(log)).book(day_of(self.clock(0)()))

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

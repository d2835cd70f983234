"""A room to try an agent in: all write into one page, with no network."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import anyio
from pycrdt import Doc

from syncchat.agent import Agent, Manners, Model, Notebook, Pace
from syncchat.core.ids import Hlc
from syncchat.core.message import Message
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.testing.loop import VirtualLoop
from syncchat.testing.scripted_model import ScriptedModel

START = 1_700_000_000_000
"""Where the clock stands when the loop's is at 0, in ms since 1970."""

VIRTUAL = ("asyncio", {"loop_factory": VirtualLoop})
"""What a fixture `anyio_backend` returns for tests in virtual time."""

STARTING = 0.5
"""Seconds after which an agent is at work for sure, if no other process of it is."""

PATIENCE = 600.0
"""Seconds that `until` waits, of virtual time as a rule."""


class World:
    """One page that `ann`, `bob`, `bot` (the agent) and others write into, and the clock they share.

    `now` is the clock, in ms since 1970: it goes as the loop's does, and can be set. `updates` counts the
    page's transactions. Everybody sees the presence of everybody.
    """

    def __init__(self) -> None:
        self.store = Store(Doc())
        self.updates = 0
        self.store.doc.observe(self._count)
        self._skew = 0
        self._rand: Iterator[int] = count()
        self._clients = count(1)
        self._presences: list[Presence] = []
        self.presence = self.presence_of(99)
        self.bot = self.room("bot", self.presence)
        self.ann = self.room("ann")
        self.bob = self.room("bob")
        for room in (self.ann, self.bob):
            room.set_presence(name=room.user)

    @property
    def now(self) -> int:
        """The shared clock."""
        return START + self._skew + int(_passed() * 1000)

    @now.setter
    def now(self, now: int) -> None:
        self._skew += now - self.now

    def _count(self, _event: object) -> None:
        self.updates += 1

    def presence_of(self, client: int) -> Presence:
        """Presence under a client id, which all the others see."""
        presence = Presence(client)

        def tell() -> None:
            for other in self._presences:
                if other is not presence:
                    other.apply(presence.announce())

        presence.on_local = tell
        self._presences.append(presence)
        return presence

    def room(self, user: str, presence: Presence | None = None, now: Callable[[], int] | None = None) -> Room:
        """The room as `user` sees and writes it, by the clock `now` instead of the shared one."""
        room = Room(
            "lobby",
            user,
            hlc=Hlc(now or (lambda: self.now)),
            rand=lambda: next(self._rand),
            presence=presence or self.presence_of(next(self._clients)),
            is_waiting=lambda doc, root, key: False,
        )
        room.attach(0, self.store)
        return room

    def agent(
        self,
        model: Model,
        judge: Model | None = None,
        *,
        manners: Manners | None = None,
        notebook: Notebook | None = None,
        owing: Callable[[bool], None] | None = None,
        **pace: float,
    ) -> Agent:
        """An agent that flushes at once, and is judged to speak if no `judge` is given."""
        return Agent(
            self.bot,
            model=model,
            judge_model=judge or ScriptedModel(["INTERJECT"]),
            name="Bot",
            manners=manners,
            notebook=notebook,
            clock=lambda: self.now,
            pace=Pace(**({"flush_every": 0.0} | pace)),
            owing=owing,
        )

    @property
    def told(self) -> dict[str, Any]:
        """What the agent says of itself."""
        return dict(self.presence.local or {})

    @property
    def answers(self) -> list[Message]:
        """The agent's messages, as ann sees them."""
        return [message for message in self.ann.timeline if message.user == "bot"]

    @property
    def finished(self) -> list[tuple[str, str | None]]:
        """Text and state of the agent's finished messages."""
        return [(message.text, message.state) for message in self.answers if not message.streaming]


def _passed() -> float:
    """Seconds by the loop's clock; it stands still where there is no loop."""
    try:
        return anyio.current_time()
    except anyio.NoEventLoopError:
        return 0.0


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks run until the condition holds; raises TimeoutError after PATIENCE."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - anything at all may make it true
            await anyio.sleep(0.01)


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    """The agent takes part while the context is open, and is cancelled when it is left."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.run)
        await anyio.sleep(STARTING)
        yield
        tasks.cancel_scope.cancel()

"""A room to try an agent in: all write into one page, with no network and a clock that stands still."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import anyio
import anyio.lowlevel
from pycrdt import Doc

from syncchat.agent import Agent, Model, Pace
from syncchat.core.ids import Hlc
from syncchat.core.message import Message
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.testing.scripted_model import ScriptedModel

START = 1_700_000_000_000
"""Where the clock stands at first, in ms since 1970."""


class World:
    """One page that `ann`, `bot` (the agent) and others write into, and the clock they share.

    `now` is the clock, in ms since 1970; `updates` counts the page's transactions.
    """

    def __init__(self) -> None:
        self.store = Store(Doc())
        self.now = START
        self.updates = 0
        self.store.doc.observe(self._count)
        self._rand: Iterator[int] = count()
        self.presence = Presence(99)
        self.ann = self.room("ann", Presence(1))

    def _count(self, _event: object) -> None:
        self.updates += 1

    def room(self, user: str, presence: Presence, now: Callable[[], int] | None = None) -> Room:
        """The room as `user` sees and writes it, by the clock `now` instead of the shared one."""
        room = Room(
            "lobby",
            user,
            hlc=Hlc(now or (lambda: self.now)),
            rand=lambda: next(self._rand),
            presence=presence,
            is_waiting=lambda doc, root, key: False,
        )
        room.attach(0, self.store)
        return room

    def agent(self, model: Model, judge: Model | None = None, **pace: float) -> Agent:
        """An agent that flushes at once, and always speaks if no `judge` is given."""
        room = self.room("bot", self.presence)
        return Agent(
            room,
            model=model,
            judge_model=judge or ScriptedModel(["INTERJECT"]),
            name="Bot",
            clock=lambda: self.now,
            pace=Pace(**({"flush_every": 0.0} | pace)),
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


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks run until the condition holds; raises TimeoutError after 5 seconds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    """The agent takes part while the context is open, and is cancelled when it is left."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.run)
        await anyio.wait_all_tasks_blocked()
        yield
        tasks.cancel_scope.cancel()

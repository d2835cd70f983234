"""The embedded agents: each is in the rooms it belongs to for as long as somebody else is there."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from syncchat.agent import Model
from syncchat.agent.model import name_of
from syncchat.agent.notebook import Notebook
from syncchat.agent.persona import BadPersona, Persona
from syncchat.agent.prices import check_priced
from syncchat.agent.resident import Part, models_of
from syncchat.agent.tools.history import History
from syncchat.agent.whereabouts import Doorkeeper, Whereabouts
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import parse_doc
from syncchat.core.schema import SERVER
from syncchat.errors import InvalidName
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat.peer import Peer
from syncchat.wakeup import Wakeup
from syncchat_server.api import Rooms
from syncchat_server.api.catching_up import Teller
from syncchat_server.books import Books
from syncchat_server.guest import Guest
from syncchat_server.stays import LOOKOUT, Stays

LATELY = 256
"""Entries at the end of the log whose rooms each agent looks into after a start. A process that was killed
may have had no time to note, or even to hear, what it was asked in them; in rooms before these it had."""

BUILT_IN: Final = Persona("agent", "agent")
"""The agent of a daemon that has no others."""


class Cast:
    """The agents of a daemon, and their `books`."""

    def __init__(self, parts: Sequence[Part], books: Books) -> None:
        self.parts = parts
        self.books = books

    @classmethod
    def of(cls, built_in: tuple[Model, Model] | None, personas: Sequence[Persona], books: Books) -> "Cast":
        """The built-in agent with its two models, if it has any, and these, whose calls are counted.

        A persona with the built-in one's user takes its place. Raises ImportError for a model that lacks
        its package, and NoPrice for a limit in money that nobody could keep to.
        """
        models = [(persona, models_of(persona)) for persona in personas]
        if built_in is not None and all(persona.user != BUILT_IN.user for persona in personas):
            models.insert(0, (BUILT_IN, built_in))
        return cls([_part(persona, pair, books) for persona, pair in models], books)

    def teller(self, rooms: Rooms) -> Teller | None:
        """Who tells callers what they have missed: the first of the agents, None if there is none."""
        if not self.parts:
            return None
        first = self.parts[0]
        return Teller(rooms, first.model, partial(self.books.notebook, first.persona.user))


def _part(persona: Persona, models: tuple[Model, Model], books: Books) -> Part:
    if persona.prices is not None:
        raise BadPersona(
            f"the persona {persona.user} has [prices]: in a daemon they stand in the daemon's file"
        )
    budget = books.budget_of(persona.budget)
    check_priced(persona.user, budget.in_money, map(name_of, models), books.prices)
    answers, judges = (books.metered(persona.user, model) for model in models)
    return Part(persona, answers, judges, books.prices)


async def lately_written(log: Log) -> list[str]:
    """The rooms of which the last entries of a log are, the latest first. Raises LogError."""
    heads = sorted(((seq, doc) for doc, seq in (await log.heads()).items()), reverse=True)
    rooms: dict[str, None] = {}
    for seq, doc in heads:
        if seq <= heads[0][0] - LATELY:
            break
        with suppress(InvalidName):  # a companion of a doc
            name = parse_doc(doc)
            if name.page is not None:
                rooms[name.room] = None
    return list(rooms)


class AgentHost:
    """Runs each agent in each room where it takes part and somebody else is; `run` is its one task.

    Each is a peer of its own, with its user and its grant, and its notebook in `folder` (None: in memory),
    which is among the cast's books while it runs. `history` is what an agent may look up, by its claims.
    In a room that everybody has left it stays as long as it owes something, see `Guest`; into the rooms
    `lately` it looks at first, whether it has been there or not.
    """

    def __init__(
        self,
        hub: Hub,
        cast: Cast,
        *,
        folder: Path | None = None,
        history: Callable[[Claims], History] | None = None,
        lately: Sequence[str] = (),
    ) -> None:
        self._hub = hub
        self._books = cast.books
        self._folder = folder
        self._history = history
        self._lately = lately
        self._invisible = frozenset({SERVER, LOOKOUT, *(part.persona.user for part in cast.parts)})
        self._wakeup = Wakeup()
        self._known: list[Whereabouts] = []
        self._guests = [self._guest(part) for part in cast.parts]

    def _guest(self, part: Part) -> Guest:
        claims = Claims(part.persona.user, (("*", Role.AGENT),), part.persona.name)
        return Guest(
            part,
            notebook=partial(self._notebook, part.persona),
            peer=partial(self._peer, claims),
            history=lambda: self._history and self._history(claims),
            known=self._known,
            changed=self._wakeup.call,
            lately=self._lately,
        )

    async def run(self) -> None:
        """Come and go with the people, until cancelled."""
        async with (
            self._peer(Claims(LOOKOUT, (("*", Role.READER),))) as lookout,
            anyio.create_task_group() as tasks,
        ):
            for guest in self._guests:
                tasks.start_soon(guest.live)
            outside = Stays(lookout, tasks, partial(self._look_out, lookout), self._wakeup.call)
            listening = self._hub.turns.listen(lambda _: self._wakeup.call())
            try:
                self._wakeup.call()
                while True:
                    await self._wakeup.sleep()
                    outside.be_in(await self._place(self._occupied()))
            finally:
                listening.cancel()

    async def _place(self, occupied: set[str]) -> set[str]:
        """Have each agent where it belongs; returns the rooms in which one that can be summoned is not."""
        lacking: set[str] = set()
        for guest in self._guests:
            lacking |= await guest.place(occupied)
        return lacking

    async def _look_out(self, lookout: Peer, room: str) -> None:
        await Doorkeeper(await lookout.enter(room), self._known, self._wakeup.call).run()

    def _occupied(self) -> set[str]:
        """The rooms that anybody but agents is in: two of them would keep each other there for ever."""
        occupied = (doc for doc, users in self._hub.occupants().items() if users - self._invisible)
        return {doc.room for doc in map(parse_doc, occupied) if doc.in_room}

    def _peer(self, claims: Claims) -> Peer:
        return Peer(
            user=claims.user, name=claims.name or None, connect=partial(self._hub.connect, grant=claims)
        )

    @asynccontextmanager
    async def _notebook(self, persona: Persona) -> AsyncIterator[Notebook]:
        """An agent's notebook, which can be asked as long as it is open. Raises OSError, LogError."""
        budget = self._books.budget_of(persona.budget)
        async with Notebook.open(self._file(persona), budget, self._books.prices) as notebook:
            with self._books.keeping(persona.user, notebook):
                yield notebook

    def _file(self, persona: Persona) -> Path | None:
        if self._folder is None:
            return None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder / f"{persona.user}.sqlite"

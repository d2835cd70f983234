"""One agent with all that is its own, ready for any room: how a daemon runs it, and how it runs by itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
from anyio.abc import TaskStatus

from syncchat.agent.agent import Agent
from syncchat.agent.factory import make_model
from syncchat.agent.model import Model
from syncchat.agent.persona import BadPersona, Persona
from syncchat.agent.prices import Prices
from syncchat.agent.tools.history import History, make_tools
from syncchat.agent.tools.loop import Toolbox
from syncchat.agent.tools.mcp_source import mcp_tools
from syncchat.agent.whereabouts import Doorkeeper, Whereabouts
from syncchat.core.ids import cover_name
from syncchat.core.room import Room
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.wakeup import Wakeup


@dataclass(frozen=True, slots=True)
class Part:
    """A persona, the model that answers for it, the one that decides whether to, and what they cost."""

    persona: Persona
    model: Model
    judge_model: Model
    prices: Prices = field(default_factory=Prices)


def models_of(persona: Persona) -> tuple[Model, Model]:
    """The model that answers for a persona, and the one that judges; see `make_model`.

    Raises BadPersona if the variable that it names has no key.
    """
    make = partial(make_model, persona.base_url, api_key_env=persona.api_key_env)
    try:
        answers = make(persona.model)
        return answers, answers if persona.judge_model in (None, persona.model) else make(persona.judge_model)
    except ValueError as error:
        raise BadPersona(f"the persona {persona.user}: {error}") from error


class Resident:
    """An agent that takes part in rooms: with its notebook and its tools, which all of them share."""

    def __init__(self, part: Part, whereabouts: Whereabouts, toolbox: Toolbox) -> None:
        self.part = part
        self._whereabouts = whereabouts
        self._toolbox = toolbox

    @classmethod
    @asynccontextmanager
    async def living(
        cls, part: Part, whereabouts: Whereabouts, history: History | None = None
    ) -> "AsyncIterator[Resident]":
        """The agent while its MCP servers run; without a `history` it has no tools that look into it.

        Raises ImportError for a package that its tools lack.
        """
        built_in = [] if history is None else make_tools(part.persona.tools, history)
        async with mcp_tools(part.persona.mcp) as offered:
            yield cls(part, whereabouts, Toolbox([*built_in, *offered]))

    async def take_part(
        self, room: Room, changed: Callable[[], None], owing: Callable[[bool], None] | None = None
    ) -> None:
        """Be in a room until cancelled; `changed` is told when somebody has sent the agent away, say.

        `owing` is as for `Agent`.
        """
        part, persona = self.part, self.part.persona
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Doorkeeper(room, [self._whereabouts], changed).run)
            await Agent(
                room,
                name=persona.name,
                model=part.model,
                judge_model=part.judge_model,
                persona=persona.prompt,
                manners=persona.manners_in(room.name),
                toolbox=self._toolbox,
                notebook=self._whereabouts.notebook,
                prices=part.prices,
                owing=owing,
            ).run()

    async def live_in(
        self, peer: Peer, name: str, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Take part in a room whenever it belongs there, and only listen when it does not; until cancelled.

        Started when it has entered the room. Raises LogError.
        """
        room = await peer.enter(name)
        task_status.started()
        while True:
            await self._be_in(room)
            await _hide(peer, name)
            await self._be_outside(room)

    async def _be_in(self, room: PagedRoom) -> None:
        stir = Wakeup()
        seen: set[bool] = set()

        def note(owes: bool) -> None:
            seen.add(owes)
            stir.call()

        async with anyio.create_task_group() as tasks:
            if await self._whereabouts.is_in(room.name):
                tasks.start_soon(self.take_part, room, stir.call, note)
                # Sent away while it was not there, it finishes first what it had left unfinished.
                while not seen or await self._whereabouts.is_in(room.name):
                    await stir.sleep()
            tasks.cancel_scope.cancel()

    async def _be_outside(self, room: PagedRoom) -> None:
        stir = Wakeup()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Doorkeeper(room, [self._whereabouts], stir.call).run)
            while not await self._whereabouts.is_in(room.name):
                await stir.sleep()
            tasks.cancel_scope.cancel()


async def _hide(peer: Peer, room: str) -> None:
    """Be shown to nobody in a room that we are in, until something is said of oneself again."""
    (await peer.open(cover_name(room))).presence.set_local(None)

"""An agent of the daemon stays in a room that everybody has left as long as it owes something there (A28)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import pytest

from syncchat.agent import Manners, Model
from syncchat.agent.persona import Persona
from syncchat.agent.resident import Part
from syncchat.core.grant import Claims, Role
from syncchat.core.message import Body
from syncchat.hub import Hub
from syncchat.log import MemoryLog
from syncchat.peer import Peer
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from syncchat.testing.scripted_model import ScriptedModel
from syncchat_server.agents import LATELY, AgentHost, Cast, lately_written
from syncchat_server.api import Rooms
from syncchat_server.api import rooms as api_rooms
from syncchat_server.auth import OpenAuthority
from syncchat_server.books import Books

pytestmark = pytest.mark.anyio

ADA = Claims("ada", (("*", Role.WRITER),))
BOB = Claims("bob", (("*", Role.WRITER),))
PATIENCE = 30


class House:
    """A hub with an agent, `bot`, that lets people answer first, and its HTTP side."""

    def __init__(self, hub: Hub, rooms: Rooms) -> None:
        self.hub = hub
        self.rooms = rooms

    async def post(self, claims: Claims, text: str) -> None:
        """Somebody posts over HTTP."""
        await self.rooms.post(claims, "lobby", Body(text), None)

    async def answers(self) -> list[tuple[object, object]]:
        """Text and state of what the agent wrote, as everybody reads it; none of what still grows."""
        found = (await self.rooms.history.read("lobby", None, 50)).messages
        return [(m["text"], m["state"]) for m in found if m["user"] == "bot" and not m["streaming"]]

    async def until_here(self, *users: str) -> None:
        """Return when these are in the room, and nobody else."""
        with anyio.fail_after(PATIENCE):
            while self.rooms.people().get("lobby", set()) != set(users):  # noqa: ASYNC110 - anything does it
                await anyio.sleep(0.02)


@asynccontextmanager
async def house(model: Model, *before: str) -> AsyncIterator[House]:
    """With what was asked `before` any agent ran."""
    persona = Persona("bot", "Bot", manners=Manners(ambient=True, grace=5))
    log, part = MemoryLog(), Part(persona, model, ScriptedModel(["INTERJECT"]))
    async with (
        Hub(log, authorize=OpenAuthority()) as hub,
        Rooms(hub, log) as rooms,
        anyio.create_task_group() as tasks,
    ):
        home = House(hub, rooms)
        for text in before:
            await home.post(ADA, text)
        if before:
            await home.until_here()
        tasks.start_soon(AgentHost(hub, Cast([part], Books()), lately=await lately_written(log)).run)
        yield home
        tasks.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who posts is soon taken to be gone."""
    monkeypatch.setattr(api_rooms, "LINGER", 0.2)


async def test_A28_an_answer_is_finished_though_its_asker_is_long_gone_and_then_it_leaves() -> None:
    gate = anyio.Event()
    async with house(ScriptedModel(["one ", gate, "two"])) as home:
        await home.post(ADA, "@bot count")
        await home.until_here("ada", "bot")
        await home.until_here("bot")
        gate.set()
        await home.until_here()
        assert await home.answers() == [("one two", None)]


async def test_A28_what_waits_for_its_turn_is_answered_as_well() -> None:
    gates = anyio.Event(), anyio.Event()
    async with house(ScriptedModel(["one", gates[0]], ["two", gates[1]])) as home:
        await home.post(ADA, "@bot count")
        await home.post(BOB, "@bot count")
        await home.until_here("ada", "bob", "bot")
        await home.until_here("bot")
        for gate in gates:
            gate.set()
        await home.until_here()
        assert await home.answers() == [("one", None), ("two", None)]


async def test_A28_A11_an_open_question_posted_over_http_gets_its_grace_period_and_then_its_answer() -> None:
    async with house(ScriptedModel(["42"])) as home:
        async with Peer(user="bob", connect=partial(home.hub.connect, grant=BOB)) as peer:
            room = await peer.enter("lobby")
            with anyio.fail_after(PATIENCE):
                await peer.until(lambda: any(p.user == "bot" and "mode" in p.state for p in room.people))
                await home.post(ADA, "does anybody know what 6*7 is?")
                await peer.until(lambda: any(p.state.get("state") == "waiting" for p in room.people))
        await home.until_here("bot")
        assert await home.answers() == []
        await home.until_here()
        assert await home.answers() == [("42", None)]


@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_A28_it_tells_that_it_owes_something_as_long_as_a_question_waits_or_is_answered() -> None:
    world, told = World(), list[bool]()
    manners = Manners(ambient=True, grace=300)
    agent = world.agent(ScriptedModel(["4", 2.0, "2"]), manners=manners, owing=told.append)
    async with running(agent):
        assert told == [False]
        world.ann.post("does anybody know what 6*7 is?")
        await anyio.sleep(299)
        assert told == [False, True]
        await until(lambda: world.finished)
        await anyio.sleep(1)
    assert told == [False, True, False]


async def test_A19_A28_what_no_process_had_time_to_hear_is_answered_with_nobody_there() -> None:
    async with house(ScriptedModel(["42"]), "hello", "@bot what is 6*7?") as home:
        with anyio.fail_after(PATIENCE):
            while not await home.answers():  # noqa: ASYNC110 - anything does it
                await anyio.sleep(0.02)
        await home.until_here()
        assert await home.answers() == [("42", None)]


async def test_A28_L1_of_the_log_only_the_end_is_looked_at_for_rooms_that_somebody_may_wait_in() -> None:
    docs = ["old/0", *["busy/0"] * LATELY, "lobby/cover", "lobby/3", "new/0", "new/1"]
    async with MemoryLog() as log:
        assert await lately_written(log) == []
        for doc in docs:
            await log.append(doc, [b"\x00\x00"])
        assert await lately_written(log) == ["new", "lobby", "busy"]

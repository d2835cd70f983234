"""An agent of the daemon stays in a room that everybody has left as long as it owes something there (A28)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from syncchat.agent import Manners, Model
from syncchat.agent.persona import Persona
from syncchat.agent.resident import Part
from syncchat.core.grant import Claims, Role
from syncchat.core.message import Body
from syncchat.hub import Hub
from syncchat.log import MemoryLog
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from syncchat.testing.scripted_model import ScriptedModel
from syncchat_server.agents import AgentHost, Cast
from syncchat_server.api import Rooms
from syncchat_server.api import rooms as api_rooms
from syncchat_server.auth import OpenAuthority
from syncchat_server.books import Books

pytestmark = pytest.mark.anyio

ADA = Claims("ada", (("*", Role.WRITER),))
BOB = Claims("bob", (("*", Role.WRITER),))
PATIENCE = 30


@asynccontextmanager
async def daemon(model: Model) -> AsyncIterator[Rooms]:
    """The HTTP side of a daemon with an agent, `bot`."""
    log, part = MemoryLog(), Part(Persona("bot", "Bot"), model, model)
    async with (
        Hub(log, authorize=OpenAuthority()) as hub,
        Rooms(hub, log) as rooms,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(AgentHost(hub, Cast([part], Books())).run)
        yield rooms
        tasks.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who posts is soon taken to be gone."""
    monkeypatch.setattr(api_rooms, "LINGER", 0.2)


async def answers(rooms: Rooms) -> list[tuple[object, object]]:
    """Text and state of what the agent wrote, as everybody reads it; the state of one that grows is `...`."""
    found = (await rooms.history.read("lobby", None, 50)).messages
    return [(m["text"], "..." if m["streaming"] else m["state"]) for m in found if m["user"] == "bot"]


async def until_here(rooms: Rooms, *users: str) -> None:
    """Return when these are in the room, and nobody else."""
    with anyio.fail_after(PATIENCE):
        while rooms.people().get("lobby", set()) != set(users):  # noqa: ASYNC110 - anything may make it so
            await anyio.sleep(0.02)


async def test_A28_an_answer_is_finished_though_its_asker_is_long_gone_and_then_it_leaves() -> None:
    gate = anyio.Event()
    async with daemon(ScriptedModel(["one ", gate, "two"])) as rooms:
        await rooms.post(ADA, "lobby", Body("@bot count"), None)
        await until_here(rooms, "ada", "bot")
        await until_here(rooms, "bot")
        gate.set()
        await until_here(rooms)
        assert await answers(rooms) == [("one two", None)]


async def test_A28_what_waits_for_its_turn_is_answered_as_well() -> None:
    gates = anyio.Event(), anyio.Event()
    async with daemon(ScriptedModel(["one", gates[0]], ["two", gates[1]])) as rooms:
        await rooms.post(ADA, "lobby", Body("@bot count"), None)
        await rooms.post(BOB, "lobby", Body("@bot count"), None)
        await until_here(rooms, "ada", "bob", "bot")
        await until_here(rooms, "bot")
        for gate in gates:
            gate.set()
        await until_here(rooms)
        assert await answers(rooms) == [("one", None), ("two", None)]


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

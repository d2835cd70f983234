"""An agent in a room that uses tools: what people see of it, approve, and stop."""

from collections.abc import Sequence

import anyio
import pytest

from syncchat.agent import Agent, Pace
from syncchat.agent.tools.loop import Toolbox
from syncchat.agent.tools.tool import Tool, ToolCall
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from tests.agent.calling import CallingModel, Counter, Round

pytestmark = pytest.mark.anyio

CALL = ToolCall("double", '{"n": 21}')


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL


@pytest.fixture
def world() -> World:
    return World()


def agent_with(world: World, tools: Sequence[Tool], *rounds: Round, pace: Pace | None = None) -> Agent:
    return Agent(
        world.bot,
        model=CallingModel(*rounds),
        name="Bot",
        toolbox=Toolbox(tools),
        clock=lambda: world.now,
        pace=pace,
    )


async def test_A25_a_call_is_shown_in_the_answer_approved_there_and_stands_in_it(world: World) -> None:
    tool = Counter()
    async with running(agent_with(world, [tool], Round(calls=[CALL]), Round("It is 42."))):
        asked = world.ann.post("@bot double 21, please")
        await until(lambda: world.answers and world.answers[0].calls)
        [answer] = world.answers
        assert (answer.streaming, answer.calls[0]["state"], answer.calls[0]["args"]) == (
            True,
            "proposed",
            {"n": 21},
        )
        world.ann.ask("approve", answer.id, {"call": 0})
        await until(lambda: world.finished)
    [answer] = world.answers
    assert (answer.text, answer.re, answer.calls[0]["state"]) == ("It is 42.", asked, "done")
    assert tool.called == [{"n": 21}]


async def test_A16_A25_a_stop_while_a_call_waits_for_approval_ends_both(world: World) -> None:
    tool = Counter()
    async with running(agent_with(world, [tool], Round("Let me see.", calls=[CALL]), Round("never"))):
        world.ann.post("@bot double 21, please")
        await until(lambda: world.answers and world.answers[0].calls)
        world.bob.ask("stop", world.answers[0].id)
        await until(lambda: world.finished)
        world.ann.ask("approve", world.answers[0].id, {"call": 0})
        await anyio.sleep(300)
    [answer] = world.answers
    assert (answer.text, answer.state, answer.stopped_by) == ("Let me see.", "stopped", "bob")
    assert [call["state"] for call in answer.calls] in (["failed"], ["denied"])
    assert tool.called == []


async def test_A17_an_answer_that_waited_too_long_for_an_approval_is_no_fault_of_the_models(
    world: World,
) -> None:
    agent = agent_with(world, [Counter()], Round(calls=[CALL]), pace=Pace(answering=60))
    async with running(agent):
        world.ann.post("@bot double 21, please")
        await until(lambda: world.finished)
        await anyio.sleep(1)
        assert world.told["state"] == "watching"
    [answer] = world.answers
    assert (answer.state, answer.problem) == ("error", "the answer took longer than 60 s")

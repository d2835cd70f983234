"""The clock that an agent goes by: the server's, as far as its room knows it."""

import pytest

from syncchat.agent import Agent, Pace
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from syncchat.testing.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL


async def test_A14_what_is_heard_in_time_is_told_by_the_clock_of_the_messages_and_not_by_its_own() -> None:
    # This machine's clock is years ahead of the room's: by that, all of it would be too old to answer.
    world = World()
    agent = Agent(world.bot, model=ScriptedModel(["Hello"]), name="Bot", pace=Pace(flush_every=0))
    async with running(agent):
        assert world.bot.now == world.now
        world.ann.post("@bot hello?")
        await until(lambda: world.finished)

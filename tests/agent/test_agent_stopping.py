"""How the agent hears the room while it writes, is stopped, asked again, and left to one process."""

import anyio
import pytest

from syncchat.agent import Manners
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from syncchat.testing.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio

AMBIENT = Manners(ambient=True, grace=5)
QUESTION = "does anybody know what 6*7 is?"


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL


@pytest.fixture
def world() -> World:
    return World()


# Reading the room


async def test_A18_before_its_first_word_it_is_asked_anew_with_what_the_asker_added(world: World) -> None:
    model = ScriptedModel([anyio.Event()], ["Lima"])
    async with running(world.agent(model)):
        world.ann.post("@bot what is the capital?")
        await until(lambda: model.running)
        world.ann.post("of Peru, I mean")
        await until(lambda: world.finished)
    assert world.finished == [("Lima", None)]
    assert "of Peru, I mean" in [line.text for line in (*model.prompts[-1].lines, *model.prompts[-1].newer)]
    assert model.running == 0


@pytest.mark.parametrize("words", [[], ["It", " is"]], ids=["before the first word", "in the middle"])
@pytest.mark.parametrize("how", ["deleted", "edited away"])
async def test_A18_a_question_that_is_taken_back_takes_its_answer_along(
    world: World, words: list[str], how: str
) -> None:
    model = ScriptedModel([*words, anyio.Event()])
    async with running(world.agent(model)):
        asked = world.ann.post("@bot what is the capital of Peru?")
        await until(lambda: world.answers if words else model.running)
        if how == "deleted":
            world.ann.delete(asked)
        else:
            world.ann.edit(asked, "@bob what is the capital of Peru?")
        await until(lambda: model.running == 0)
        await until(lambda: world.told["state"] == "watching")
        await anyio.sleep(600)
    assert (world.answers, len(model.prompts)) == ([], 1)


async def test_A18_an_open_question_that_somebody_answers_meanwhile_is_left_at_that(world: World) -> None:
    model = ScriptedModel([anyio.Event()])
    async with running(world.agent(model, manners=AMBIENT)):
        asked = world.ann.post(QUESTION)
        await until(lambda: model.running)
        world.bob.post("42", re=asked)
        await until(lambda: model.running == 0)
        await anyio.sleep(600)
    assert (world.answers, len(model.prompts)) == ([], 1)


# Stopping


@pytest.mark.parametrize("which", ["answer", "trigger"])
async def test_A16_stop_ends_the_call_and_keeps_what_was_written(world: World, which: str) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        asked = world.ann.post("@bot count")
        await until(lambda: world.answers)
        world.ann.ask("stop", world.answers[0].id if which == "answer" else asked)
        await until(lambda: model.running == 0)
        await until(lambda: world.told["state"] == "watching")
    assert world.finished == [("One", "stopped")]
    assert world.answers[0].stopped_by == "ann"


async def test_A16_stop_ends_a_judgement_as_well(world: World) -> None:
    judge = ScriptedModel([anyio.Event()])
    async with running(world.agent(ScriptedModel(["never"]), judge, manners=AMBIENT)):
        asked = world.ann.post(QUESTION)
        await until(lambda: judge.running)
        world.ann.ask("stop", asked)
        await until(lambda: judge.running == 0)
        await anyio.sleep(600)
    assert world.answers == []


async def test_A16_another_messages_stop_stops_nothing(world: World) -> None:
    gate = anyio.Event()
    other = world.ann.post("other")
    world.now += 60_000
    async with running(world.agent(ScriptedModel(["One", gate, " two"]))):
        world.ann.post("@bot count")
        await until(lambda: world.answers)
        world.ann.ask("stop", other)
        await anyio.sleep(60)
        gate.set()
        await until(lambda: world.finished)
    assert world.finished == [("One two", None)]


@pytest.mark.parametrize("state", ["error", "stopped", "interrupted"])
async def test_A16_what_failed_can_be_asked_for_again(world: World, state: str) -> None:
    asked = world.ann.post("@bot hello")
    failed = world.room("bot").stream(re=asked)
    failed.append("half")
    failed.finish(state=state)
    world.now += 1000
    async with running(world.agent(ScriptedModel(["whole"]))):
        world.ann.ask("again", failed.id)
        await until(lambda: len(world.finished) == 2)
    assert (world.answers[-1].text, world.answers[-1].of) == ("whole", failed.id)


# Processes of one agent


async def test_A8_what_was_answered_together_with_another_is_not_answered_by_the_next_run(
    world: World,
) -> None:
    gate = anyio.Event()
    model = ScriptedModel(["first", gate], ["second"], ["never"])
    async with running(world.agent(model)):
        for text in ("@bot one", "@bot two", "@bot three"):
            world.ann.post(text)
            await until(lambda: world.answers)
        gate.set()
        await until(lambda: len(world.finished) == 2)
    async with running(world.agent(model)):
        await anyio.sleep(60)
    assert world.finished == [("first", None), ("second", None)]


@pytest.mark.parametrize("fence", [1, 9])
async def test_A8_an_answer_whose_claim_another_process_has_got_ends_and_goes(
    world: World, fence: int
) -> None:
    model = ScriptedModel(["One", anyio.Event()], ["never"])
    async with running(world.agent(model)):
        asked = world.ann.post("@bot count")
        await until(lambda: world.answers)
        twin = world.room("bot")
        twin.set_presence(agent=True, process="twin", fence=fence)
        other = twin.stream(re=asked)
        twin.ask("claim", asked, {"by": "twin", "fence": fence, "reply": other.id})
        await until(lambda: model.running == 0)
        await anyio.sleep(60)
        assert [message.id for message in world.answers] == [other.id]
        other.append("One, two")
        other.finish()
        await anyio.sleep(60)
    assert (world.finished, len(model.prompts)) == ([("One, two", None)], 1)


async def test_A19_what_another_process_with_the_same_fence_left_is_finished_as_well(world: World) -> None:
    async with running(world.agent(ScriptedModel(["never"]))):
        asked = world.ann.post("hello")
        twin = world.room("bot")
        other = twin.stream(re=asked)
        other.append("half")
        twin.ask("claim", asked, {"by": "twin", "fence": 1, "reply": other.id})
        await until(lambda: world.finished)
    assert world.finished == [("half", "interrupted")]


async def test_A16_of_two_who_stop_at_once_the_first_is_named(world: World) -> None:
    async with running(world.agent(ScriptedModel(["One", anyio.Event()]))):
        asked = world.ann.post("@bot count")
        await until(lambda: world.answers)
        world.bob.ask("stop", asked)
        world.ann.ask("stop", world.answers[0].id)
        await until(lambda: world.finished)
    assert world.answers[0].stopped_by == "bob"

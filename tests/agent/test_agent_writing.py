"""How the agent writes in a real room, and what a failure leaves behind."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from pycrdt import Doc

from syncchat.agent import BuiltinModel, Manners, ModelFailed, Notebook
from syncchat.agent.draft import Draft
from syncchat.agent.prompt import Prompt, Who
from syncchat.core.message import MAX_TEXT
from syncchat.core.store import Store
from syncchat.journal import Journals
from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from syncchat.testing.scripted_model import ScriptedModel, Step

pytestmark = pytest.mark.anyio

ENDLESS: list[Step] = ["One", *(x for _ in range(1000) for x in (" more", 0.05))]
AMBIENT = Manners(ambient=True, grace=5)
QUESTION = "does anybody know what 6*7 is?"


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL


@pytest.fixture
def world() -> World:
    return World()


async def answered(world: World, times: int) -> None:
    await until(lambda: len(world.finished) == times)


# How it writes


async def test_A3_the_answer_grows_by_appending_and_finishing_is_one_transaction(world: World) -> None:
    first, second = anyio.Event(), anyio.Event()
    async with running(world.agent(ScriptedModel(["One", first, " two", second, " three"]))):
        world.ann.post("@bot count")
        await until(lambda: world.answers and world.answers[0].text == "One")
        assert world.answers[0].streaming
        first.set()
        await until(lambda: world.answers[0].text == "One two")
        before = world.updates
        second.set()
        await until(lambda: world.finished)
        # The last word may still have been a flush of its own; finishing itself is one update.
        assert world.updates - before <= 2
    assert world.finished == [("One two three", None)]
    assert not list(world.store.texts("streams").rows())


async def test_A3_A8_tokens_between_two_flushes_are_one_append_and_a_claim_is_two_rows(world: World) -> None:
    async with running(world.agent(ScriptedModel([f"{i} " for i in range(200)]), flush_every=60)):
        world.ann.post("@bot count")
        before = world.updates
        await until(lambda: world.finished)
        # The claim, and that of the message; to begin, to append the first text, to finish with the rest.
        assert world.updates - before == 5
    assert world.finished[0][0].split() == [str(i) for i in range(200)]


async def test_A4_a_deleted_answer_ends_the_models_call(world: World) -> None:
    model = ScriptedModel(ENDLESS)
    async with running(world.agent(model)):
        world.ann.post("@bot count")
        await until(lambda: world.answers)
        world.room("bot").delete(world.answers[0].id)
        await until(lambda: model.running == 0)
    assert len(model.said) < 100
    assert world.finished == [("", None)]


async def test_A4_an_append_that_finds_nothing_ends_the_call_without_anybody_telling(world: World) -> None:
    model = ScriptedModel(ENDLESS)
    asked = world.ann.post("count")
    bot = world.room("bot")
    prompt = Prompt("reply", Who("bot", "Bot"), (), (), ())
    draft = Draft(model, prompt, lambda: bot.stream(re=asked), flush_every=0, seconds=60)

    async def clear() -> None:
        await until(lambda: world.answers)
        world.store.texts("streams").delete(world.answers[0].id)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clear)
        await draft.write()
    assert draft.state == "gone"
    assert len(model.said) < 100
    assert (world.answers, model.running) == ([], 0)


async def test_A4_a_cleared_answer_ends_even_a_stalled_call_and_does_not_come_back(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("@bot count")
        await until(lambda: world.answers)
        world.store.texts("streams").delete(world.answers[0].id)
        await until(lambda: model.running == 0)
        await anyio.sleep(60)
    assert world.answers == []


async def test_A4_an_answer_finished_by_somebody_with_its_name_is_left_alone(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("@bot count")
        await until(lambda: world.answers)
        world.room("bot").edit(world.answers[0].id, "edited")
        await until(lambda: model.running == 0)
    assert world.finished == [("edited", None)]


# When it goes wrong


@pytest.mark.parametrize("script", [[ModelFailed("down")], ["  ", ModelFailed("down")], [" \n"], []])
async def test_A17_an_addressed_turn_that_fails_is_a_message_in_the_state_error_with_the_cause(
    world: World, script: list[Any]
) -> None:
    async with running(world.agent(ScriptedModel(script))):
        asked = world.ann.post("@bot hello")
        await until(lambda: world.finished)
        await anyio.sleep(1)
        down = world.answers[0].problem == "down"
        assert world.told["state"] == ("unreachable" if down else "watching")
    [answer] = world.answers
    assert (answer.text, answer.state, answer.re) == ("", "error", asked)
    assert answer.problem in ("down", "the model answered nothing")


async def test_A17_a_question_whose_page_was_closed_while_it_waited_fails_for_all_to_see(
    world: World,
) -> None:
    model = ScriptedModel(["never"])
    async with running(world.agent(model)):
        world.ann.set_presence(name="ann", state="writing")
        asked = world.ann.post("@bot hello?")
        await until(lambda: world.told["state"] == "waiting")
        page = Store(Doc())
        for room in (world.ann, world.bob, world.bot):
            room.attach(1, page)
        world.bob.post("good morning")
        world.bot.detach(0)
        world.ann.set_presence(name="ann", state=None)
        await answered(world, 1)
    [answer] = world.answers
    assert (answer.re, answer.text, answer.state) == (asked, "", "error")
    assert "out of view" in (answer.problem or "")
    assert model.prompts == []


async def test_A17_a_question_whose_page_was_closed_before_it_was_asked_anew_fails_for_all_to_see(
    world: World,
) -> None:
    model = ScriptedModel([anyio.Event()])
    async with running(world.agent(model)):
        asked = world.ann.post("@bot hello?")
        await until(lambda: model.running)
        page = Store(Doc())
        for room in (world.ann, world.bob, world.bot):
            room.attach(1, page)
        world.bot.detach(0)
        world.ann.post("and it has to be in French")
        await until(lambda: world.finished)
    [answer] = world.answers
    assert (answer.re, answer.text, answer.state) == (asked, "", "error")
    assert "out of view" in (answer.problem or "")


async def test_A17_what_is_no_fault_of_the_models_changes_nothing_in_whether_it_is_shown_as_unreachable(
    world: World,
) -> None:
    model = ScriptedModel([ModelFailed("down")], ["here I am"])
    async with running(world.agent(model)):
        world.ann.post("@bot hello?")
        await until(lambda: world.told["state"] == "unreachable")
        await out_of_view(world, 0)
        assert (world.told["state"], world.told["problem"]) == ("unreachable", "down")
        world.ann.post("@bot hello?")
        await until(lambda: world.told["state"] == "watching")
        await out_of_view(world, 1)
        assert (world.told["state"], world.told.get("problem")) == ("watching", None)


async def out_of_view(world: World, number: int) -> None:
    """A question fails since its page is closed while it waits for ann, who types."""
    world.ann.set_presence(name="ann", state="writing")
    asked = world.ann.post("@bot hello?")
    await until(lambda: world.told["state"] == "waiting")
    page = Store(Doc())
    for room in (world.ann, world.bob, world.bot):
        room.attach(number + 1, page)
    world.bob.post("good morning")
    world.bot.detach(number)
    world.ann.set_presence(name="ann", state=None)
    await until(lambda: any(answer.re == asked and answer.state == "error" for answer in world.answers))
    await anyio.sleep(1)


async def test_A17_a_notebook_that_cannot_be_written_is_no_fault_of_the_models(world: World) -> None:
    store, model = MemoryStore(), ScriptedModel(["never"])
    async with MemoryLog(store) as log, running(world.agent(model, notebook=Notebook(Journals(log)))):
        store.failure = "the disk is full"
        world.ann.post("@bot hello?")
        await until(lambda: world.finished)
        await anyio.sleep(1)
        assert (world.told["state"], model.prompts) == ("watching", [])
        store.failure = None
    [answer] = world.answers
    assert answer.state == "error"
    assert "notebook" in (answer.problem or "")


async def test_A17_an_unasked_turn_that_fails_leaves_no_message(world: World) -> None:
    model = ScriptedModel([ModelFailed("down")])
    async with running(world.agent(model, manners=AMBIENT)):
        world.ann.post(QUESTION)
        await until(lambda: "problem" in world.told)
        await anyio.sleep(600)
    assert world.answers == []


async def test_A17_what_failed_is_in_no_later_prompt(world: World) -> None:
    model = ScriptedModel(["One", ModelFailed("cut off")], [ModelFailed("down")], ["Three"])
    async with running(world.agent(model)):
        for number, text in enumerate(("@bot hello", "@bot again", "@bot and again"), 1):
            world.ann.post(text)
            await answered(world, number)
        await until(lambda: world.told["state"] == "watching")
        assert "problem" not in world.told
    assert world.finished == [("One", "interrupted"), ("", "error"), ("Three", None)]
    prompt = model.prompts[-1]
    assert [line.text for line in prompt.lines] == ["@bot hello", "@bot again", "@bot and again"]
    assert not any("cut off" in turn.text or "down" in turn.text for turn in prompt.turns)


async def test_A17_cancelling_in_mid_stream_closes_the_call_and_finishes_as_interrupted(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("@bot hello")
        await until(lambda: world.answers)
    assert model.running == 0
    assert world.finished == [("One", "interrupted")]
    assert "state" not in world.told


async def test_A17_cancelling_before_the_first_token_leaves_nothing(world: World) -> None:
    model = ScriptedModel([anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("@bot hello")
        await until(lambda: model.running)
    assert (model.running, world.answers) == (0, [])


async def test_A17_an_answer_that_takes_too_long_is_interrupted(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model, answering=5)):
        world.ann.post("@bot hello")
        await until(lambda: world.finished)
        await until(lambda: "problem" in world.told)
        assert world.told["problem"] == "the answer took longer than 5 s"
    assert world.finished == [("One", "interrupted")]


async def test_an_answer_over_the_size_of_a_message_is_cut_there(world: World) -> None:
    model = ScriptedModel(["ü" * 1000] * 100)
    async with running(world.agent(model)):
        world.ann.post("@bot hello")
        await until(lambda: world.finished)
        await until(lambda: model.running == 0)
    [(text, state)] = world.finished
    assert state == "interrupted"
    assert MAX_TEXT - 2000 <= len(text.encode()) <= MAX_TEXT


async def test_an_emoji_cut_in_two_by_the_model_arrives_whole(world: World) -> None:
    gate = anyio.Event()
    async with running(world.agent(ScriptedModel(["a\ud83d", gate, "\ude00b", "\ude00"]))):
        world.ann.post("@bot hello")
        await until(lambda: world.answers)
        gate.set()
        await until(lambda: world.finished)
    assert world.finished[0][0] == "a\U0001f600b\ufffd"


async def test_A19_what_a_crash_left_unfinished_is_finished_as_interrupted(world: World) -> None:
    crashed = world.room("bot")
    crashed.stream().append("half an ans")
    crashed.stream()
    foreign = world.room("otherbot").stream()
    foreign.append("still at it")
    world.now += 60_000
    async with running(world.agent(ScriptedModel(["never"]))):
        await until(lambda: world.finished == [("half an ans", "interrupted")])
        assert len(world.answers) == 1
        # The rest of the crashed one's work arrives when the link is up.
        crashed.stream().append("more of it")
        await until(lambda: len(world.finished) == 2)
    assert foreign.open


async def test_it_tells_what_it_does(world: World) -> None:
    judging, writing = anyio.Event(), anyio.Event()
    model, judge = ScriptedModel(["One", writing]), ScriptedModel([judging, "INTERJECT"])
    async with running(world.agent(model, judge, manners=AMBIENT)):
        await until(lambda: world.told.get("state") == "watching")
        assert (world.told["agent"], world.told["name"], world.told["mode"]) == (True, "Bot", "ambient")
        asked = world.ann.post(QUESTION)
        states: list[Callable[[], object]] = [
            lambda: world.told["state"] == "waiting",
            lambda: world.told["state"] == "judging",
        ]
        for state in states:
            await until(state)
            assert world.told["re"] == asked
        judging.set()
        await until(lambda: world.told["state"] == "writing")
        writing.set()
        await until(lambda: world.told["state"] == "watching")
        assert "re" not in world.told


async def test_the_built_in_model_takes_part_from_question_to_answer(world: World) -> None:
    model = BuiltinModel(pace=0)
    async with running(world.agent(model, model)):
        world.ann.post("good morning")
        world.ann.post("@bot what is 6*7?")
        await until(lambda: world.finished)
    assert world.finished == [("6*7 = 42", None)]

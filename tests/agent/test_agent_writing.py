"""How the agent writes in a real room, how it is stopped, and what a failure leaves behind."""

from typing import Any

import anyio
import pytest

from syncchat.agent import BuiltinModel, ModelFailed
from syncchat.agent.prompt import Prompt, Who
from syncchat.agent.reply import Reply
from syncchat.core.message import MAX_TEXT
from syncchat.core.presence import Presence
from syncchat.testing.agent_world import World, running, until
from syncchat.testing.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World()


# How it writes


async def test_A3_the_answer_grows_by_appending_and_finishing_is_one_transaction(world: World) -> None:
    first, second = anyio.Event(), anyio.Event()
    async with running(world.agent(ScriptedModel(["One", first, " two", second, " three"]))):
        world.ann.post("count")
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


async def test_A3_tokens_between_two_flushes_are_one_append(world: World) -> None:
    async with running(world.agent(ScriptedModel([f"{i} " for i in range(200)]), flush_every=60)):
        world.ann.post("count")
        before = world.updates
        await until(lambda: world.finished)
        # To begin, to append the first text, and to finish with the rest.
        assert world.updates - before == 3
    assert world.finished[0][0].split() == [str(i) for i in range(200)]


async def test_A4_a_deleted_answer_ends_the_models_call(world: World) -> None:
    model = ScriptedModel(["One", *[" more"] * 100_000])
    async with running(world.agent(model)):
        world.ann.post("count")
        await until(lambda: world.answers)
        world.room("bot", Presence(5)).delete(world.answers[0].id)
        await until(lambda: model.running == 0)
        await anyio.wait_all_tasks_blocked()
    assert len(model.said) < 1000
    assert world.finished == [("", None)]


async def test_A4_an_append_that_finds_nothing_ends_the_call_without_anybody_telling(world: World) -> None:
    model = ScriptedModel(["One", *[" more"] * 100_000])
    asked = world.ann.post("count")
    prompt = Prompt("reply", Who("bot", "Bot"), (), (), ())
    bot = world.room("bot", Presence(5))
    reply = Reply(bot, model, prompt, re=asked, flush_every=0, seconds=60)

    async def clear() -> None:
        await until(lambda: world.answers)
        world.store.texts("streams").delete(world.answers[0].id)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clear)
        await reply.write()
    assert len(model.said) < 1000
    assert (world.answers, model.running) == ([], 0)


async def test_A4_a_cleared_answer_ends_even_a_stalled_call_and_does_not_come_back(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("count")
        await until(lambda: world.answers)
        world.store.texts("streams").delete(world.answers[0].id)
        await until(lambda: model.running == 0)
        await anyio.wait_all_tasks_blocked()
    assert world.answers == []


async def test_A4_an_answer_finished_by_somebody_with_its_name_is_left_alone(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("count")
        await until(lambda: world.answers)
        world.room("bot", Presence(5)).edit(world.answers[0].id, "edited")
        await until(lambda: model.running == 0)
    assert world.finished == [("edited", None)]


@pytest.mark.parametrize("which", ["answer", "trigger"])
async def test_stop_ends_the_call_and_keeps_what_was_written(world: World, which: str) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        asked = world.ann.post("count")
        await until(lambda: world.answers)
        world.ann.ask("stop", world.answers[0].id if which == "answer" else asked)
        await until(lambda: model.running == 0)
        await until(lambda: world.told["state"] == "watching")
    assert world.finished == [("One", "stopped")]


async def test_stop_ends_a_judgement_as_well(world: World) -> None:
    judge = ScriptedModel([anyio.Event()])
    async with running(world.agent(ScriptedModel(["never"]), judge)):
        asked = world.ann.post("count")
        await until(lambda: judge.running)
        world.ann.ask("stop", asked)
        await until(lambda: world.told["state"] == "watching")
    assert (judge.running, world.answers) == (0, [])


async def test_another_messages_stop_and_other_verbs_stop_nothing(world: World) -> None:
    gate = anyio.Event()
    other = world.ann.post("other")
    world.now += 60_000
    async with running(world.agent(ScriptedModel(["One", gate, " two"]))):
        world.ann.post("count")
        await until(lambda: world.answers)
        world.ann.ask("stop", other)
        world.ann.ask("again", world.answers[0].id)
        await anyio.wait_all_tasks_blocked()
        gate.set()
        await until(lambda: world.finished)
    assert world.finished == [("One two", None)]


# When it goes wrong


@pytest.mark.parametrize("script", [[ModelFailed("down")], ["  ", ModelFailed("down")], [" \n"], []])
async def test_a_failure_before_the_first_token_leaves_no_message(world: World, script: list[Any]) -> None:
    updates = []
    async with running(world.agent(ScriptedModel(script))):
        world.ann.post("hello")
        updates.append(world.updates)
        await until(lambda: "problem" in world.told)
        updates.append(world.updates)
    assert world.answers == []
    assert updates[0] == updates[1]


async def test_a_failure_in_the_middle_is_interrupted_and_stays_out_of_later_prompts(world: World) -> None:
    model = ScriptedModel(["One", ModelFailed("cut off")], ["Two"])
    async with running(world.agent(model)):
        world.ann.post("hello")
        await until(lambda: world.finished)
        await until(lambda: world.told.get("problem") == "cut off")
        world.ann.post("again")
        await until(lambda: len(world.finished) == 2)
        await until(lambda: world.told["state"] == "watching")
        assert "problem" not in world.told
    assert world.finished == [("One", "interrupted"), ("Two", None)]
    assert [line.text for line in model.prompts[1].lines] == ["hello", "again"]


async def test_cancelling_in_mid_stream_closes_the_call_and_finishes_as_interrupted(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("hello")
        await until(lambda: world.answers)
    assert model.running == 0
    assert world.finished == [("One", "interrupted")]
    assert "state" not in world.told


async def test_cancelling_before_the_first_token_leaves_nothing(world: World) -> None:
    model = ScriptedModel([anyio.Event()])
    async with running(world.agent(model)):
        world.ann.post("hello")
        await until(lambda: model.running)
    assert (model.running, world.answers) == (0, [])


async def test_an_answer_that_takes_too_long_is_interrupted(world: World) -> None:
    model = ScriptedModel(["One", anyio.Event()])
    async with running(world.agent(model, answering=0.05)):
        world.ann.post("hello")
        await until(lambda: world.finished)
        await until(lambda: "problem" in world.told)
        assert world.told["problem"] == "the answer took longer than 0.05 s"
    assert world.finished == [("One", "interrupted")]


async def test_an_answer_over_the_size_of_a_message_is_cut_there(world: World) -> None:
    model = ScriptedModel(["ü" * 1000] * 100)
    async with running(world.agent(model)):
        world.ann.post("hello")
        await until(lambda: world.finished)
        await until(lambda: model.running == 0)
    [(text, state)] = world.finished
    assert state == "interrupted"
    assert MAX_TEXT - 2000 <= len(text.encode()) <= MAX_TEXT


async def test_an_emoji_cut_in_two_by_the_model_arrives_whole(world: World) -> None:
    gate = anyio.Event()
    async with running(world.agent(ScriptedModel(["a\ud83d", gate, "\ude00b", "\ude00"]))):
        world.ann.post("hello")
        await until(lambda: world.answers)
        await anyio.wait_all_tasks_blocked()
        gate.set()
        await until(lambda: world.finished)
    assert world.finished[0][0] == "a\U0001f600b\ufffd"


async def test_what_a_crash_left_unfinished_is_finished_as_interrupted(world: World) -> None:
    crashed = world.room("bot", Presence(5))
    crashed.stream().append("half an ans")
    crashed.stream()
    foreign = world.room("otherbot", Presence(6)).stream()
    foreign.append("still at it")
    world.now += 60_000
    async with running(world.agent(ScriptedModel(["never"]))):
        assert world.finished == [("half an ans", "interrupted")]
        assert len(world.answers) == 1
        # The rest of the crashed one's work arrives when the link is up.
        world.now -= 30_000
        crashed.stream().append("more of it")
        await until(lambda: len(world.finished) == 2)
    assert foreign.open


async def test_it_tells_what_it_does(world: World) -> None:
    judging, writing = anyio.Event(), anyio.Event()
    agent = world.agent(ScriptedModel(["One", writing]), ScriptedModel([judging, "INTERJECT"]))
    async with running(agent):
        assert world.told == {"user": "bot", "name": "Bot", "agent": True, "state": "watching"}
        asked = world.ann.post("hello")
        await until(lambda: world.told["state"] == "judging")
        assert world.told["re"] == asked
        judging.set()
        await until(lambda: world.told["state"] == "writing")
        writing.set()
        await until(lambda: world.told["state"] == "watching")
        assert "re" not in world.told


async def test_a_message_deleted_while_it_is_judged_is_not_answered(world: World) -> None:
    gate = anyio.Event()
    model, judge = ScriptedModel(["never"]), ScriptedModel([gate, "INTERJECT"])
    async with running(world.agent(model, judge)):
        asked = world.ann.post("hello")
        await until(lambda: judge.running)
        world.ann.delete(asked)
        gate.set()
        await anyio.wait_all_tasks_blocked()
    assert (model.prompts, world.answers) == ([], [])


async def test_the_built_in_model_takes_part_from_question_to_answer(world: World) -> None:
    model = BuiltinModel(pace=0)
    async with running(world.agent(model, model)):
        world.ann.post("good morning")
        world.ann.post("what is 6*7?")
        await until(lambda: world.finished)
    assert world.finished == [("6*7 = 42", None)]

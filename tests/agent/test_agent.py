"""What the agent answers in a real room, and what it leaves to people."""

import anyio
import pytest

from syncchat.agent import ModelFailed
from syncchat.agent.agent import LEEWAY
from syncchat.core.presence import Presence
from syncchat.testing.agent_world import START, World, running, until
from syncchat.testing.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World()


async def test_A1_it_answers_when_the_judge_says_interject_and_refers_to_the_message(world: World) -> None:
    model = ScriptedModel(["Hello", " Ann"])
    async with running(world.agent(model)):
        asked = world.ann.post("hello?")
        await until(lambda: world.finished)
    [answer] = world.answers
    assert (answer.text, answer.re, answer.agent, answer.state) == ("Hello Ann", asked, True, None)
    assert model.prompts[0].lines[-1].text == "hello?"


async def test_A1_it_stays_quiet_when_the_judge_does_not_say_so(world: World) -> None:
    model, judge = ScriptedModel(["never"]), ScriptedModel(["I will not INTERJECT.\nQUIET"])
    async with running(world.agent(model, judge)):
        world.ann.post("hello")
        await until(lambda: judge.prompts)
        await anyio.wait_all_tasks_blocked()
    assert (world.answers, model.prompts) == ([], [])


async def test_A2_it_stays_quiet_when_the_judge_fails_and_says_why(world: World) -> None:
    model, judge = ScriptedModel(["never"]), ScriptedModel([ModelFailed("no such host")])
    async with running(world.agent(model, judge)):
        world.ann.post("hello")
        await until(lambda: judge.prompts)
        await anyio.wait_all_tasks_blocked()
        assert world.told == {
            "user": "bot", "name": "Bot", "agent": True, "state": "watching", "problem": "no such host",
        }  # fmt: skip
    assert (world.answers, model.prompts) == ([], [])
    assert world.told == {"user": "bot", "name": "Bot"}


async def test_what_a_person_streams_is_judged_when_it_is_finished(world: World) -> None:
    judge = ScriptedModel(["QUIET"])
    async with running(world.agent(ScriptedModel(["never"]), judge)):
        dictated = world.ann.stream(agent=False)
        dictated.append("hello")
        await anyio.wait_all_tasks_blocked()
        assert judge.prompts == []
        dictated.append(" bot")
        dictated.finish()
        await until(lambda: judge.prompts)
    assert [prompt.lines[-1].text for prompt in judge.prompts] == ["hello bot"]


async def test_it_judges_neither_history_nor_agents_nor_itself_nor_edits(world: World) -> None:
    judge = ScriptedModel(["QUIET"])
    old = world.ann.post("from before")
    other = world.room("otherbot", Presence(3))
    world.now += 60_000
    async with running(world.agent(ScriptedModel([""]), judge)):
        late = world.room("late", Presence(4), now=lambda: START - 1000)
        late.post("written offline, before it came")
        stream = other.stream()
        stream.append("I am a program")
        stream.finish()
        world.ann.edit(old, "from before, edited")
        world.ann.react(old, "+")
        await anyio.wait_all_tasks_blocked()
        assert judge.prompts == []
        asked = world.ann.post("now")
        await until(lambda: judge.prompts)
        world.ann.edit(asked, "now, edited")
        await anyio.wait_all_tasks_blocked()
    assert len(judge.prompts) == 1


async def test_it_answers_who_came_just_before_it(world: World) -> None:
    world.ann.post("@bot hello")
    world.now += LEEWAY
    async with running(world.agent(ScriptedModel(["hi"]))):
        await until(lambda: world.finished)
    assert world.finished == [("hi", None)]


@pytest.mark.parametrize("state", [None, "interrupted"])
async def test_a_new_run_does_not_answer_again_what_the_last_one_did(world: World, state: str | None) -> None:
    world.ann.post("@bot hello")
    answer = world.room("bot", Presence(5)).stream()
    answer.append("hi")
    if state is None:
        answer.finish()
    world.now += 1000
    judge = ScriptedModel(["INTERJECT"])
    async with running(world.agent(ScriptedModel(["again"]), judge)):
        await anyio.wait_all_tasks_blocked()
    assert (world.finished, judge.prompts) == ([("hi", state)], [])


async def test_A6_the_prompts_hold_the_windows_and_who_is_here(world: World) -> None:
    for number in range(30):
        world.ann.post(f"text {number}")
    world.now += 60_000
    model, judge = ScriptedModel(["ok"]), ScriptedModel(["INTERJECT"])
    async with running(world.agent(model, judge)):
        world.ann.post("bot?")
        await until(lambda: world.finished)
    assert [line.text for line in judge.prompts[0].lines] == [
        "text 26",
        "text 27",
        "text 28",
        "text 29",
        "bot?",
    ]
    assert [line.text for line in model.prompts[0].lines] == [*(f"text {i}" for i in range(11, 30)), "bot?"]
    assert [who.user for who in model.prompts[0].people] == ["bot"]


async def test_a_burst_of_chat_is_judged_once_and_each_message_to_it_has_its_turn(world: World) -> None:
    gate = anyio.Event()
    judge = ScriptedModel([gate, "QUIET"], ["QUIET"])
    async with running(world.agent(ScriptedModel(["ok"]), judge)):
        world.ann.post("first")
        await until(lambda: judge.prompts)
        for text in ("a", "@bot one", "b", "@bot two", "c", "d"):
            world.ann.post(text)
        gate.set()
        await until(lambda: len(judge.prompts) == 4)
        await anyio.wait_all_tasks_blocked()
    assert [prompt.lines[-1].text for prompt in judge.prompts] == ["first", "@bot one", "@bot two", "d"]


async def test_overlapping_posts_never_start_two_answers_at_once(world: World) -> None:
    gate = anyio.Event()
    model = ScriptedModel(["slow", gate], ["second"])
    async with running(world.agent(model)):
        world.ann.post("@bot one")
        await until(lambda: world.answers)
        world.ann.post("@bot two")
        await anyio.wait_all_tasks_blocked()
        assert len(world.answers) == 1
        gate.set()
        await until(lambda: len(world.finished) == 2)
    assert model.most_running == 1

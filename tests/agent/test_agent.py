"""The agent in a real room: what it answers, how it writes, and how it stops."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from pycrdt import Doc

from syncchat.agent import Agent, BuiltinModel, Model, ModelFailed, Pace
from syncchat.agent.agent import LEEWAY
from syncchat.core.ids import Hlc
from syncchat.core.message import MAX_TEXT, Message
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.testing.scripted_model import ScriptedModel

START = 1_700_000_000_000

pytestmark = pytest.mark.anyio


class World:
    """One page that everybody writes into, and the clock they share."""

    def __init__(self) -> None:
        self.store = Store(Doc())
        self.now = START
        self.updates = 0
        self.store.doc.observe(self._count)
        self._rand: Iterator[int] = count()
        self.presence = Presence(99)
        self.ann = self.room("ann", Presence(1))

    def _count(self, _event: object) -> None:
        self.updates += 1

    def room(self, user: str, presence: Presence) -> Room:
        room = Room(
            "lobby",
            user,
            hlc=Hlc(lambda: self.now),
            rand=lambda: next(self._rand),
            presence=presence,
            is_waiting=lambda doc, root, key: False,
        )
        room.attach(0, self.store)
        return room

    def agent(self, model: Model, judge: Model | None = None, **pace: float) -> Agent:
        room = self.room("bot", self.presence)
        return Agent(
            room,
            model=model,
            judge_model=judge or ScriptedModel(["INTERJECT"]),
            name="Bot",
            clock=lambda: self.now,
            pace=Pace(**({"flush_every": 0.0} | pace)),
        )

    @property
    def told(self) -> dict[str, Any]:
        """What the agent says of itself."""
        return dict(self.presence.local or {})

    @property
    def answers(self) -> list[Message]:
        return [message for message in self.ann.timeline if message.user == "bot"]

    @property
    def finished(self) -> list[tuple[str, str | None]]:
        return [(message.text, message.state) for message in self.answers if not message.streaming]


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    """The agent takes part while the context is open, and is cancelled at its end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.run)
        await anyio.wait_all_tasks_blocked()
        yield
        tasks.cancel_scope.cancel()


@pytest.fixture
def world() -> World:
    return World()


# Whether it speaks


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


async def test_it_judges_neither_history_nor_agents_nor_itself_nor_edits(world: World) -> None:
    judge = ScriptedModel(["QUIET"])
    old = world.ann.post("from before")
    other = world.room("otherbot", Presence(3))
    world.now += 60_000
    async with running(world.agent(ScriptedModel([""]), judge)):
        late = world.room("late", Presence(4))
        late._hlc = Hlc(lambda: START - 1000)
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
    end = anyio.Event()
    async with running(world.agent(ScriptedModel([*(f"{i} " for i in range(200)), end]), flush_every=60)):
        world.ann.post("count")
        await until(lambda: world.answers)
        await anyio.wait_all_tasks_blocked()
        before = world.updates
        end.set()
        await until(lambda: world.finished)
        assert world.updates == before + 1
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
        world.ann.request("stop", world.answers[0].id if which == "answer" else asked)
        await until(lambda: model.running == 0)
        await until(lambda: world.told["state"] == "watching")
    assert world.finished == [("One", "stopped")]


async def test_stop_ends_a_judgement_as_well(world: World) -> None:
    judge = ScriptedModel([anyio.Event()])
    async with running(world.agent(ScriptedModel(["never"]), judge)):
        asked = world.ann.post("count")
        await until(lambda: judge.running)
        world.ann.request("stop", asked)
        await until(lambda: world.told["state"] == "watching")
    assert (judge.running, world.answers) == (0, [])


async def test_another_messages_stop_and_other_verbs_stop_nothing(world: World) -> None:
    gate = anyio.Event()
    other = world.ann.post("other")
    world.now += 60_000
    async with running(world.agent(ScriptedModel(["One", gate, " two"]))):
        world.ann.post("count")
        await until(lambda: world.answers)
        world.ann.request("stop", other)
        world.ann.request("again", world.answers[0].id)
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

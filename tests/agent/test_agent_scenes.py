"""Scenes: an agent among people and other agents, with its network and its processes failing."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from syncchat.agent import Manners
from syncchat.core.grant import Role
from syncchat.testing import loop
from syncchat.testing.agent_stage import Stage, stage
from syncchat.testing.scripted_model import ScriptedModel

HOUR = 3600.0
LONG = 300.0
"""Far more than anything takes that the agent does."""
SLOW = [word for number in range(50) for word in (f"{number} ", 0.1)]
"""An answer of five seconds."""


def play(scene: Callable[[Stage], Awaitable[None]]) -> None:
    """Play a scene in virtual time."""

    async def run() -> None:
        async with stage() as made:
            await scene(made)

    loop.run(run)


def test_A7_two_agents_and_a_person_do_not_answer_each_other_for_ever() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        bot, otto = ScriptedModel(["@otto what do you think?"]), ScriptedModel(["@bot and you?"])
        await stage.agent(bot, user="bot")
        await stage.agent(otto, user="otto")
        await anyio.sleep(1)
        ann.room.post("@bot hello")
        await anyio.sleep(LONG)
        # Each has answered ann or the other once, and one of them both.
        assert [text for text, _ in ann.texts] == [
            "@otto what do you think?",
            "@bot and you?",
            "@otto what do you think?",
        ]
        ann.room.post("@otto hello")
        await anyio.sleep(LONG)
        assert len(ann.texts) == len(bot.prompts) + len(otto.prompts) == 6

    play(scene)


def test_A12_ten_messages_in_a_second_are_answered_with_one_reply_at_a_time() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        model = ScriptedModel([0.5, "one ", 0.5, "two"])
        await stage.agent(model)
        await anyio.sleep(1)
        for number in range(10):
            ann.room.post(f"@bot number {number}")
            await anyio.sleep(0.1)
        await anyio.sleep(LONG)
        assert model.most_running == 1
        assert 1 <= len(ann.answers) <= 10
        known = {line.text for prompt in model.prompts for line in (*prompt.lines, *prompt.newer)}
        assert known >= {f"@bot number {number}" for number in range(10)}
        assert not ann.is_streaming

    play(scene)


def test_A4_A18_a_room_that_is_cleared_while_it_answers_stays_clear() -> None:
    async def scene(stage: Stage) -> None:
        ann, mod = await stage.enter("ann"), await stage.enter("mod", Role.MODERATOR)
        model = ScriptedModel(SLOW, ["And now?"])
        await stage.agent(model)
        await anyio.sleep(1)
        ann.room.post("@bot count, please")
        await anyio.sleep(2)
        assert ann.is_streaming
        for message in list(mod.room.timeline):
            mod.room.delete(message.id)
        await anyio.sleep(1)
        assert model.running == 0
        assert len(model.said) < 40
        await anyio.sleep(LONG)
        assert (ann.answers, ann.is_streaming) == ([], False)
        ann.room.post("@bot hello")
        await anyio.sleep(LONG)
        assert ann.texts == [("And now?", None)]

    play(scene)


def test_A14_after_an_hour_offline_it_answers_only_what_is_open_addressed_and_fresh() -> None:
    async def scene(stage: Stage) -> None:
        ann, bob = await stage.enter("ann"), await stage.enter("bob")
        model = ScriptedModel(["here I am"])
        bot = await stage.agent(model, manners=Manners(ambient=True, fresh=600))
        await anyio.sleep(1)
        bot.cut()
        ann.room.post("@bot are you there?")
        await anyio.sleep(HOUR)
        ann.room.post("what is the capital of France?")
        answered = ann.room.post("@bot what is the capital of Peru?")
        await anyio.sleep(1)
        bob.room.post("Lima", re=answered)
        await anyio.sleep(60)
        fresh = ann.room.post("@bot what is the capital of Chile?")
        await anyio.sleep(10)
        bot.heal()
        await anyio.sleep(100)
        assert [message.re for message in ann.answers] == [fresh]

    play(scene)


def test_A8_A9_two_processes_across_a_partition_leave_one_visible_answer() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        first, second = ScriptedModel(SLOW), ScriptedModel(SLOW)
        one = await stage.agent(first)
        await anyio.sleep(1)
        two = await stage.agent(second)
        await anyio.sleep(1)
        asked = ann.room.post("@bot count, please")
        await anyio.sleep(2)
        assert (first.running, second.running) == (1, 0)
        one.cut()
        await anyio.sleep(1)
        one.heal()
        await anyio.sleep(LONG)
        assert first.running == second.running == 0
        assert [message.re for message in ann.answers if not message.streaming] == [asked]
        assert not ann.is_streaming
        two.cut()

    play(scene)


def test_A8_of_two_answers_that_were_finished_apart_one_is_taken_back() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        one = await stage.agent(ScriptedModel([10.0, "first"]))
        await anyio.sleep(1)
        await stage.agent(ScriptedModel(["second"]))
        await anyio.sleep(1)
        asked = ann.room.post("@bot hello")
        await anyio.sleep(1)
        one.cut()
        await anyio.sleep(60)
        assert ann.texts == [("second", None)]
        assert one.seat.texts == [("first", None)]
        one.heal()
        await anyio.sleep(LONG)
        assert len(ann.answers) == 1
        assert [(message.re, message.state) for message in ann.answers] == [(asked, None)]
        assert one.seat.answers == ann.answers

    play(scene)


def test_A9_the_second_process_calls_no_model_while_the_first_lives_and_goes_on_when_it_is_gone() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        first, second = ScriptedModel(["first"]), ScriptedModel(["second"])
        one = await stage.agent(first)
        await anyio.sleep(1)
        await stage.agent(second)
        await anyio.sleep(1)
        ann.room.post("@bot hello")
        await anyio.sleep(60)
        assert (ann.texts, second.prompts) == ([("first", None)], [])
        one.kill()
        await anyio.sleep(10)
        ann.room.post("@bot hello again")
        await anyio.sleep(60)
        assert ann.texts == [("first", None), ("second", None)]

    play(scene)


def test_A19_what_a_killed_process_was_writing_is_finished_by_the_next_within_ten_seconds() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        one = await stage.agent(ScriptedModel(SLOW))
        await anyio.sleep(1)
        await stage.agent(ScriptedModel(["never"]))
        await anyio.sleep(1)
        asked = ann.room.post("@bot count, please")
        await anyio.sleep(2)
        assert ann.is_streaming
        one.kill()
        await anyio.sleep(10)
        [answer] = ann.answers
        assert (answer.state, answer.re, answer.text[:4]) == ("interrupted", asked, "0 1 ")

    play(scene)


def test_A19_what_a_killed_process_had_not_begun_is_answered_by_the_next() -> None:
    async def scene(stage: Stage) -> None:
        ann = await stage.enter("ann")
        one = await stage.agent(ScriptedModel([HOUR]))
        await anyio.sleep(1)
        await stage.agent(ScriptedModel(["second"]))
        await anyio.sleep(1)
        ann.room.post("@bot hello")
        await anyio.sleep(2)
        one.kill()
        await anyio.sleep(60)
        assert ann.texts == [("second", None)]

    play(scene)


# Stopping


def test_A16_stop_before_the_first_token_leaves_a_message_that_says_so_and_no_call() -> None:
    async def scene(stage: Stage) -> None:
        ann, bob = await stage.enter("ann"), await stage.enter("bob")
        model = ScriptedModel([HOUR])
        await stage.agent(model)
        await anyio.sleep(1)
        asked = ann.room.post("@bot hello")
        await anyio.sleep(1)
        assert model.running == 1
        bob.room.ask("stop", asked)
        await anyio.sleep(0.2)
        assert model.running == 0
        await anyio.sleep(LONG)
        [answer] = ann.answers
        assert (answer.text, answer.state, answer.stopped_by, answer.re) == ("", "stopped", "bob", asked)
        assert len(model.prompts) == 1

    play(scene)


@pytest.mark.parametrize("second", ["ann", "bob"])
def test_A16_stopping_twice_is_stopping_once(second: str) -> None:
    async def scene(stage: Stage) -> None:
        people = {"ann": await stage.enter("ann"), "bob": await stage.enter("bob")}
        ann = people["ann"]
        model = ScriptedModel(SLOW, ["next"])
        await stage.agent(model)
        await anyio.sleep(1)
        asked = ann.room.post("@bot count, please")
        await anyio.sleep(2)
        ann.room.ask("stop", ann.answers[0].id)
        await anyio.sleep(0.2)
        people[second].room.ask("stop", asked)
        await anyio.sleep(LONG)
        [answer] = ann.answers
        assert (answer.state, answer.stopped_by) == ("stopped", "ann")
        assert answer.text.startswith("0 1 2")
        ann.room.post("@bot and now?")
        await anyio.sleep(60)
        assert ann.texts[1:] == [("next", None)]

    play(scene)


def test_A16_again_makes_a_new_version_and_keeps_the_earlier() -> None:
    async def scene(stage: Stage) -> None:
        ann, bob = await stage.enter("ann"), await stage.enter("bob")
        model = ScriptedModel(["first"], ["second"])
        await stage.agent(model)
        await anyio.sleep(1)
        ann.room.post("@bot hello")
        await anyio.sleep(10)
        [first] = ann.answers
        ann.room.ask("again", first.id)
        bob.room.ask("again", first.id)
        await anyio.sleep(60)
        second = ann.answers[-1]
        assert (second.text, second.of, second.re) == ("second", first.id, first.re)
        assert [message.text for message in ann.room.versions(second.id)] == ["first"]
        assert len(model.prompts) == 2
        assert all(line.text != "first" for line in model.prompts[1].lines)

    play(scene)

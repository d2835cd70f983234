"""Members tune an agent in their room: at once, for all to see, over restarts, and within bounds."""

from typing import Any

import anyio
import pytest

from syncchat.agent import Manners, Notebook
from syncchat.agent.policy import BadManners
from syncchat.agent.tuning import Tuning, check_wish
from syncchat.core.asking import Asked
from syncchat.testing.agent_world import VIRTUAL, World, running, until
from syncchat.testing.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio

AMBIENT = Manners(ambient=True)
QUESTION = "does anybody know what 6*7 is?"
USUAL = {"grace": 120.0, "share": 0.25, "on_newer": "merge"}


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL


@pytest.fixture
def world() -> World:
    return World()


def asked(value: object, what: str = "1", user: str = "ann") -> Asked:
    return Asked("tune", what, user, value, 1)


def problems(world: World) -> list[Any]:
    return [row.value["problem"] for row in world.ann.asked("tuned")]


# What is asked for


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"grace": -1}, "grace is -1: it is a number from 0 to 604800"),
        ({"grace": True}, "grace is True: it is a number"),
        ({"grace": "30"}, "grace is '30': it is a number"),
        ({"grace": float("nan")}, "grace is nan: it is a number"),
        ({"share": 1.5}, "share is 1.5: it is a number from 0 to 1"),
        ({"on_newer": "drop"}, "on_newer is 'drop': it is one of queue, merge, replace"),
        ({"gate": 1}, "'gate' cannot be tuned from the room: grace, share, on_newer can"),
        ({"grace": 5, "share": 2}, "share is 2"),
        ({}, "names what, as in"),
        (1, "names what, as in"),
        (["grace"], "names what, as in"),
    ],
)
def test_A27_what_cannot_be_asked_for_is_told_with_its_bounds_and_changes_nothing(
    wish: object, told: str
) -> None:
    tuning = Tuning(AMBIENT)
    with pytest.raises(BadManners) as caught:
        tuning.take(asked(wish))
    assert told in str(caught.value)
    assert (tuning.manners, tuning.whole()) == (AMBIENT, {})


def test_A27_of_two_who_ask_for_the_same_the_later_one_counts_in_whatever_order_they_are_heard() -> None:
    early, late = asked({"grace": 5, "share": 0}, "1"), asked({"grace": 9}, "2", "bob")
    for order in ((early, late), (late, early), (late, early, early, late)):
        tuning = Tuning(AMBIENT)
        changed = [tuning.take(one) for one in order]
        assert (tuning.manners.grace, tuning.manners.share) == (9, 0)
        assert changed[:2] == [True, True]
        assert not any(changed[2:])


def test_A27_what_is_asked_for_as_usual_is_as_the_persona_says() -> None:
    tuning = Tuning(AMBIENT)
    tuning.take(asked({"grace": 5, "share": 0.5}, "1"))
    tuning.take(asked({"grace": None}, "2"))
    assert (tuning.manners.grace, tuning.manners.share) == (120, 0.5)
    other = Manners(grace=7, share=0.1)
    again = Tuning(other, tuning.whole())
    assert (again.manners.grace, again.manners.share) == (7, 0.5)
    assert not again.take(asked({"grace": 5}, "1"))


@pytest.mark.parametrize(
    "kept", [None, 3, [], {"grace": 5}, {"grace": [-5, "1"]}, {"later": [1, "1"]}, {"grace": ["x", "1"]}]
)
def test_A27_what_a_notebook_has_that_cannot_be_is_passed_over(kept: object) -> None:
    assert Tuning(AMBIENT, kept).manners == AMBIENT


def test_A27_a_wish_may_name_several_at_once() -> None:
    wish = {"grace": 0, "share": 1, "on_newer": "queue"}
    assert check_wish(AMBIENT, wish) == wish


# In a room


async def test_A27_A11_a_question_that_waits_is_answered_by_the_new_grace_and_all_see_it(
    world: World,
) -> None:
    model = ScriptedModel(["42"])
    async with running(world.agent(model, manners=AMBIENT)):
        assert world.told["manners"] == USUAL
        began = world.now
        world.ann.post(QUESTION)
        await until(lambda: world.told["state"] == "waiting")
        world.bob.ask("tune", value={"grace": 10})
        await until(lambda: world.told["manners"]["grace"] == 10)
        await until(lambda: world.told["until"] - began <= 11_000)
        [seen] = [person.state["manners"] for person in world.ann.people if person.user == "bot"]
        assert seen == USUAL | {"grace": 10}
        await until(lambda: world.finished)
        assert world.now - began < 20_000


async def test_A27_what_was_asked_for_holds_after_a_restart_and_without_its_row(world: World) -> None:
    async with Notebook.open(None) as notebook:
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            row = world.ann.ask("tune", value={"grace": 10, "on_newer": "queue"})
            await until(lambda: world.told["manners"]["grace"] == 10)
        assert "manners" not in world.told
        world.store.table("requests").delete(f"tune|{row}|ann")
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            await until(lambda: world.told.get("manners") == USUAL | {"grace": 10, "on_newer": "queue"})


async def test_A27_who_asks_for_what_cannot_be_is_answered_once_with_the_bounds(world: World) -> None:
    async with Notebook.open(None) as notebook:
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            row = world.ann.ask("tune", value={"grace": 10**9})
            await until(lambda: problems(world))
            assert world.told["manners"] == USUAL
        [answer] = world.ann.asked("tuned")
        assert answer.value == {
            "re": row,
            "user": "ann",
            "problem": "grace is 1000000000: it is a number from 0 to 604800",
        }
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            await anyio.sleep(60)
        assert len(problems(world)) == 1


async def test_A27_many_bad_requests_get_few_answers(world: World) -> None:
    async with running(world.agent(ScriptedModel(["42"]))):
        for number in range(200):
            world.ann.ask("tune", value={"grace": -1 - number})
        world.bob.ask("tune", value={"grace": 10})
        assert world.told["manners"]["grace"] == 10
        await anyio.sleep(30)
        assert 10 <= len(problems(world)) <= 21
        await anyio.sleep(3_600)
        assert len(problems(world)) <= 64 + 1


async def test_A27_a_bad_request_of_long_ago_is_answered_to_nobody(world: World) -> None:
    world.ann.ask("tune", value="nonsense")
    world.now += 3_600_000
    async with running(world.agent(ScriptedModel(["42"]))):
        await anyio.sleep(60)
    assert problems(world) == []


@pytest.mark.parametrize("text", ["@bot grace 3", "tune grace 3"])
async def test_A27_no_message_tunes_anything(world: World, text: str) -> None:
    async with running(world.agent(ScriptedModel(["no"]))):
        world.ann.post(text)
        await anyio.sleep(60)
        assert world.told["manners"] == USUAL

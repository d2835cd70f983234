"""What the agent answers in a real room, and what it leaves to people."""

import anyio
import pytest

from syncchat.agent import Manners, ModelFailed, Notebook
from syncchat.agent.budget import Budget
from syncchat.core.grant import Role
from syncchat.core.presence import Presence
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


async def test_it_answers_who_speaks_to_it_and_refers_to_the_message(world: World) -> None:
    model, judge = ScriptedModel(["Hello", " Ann"]), ScriptedModel(["QUIET"])
    async with running(world.agent(model, judge)):
        asked = world.ann.post("@bot hello?")
        await until(lambda: world.finished)
    [answer] = world.answers
    assert (answer.text, answer.re, answer.agent, answer.state) == ("Hello Ann", asked, True, None)
    assert model.prompts[0].lines[-1].text == "@bot hello?"
    assert judge.prompts == []


async def test_a_new_room_is_addressed_only_until_a_member_turns_ambient_on(world: World) -> None:
    model, judge = ScriptedModel(["42"]), ScriptedModel(["INTERJECT"])
    async with running(world.agent(model, judge)):
        world.ann.post(QUESTION)
        await anyio.sleep(600)
        assert (judge.prompts, world.answers, world.told["mode"]) == ([], [], "addressed")
        world.ann.ask("ambient", value="on")
        await until(lambda: world.told["mode"] == "ambient")
        world.ann.post(QUESTION)
        await until(lambda: world.finished)
        world.ann.ask("ambient", value="off")
        await until(lambda: world.told["mode"] == "addressed")


async def test_the_mode_of_a_room_is_remembered_over_restarts(world: World) -> None:
    async with Notebook.open(None) as notebook:
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            row = world.ann.ask("ambient", value="on")
            await until(lambda: world.told["mode"] == "ambient")
        world.store.table("requests").delete(f"ambient|{row}|ann")
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            await until(lambda: world.told.get("mode") == "ambient")


async def test_A27_what_its_file_says_holds_until_a_member_says_otherwise_and_a_member_s_word_stays(
    world: World,
) -> None:
    async with Notebook.open(None) as notebook:
        for manners, mode in ((Manners(), "addressed"), (Manners(ambient=True), "ambient")):
            async with running(world.agent(ScriptedModel(["42"]), manners=manners, notebook=notebook)):
                await until(lambda mode=mode: world.told.get("mode") == mode)  # type: ignore[misc]  # bound
        async with running(world.agent(ScriptedModel(["42"]), notebook=notebook)):
            row = world.ann.ask("ambient", value="off")
            await anyio.sleep(1)
        world.store.table("requests").delete(f"ambient|{row}|ann")
        async with running(world.agent(ScriptedModel(["42"]), manners=AMBIENT, notebook=notebook)):
            await until(lambda: world.told.get("mode") == "addressed")


async def test_A11_an_open_question_is_left_to_people_for_a_while_and_it_says_for_how_long(
    world: World,
) -> None:
    model = ScriptedModel(["42"])
    async with running(world.agent(model, manners=AMBIENT)):
        asked, before = world.ann.post(QUESTION), world.now
        await until(lambda: world.told["state"] == "waiting")
        assert world.told["re"] == asked
        assert 0 < world.told["until"] - before <= 5_100
        await anyio.sleep(4)
        assert model.prompts == []
        await until(lambda: world.finished)
    assert world.finished == [("42", None)]


async def test_A11_anybody_may_let_it_answer_now(world: World) -> None:
    model = ScriptedModel(["42"])
    async with running(world.agent(model, manners=Manners(ambient=True, grace=500))):
        asked = world.ann.post(QUESTION)
        await until(lambda: world.told["state"] == "waiting")
        world.bob.ask("now", asked)
        await anyio.sleep(1)
        assert world.finished == [("42", None)]


async def test_A23_who_does_not_want_to_wait_or_wants_it_again_is_charged(world: World) -> None:
    manners = Manners(ambient=True, grace=500)
    async with (
        Notebook.open(None, Budget(calls_per_user=1)) as notebook,
        running(world.agent(ScriptedModel(["42"]), manners=manners, notebook=notebook)),
    ):
        asked = world.ann.post(QUESTION)
        await until(lambda: world.told["state"] == "waiting")
        world.bob.ask("now", asked)
        await until(lambda: world.finished == [("42", None)])
        left = [await notebook.allowance(user, "lobby", world.now) for user in ("ann", "bob")]
        assert [one.left for one in left] == [1, 0]
        world.ann.ask("again", world.answers[0].id)
        await until(lambda: len(world.finished) == 2)
        assert (await notebook.allowance("ann", "lobby", world.now)).left == 0


async def test_A11_a_persons_answer_ends_the_waiting_and_no_model_is_called(world: World) -> None:
    model, judge = ScriptedModel(["42"]), ScriptedModel(["INTERJECT"])
    async with running(world.agent(model, judge, manners=AMBIENT)):
        asked = world.ann.post(QUESTION)
        await until(lambda: world.told["state"] == "waiting")
        world.bob.post("it is 42", re=asked)
        await until(lambda: world.told["state"] == "watching")
        await anyio.sleep(600)
    assert (judge.prompts, model.prompts) == ([], [])


async def test_A11_the_judge_is_asked_after_the_grace_period_with_what_was_said_meanwhile(
    world: World,
) -> None:
    judge = ScriptedModel(["QUIET"])
    async with running(world.agent(ScriptedModel(["42"]), judge, manners=AMBIENT)):
        asked = world.ann.post(QUESTION)
        world.bob.post("@cyd are you there?")
        await until(lambda: judge.prompts)
    [prompt] = judge.prompts
    assert [line.id for line in prompt.lines] == [asked]
    assert [line.text for line in prompt.newer] == ["@cyd are you there?"]


async def test_A1_it_stays_quiet_when_the_judge_does_not_say_so(world: World) -> None:
    model, judge = ScriptedModel(["never"]), ScriptedModel(["I will not INTERJECT.\nQUIET"])
    async with running(world.agent(model, judge, manners=AMBIENT)):
        world.ann.post(QUESTION)
        await until(lambda: judge.prompts)
        await anyio.sleep(600)
    assert (world.answers, model.prompts) == ([], [])


async def test_A2_it_stays_quiet_when_the_judge_fails_and_says_why(world: World) -> None:
    model, judge = ScriptedModel(["never"]), ScriptedModel([ModelFailed("no such host")])
    async with running(world.agent(model, judge, manners=AMBIENT)):
        world.ann.post(QUESTION)
        await until(lambda: "problem" in world.told)
        assert (world.told["state"], world.told["problem"]) == ("unreachable", "no such host")
    assert (world.answers, model.prompts) == ([], [])
    assert world.told == {"user": "bot", "name": "Bot"}


async def test_what_a_person_streams_is_heard_when_it_is_finished(world: World) -> None:
    model = ScriptedModel(["hi"])
    async with running(world.agent(model)):
        dictated = world.ann.stream(agent=False)
        dictated.append("@bot hello")
        await anyio.sleep(600)
        assert model.prompts == []
        dictated.append(" again")
        dictated.finish()
        await until(lambda: world.finished)
    assert [prompt.lines[-1].text for prompt in model.prompts] == ["@bot hello again"]


async def test_it_answers_neither_history_nor_reactions_nor_a_second_time(world: World) -> None:
    model = ScriptedModel(["hi"])
    world.ann.post("@bot hello, a day ago")
    world.now += 24 * 3600_000
    async with running(world.agent(model)):
        await anyio.sleep(600)
        assert model.prompts == []
        asked = world.ann.post("@bot hello")
        await until(lambda: world.finished)
        world.ann.react(asked, "+")
        world.ann.edit(asked, "@bot hello, everybody")
        await anyio.sleep(600)
    assert len(model.prompts) == 1


async def test_it_answers_who_came_just_before_it(world: World) -> None:
    world.ann.post("@bot hello")
    world.now += 5_000
    async with running(world.agent(ScriptedModel(["hi"]))):
        await until(lambda: world.finished)
    assert world.finished == [("hi", None)]


@pytest.mark.parametrize("state", [None, "interrupted", "error", "stopped"])
async def test_A8_a_new_run_does_not_answer_again_what_the_last_one_did(
    world: World, state: str | None
) -> None:
    asked = world.ann.post("@bot hello")
    answer = world.room("bot", Presence(5)).stream(re=asked)
    answer.append("hi")
    answer.finish(state=state)
    world.now += 1000
    model = ScriptedModel(["again"])
    async with running(world.agent(model)):
        await anyio.sleep(600)
    assert (world.finished, model.prompts) == ([("hi", state)], [])


async def test_A6_the_prompts_hold_the_windows_and_who_is_here(world: World) -> None:
    for number in range(30):
        world.ann.post(f"text {number}")
    world.now += 60_000
    model, judge = ScriptedModel(["ok"]), ScriptedModel(["INTERJECT"])
    async with running(world.agent(model, judge, manners=AMBIENT)):
        world.ann.post(QUESTION)
        await until(lambda: world.finished)
    assert [line.text for line in judge.prompts[0].lines] == [
        *(f"text {number}" for number in range(26, 30)),
        QUESTION,
    ]
    assert [line.text for line in model.prompts[0].lines] == [*(f"text {i}" for i in range(11, 30)), QUESTION]
    assert [who.user for who in model.prompts[0].people] == ["ann", "bob", "bot"]


async def test_A12_overlapping_posts_never_start_two_answers_at_once(world: World) -> None:
    gate = anyio.Event()
    model = ScriptedModel(["slow", gate], ["second"])
    async with running(world.agent(model, manners=Manners(on_newer="queue"))):
        world.ann.post("@bot one")
        await until(lambda: world.answers)
        world.ann.post("@bot two")
        await anyio.sleep(60)
        assert len(world.answers) == 1
        gate.set()
        await until(lambda: len(world.finished) == 2)
    assert model.most_running == 1


async def test_A22_what_it_decided_is_in_the_ledger_with_what_it_cost(world: World) -> None:
    async with Notebook.open(None) as notebook:
        async with running(world.agent(ScriptedModel(["hi"]), notebook=notebook)):
            asked, aside = world.ann.post("@bot hello"), world.ann.post("good morning")
            await until(lambda: world.finished)
            await anyio.sleep(1)
        spoken = await notebook.entry("lobby", asked)
        quiet = await notebook.entry("lobby", aside)
    assert spoken is not None
    assert quiet is not None
    assert (spoken.decision, spoken.rule, spoken.reply) == ("speak", "mention", world.answers[0].id)
    assert spoken.cost.calls == 1
    assert spoken.cost.tokens_in > 0
    assert (quiet.decision, quiet.cost.calls) == ("quiet", 0)


async def test_A23_over_budget_it_says_so_once_and_goes_quiet(world: World) -> None:
    model = ScriptedModel(["hi"])
    async with (
        Notebook.open(None, Budget(calls_per_user=1)) as notebook,
        running(world.agent(model, notebook=notebook)),
    ):
        for text in ("@bot one", "@bot two", "@bot three"):
            world.ann.post(text)
            await anyio.sleep(60)
        assert world.told["state"] == "over budget"
    assert world.finished == [("hi", None), ("", "error")]
    assert "calls_per_user" in (world.answers[-1].problem or "")
    assert len(model.prompts) == 1


async def test_A22_of_an_answer_that_was_withdrawn_why_ends_with_that_and_its_rule(world: World) -> None:
    async with running(world.agent(ScriptedModel(["so ", 60.0, "it is"]))):
        asked = world.ann.post("@bot what is the capital of Peru?")
        await until(lambda: world.answers)
        world.ann.post("never mind, found it")
        await until(lambda: not world.answers)
        world.bob.ask("why", asked)
        await until(lambda: list(world.ann.asked("because")))
    [told] = world.ann.asked("because")
    assert (told.value["decision"], told.value["rule"]) == ("withdraw", "settled by the asker")
    assert [step[1:] for step in told.value["before"]] == [["speak", "mention"]]


async def test_A22_a_member_who_asks_why_is_told(world: World) -> None:
    async with running(world.agent(ScriptedModel(["hi"]))):
        asked = world.ann.post("@bot hello")
        await until(lambda: world.finished)
        world.bob.ask("why", world.answers[0].id)
        await until(lambda: list(world.ann.asked("because")))
    [told] = world.ann.asked("because")
    assert (told.user, told.what) == ("bot", world.answers[0].id)
    assert (told.value["id"], told.value["rule"]) == (asked, "mention")


async def test_G11_an_agent_that_may_only_read_calls_no_model_and_writes_nothing(world: World) -> None:
    model = ScriptedModel(["never"])
    agent = world.agent(model)
    world.bot.admit(Role.READER)
    async with running(agent):
        asked = world.ann.post("@bot hello")
        world.ann.ask("why", asked)
        world.ann.ask("usage")
        await anyio.sleep(60)
        assert world.told["state"] == "watching"
    assert (world.answers, model.prompts) == ([], [])
    assert {row.user for row in world.ann.asked()} == {"ann"}

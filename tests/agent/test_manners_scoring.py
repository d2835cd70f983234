"""What the scoring of manners counts, tried with policies whose faults are known."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.model import ModelFailed
from syncchat.agent.policy import (
    Decision,
    Edited,
    Ended,
    Event,
    Gone,
    Judge,
    Judged,
    Rule,
    Said,
    Speak,
    Tick,
    Withdraw,
)
from syncchat.agent.prompt import Prompt
from syncchat.testing.manners import Case
from syncchat.testing.manners.baselines import BASELINES, Baseline
from syncchat.testing.manners.case import ME, Label
from syncchat.testing.manners.case import Event as Told
from syncchat.testing.manners.playing import Player, Policy, PolicyStuck
from syncchat.testing.manners.report import slice_table
from syncchat.testing.manners.scoring import ModelJudge, Outcome, Score, by_slice, score_of, total

pytestmark = pytest.mark.anyio

HELLO = Told(time=0, id="m1", author="ana", text="@pixel hello?")
CHAT = Told(time=5, id="m2", author="bob", text="lunch?")


def case(label: Label, *events: Told, about: Sequence[str] = ("m1",), slice: str = "mention") -> Case:
    return Case("c", slice, label, 30, "ambient", events, tuple(about), addressed=True)


async def outcome(of: Case, policy: Policy) -> Outcome:
    return Outcome(of, await Player(of, policy, ModelJudge(BuiltinModel(pace=0))).play())


async def score(of: Case, policy: Policy) -> Score:
    return score_of(await outcome(of, policy))


def always() -> Baseline:
    return Baseline(BASELINES["always"], ME)


class Scripted:
    """Decides what it was given for each event, by the kind of the event and the text."""

    def __init__(self, **decisions: list[Decision]) -> None:
        self.decisions = decisions
        self.heard: list[Event] = []
        self.ids: dict[str, str] = {}
        self.deadline: int | None = None

    def hear(self, event: Event, now: int) -> list[Decision]:
        self.heard.append(event)
        match event:
            case Said(heard):
                self.ids[f"m{len(self.ids) + 1}"] = heard.id
                key = f"m{len(self.ids)}"
            case Judged():
                key = "judged"
            case Tick():
                key, self.deadline = "tick", None
            case _:
                return []
        return [self._real(decision) for decision in self.decisions.get(key, [])]

    def _real(self, decision: Decision) -> Decision:
        match decision:
            case Speak(id=id):
                return Speak(self.ids[id], Rule.JUDGED)
            case Judge(id=id):
                return Judge(self.ids[id], Rule.OPEN)
            case Withdraw(id=id):
                return Withdraw(self.ids[id], Rule.ANSWERED)
            case _:
                return decision


async def test_who_always_speaks_interjects_and_misses_nothing() -> None:
    assert await score(case("QUIET", HELLO), always()) == Score(
        cases=1, quiet=1, wrong=1, replies=1, human_messages=1
    )
    spoken = await score(case("SPEAK", HELLO), always())
    assert (spoken.wrong, spoken.missed, spoken.missed_addressed) == (0, 0, 0)


async def test_who_never_speaks_misses_what_was_to_be_answered() -> None:
    quiet = await score(case("SPEAK", HELLO), Scripted())
    assert (quiet.wrong, quiet.missed, quiet.missed_addressed) == (0, 1, 1)
    assert await score(case("EITHER", HELLO), Scripted()) == Score(cases=1, human_messages=1)


async def test_a_reply_to_something_else_is_wrong_where_one_was_due() -> None:
    spoken = await score(case("SPEAK", HELLO, CHAT), always())
    assert (spoken.wrong, spoken.stray, spoken.missed, spoken.replies) == (0, 1, 0, 2)
    assert spoken.precision == 0.5
    either = await score(case("EITHER", HELLO, CHAT), always())
    assert (either.wrong, either.stray) == (0, 0)


async def test_of_the_cases_that_want_quiet_no_more_can_be_wrong_than_there_are() -> None:
    quiet, speak = case("QUIET", HELLO, CHAT), case("SPEAK", HELLO, CHAT)
    outcomes = [await outcome(quiet, always()), await outcome(speak, always())]
    _, _, whole = slice_table(by_slice(outcomes))
    assert whole.split()[:6] == ["total", "2", "1", "of", "1", "(100.0%)"]


async def test_a_reply_after_the_deadline_is_missed_and_in_time_for_quiet() -> None:
    late = Told(time=29, id="m2", author="bob", text="?")
    labels: tuple[tuple[Label, int], ...] = (("SPEAK", 1), ("QUIET", 0))
    for label, missed in labels:
        result = await score(case(label, HELLO, late), Scripted(m2=[Speak("m1", Rule.JUDGED)]))
        assert (result.missed, result.wrong) == (missed, 0)


async def test_a_reply_withdrawn_unseen_is_none_and_one_that_was_seen_is_redundant() -> None:
    at_once = Told(time=1, id="m2", author="bob", text="hello ana")
    speak: list[Decision] = [Speak("m1", Rule.MENTION)]
    for told, redundant in ((at_once, 0), (CHAT, 1)):
        policy = Scripted(m1=speak, m2=[Withdraw("m1", Rule.ANSWERED)])
        result = await score(case("EITHER", HELLO, told), policy)
        assert (result.replies, result.redundant) == (redundant, redundant)
        assert Ended(policy.ids["m1"], "withdrawn") in policy.heard


async def test_a_second_reply_to_the_same_is_redundant() -> None:
    twice = Scripted(m1=[Speak("m1", Rule.MENTION)], m3=[Speak("m1", Rule.MENTION)])  # m2 is its own reply
    later = Told(time=10, id="m2", author="bob", text="ok")
    assert (await score(case("SPEAK", HELLO, later), twice)).redundant == 1


async def test_what_the_story_itself_answers_is_no_reply() -> None:
    answered = Told(time=3, id="m2", author="pixel", text="hello!", reply_to="m1", agent=True)
    thanks = Told(time=9, id="m3", author="ana", text="thanks")
    policy = Scripted(m1=[Speak("m1", Rule.MENTION)])
    result = await score(case("QUIET", HELLO, answered, thanks, about=["m3"]), policy)
    assert (result.wrong, result.human_messages) == (0, 2)
    assert Ended(policy.ids["m1"], "done") in policy.heard
    failed = Told(time=3, kind="model-failed", author="pixel", reply_to="m1")
    policy = Scripted(m1=[Speak("m1", Rule.MENTION)])
    await score(case("QUIET", HELLO, failed), policy)
    assert Ended(policy.ids["m1"], "error") in policy.heard


async def test_while_it_is_away_it_hears_nothing_and_then_what_is_left() -> None:
    policy = Scripted()
    story = [
        Told(time=0, kind="away"),
        Told(time=1, id="m1", author="ana", text="@pixel hm"),
        Told(time=2, kind="edit", id="m1", author="ana", text="@pixel hello?"),
        Told(time=3, id="m2", author="bob", text="what?"),
        Told(time=4, kind="delete", id="m2", author="bob"),
        Told(time=90, kind="back"),
    ]
    await score(case("EITHER", *story), policy)
    assert [event.heard.text for event in policy.heard if isinstance(event, Said)] == ["@pixel hello?"]
    assert not any(isinstance(event, Edited | Gone) for event in policy.heard)


async def test_the_judge_sees_the_message_and_its_calls_are_counted() -> None:
    for text, speak in (("@pixel who is here?", True), ("lunch was good", False)):
        policy = Scripted(m1=[Judge("m1", Rule.OPEN)])
        result = await score(case("EITHER", Told(time=0, id="m1", author="ana", text=text)), policy)
        assert (result.gate_calls, result.gate) == (1, 1.0)
        assert [event.speak for event in policy.heard if isinstance(event, Judged)] == [speak]


async def test_a_policy_that_lets_no_time_pass_is_told_so() -> None:
    class Stuck(Scripted):
        def hear(self, event: Event, now: int) -> list[Decision]:
            self.deadline = now
            return []

    with pytest.raises(PolicyStuck, match="c: time does not pass"):
        await score(case("QUIET", HELLO), Stuck())


async def test_an_answer_to_what_people_have_answered_is_redundant() -> None:
    quiet = case("QUIET", HELLO, slice="already answered")
    assert (await score(quiet, always())).redundant == 1


async def test_scores_add_up_by_slice() -> None:
    outcomes = [
        await outcome(case("QUIET", HELLO, slice="banter"), always()),
        await outcome(case("SPEAK", HELLO), Scripted()),
    ]
    scores = by_slice(outcomes)
    assert list(scores) == ["mention", "banter"]
    whole = total(scores.values())
    assert (whole.false_interjections, whole.missed_turns, whole.share) == (1.0, 1.0, 1 / 3)
    assert (whole.precision, Score().precision) == (0.0, 1.0)


async def test_a_judge_that_fails_means_quiet_and_is_counted_by_its_cause() -> None:
    class Broken:
        def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
            raise ModelFailed("the endpoint is not there")

    policy, judge = Scripted(m1=[Judge("m1", Rule.OPEN)]), ModelJudge(Broken())
    await Player(case("QUIET", HELLO), policy, judge).play()
    assert judge.problems == {"the endpoint is not there": 1}
    assert [(e.speak, e.problem) for e in policy.heard if isinstance(e, Judged)] == [
        (False, "the endpoint is not there")
    ]

"""What holds for the turn policy whatever happens, in whatever order."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncchat.agent.lines import Who
from syncchat.agent.policy import (
    Ambient,
    Asked,
    Began,
    Decision,
    Edited,
    Ended,
    Event,
    Gone,
    Heard,
    Here,
    Judge,
    Judged,
    Manners,
    Quiet,
    Said,
    Speak,
    Tell,
    Tick,
    Tuned,
    TurnPolicy,
    Typing,
    Wait,
    Withdraw,
)
from syncchat.agent.policy.memory import MAX_NOTES, MAX_PEOPLE
from syncchat.agent.policy.turns import MAX_MERGED, MAX_OPEN
from syncchat.core.ids import format_id

START = 1_700_000_000_000
USERS = ["ann", "bob", "cy", "abot", "bot"]
TEXTS = [
    "@bot hi",
    "bot: what is 2+2?",
    "how do I mount a disk?",
    "ann: try this",
    "thanks",
    "solved",
    "and then?",
    "lunch",
    "bot: be quiet",
    "humans only please",
    "I can't get it to work",
    "",
]
QUIET_FOR_GOOD = {
    "hushed",
    "dismissed",
    "deleted",
    "edited",
    "answered",
    "settled by the asker",
    "request for quiet",
    "stopped",
    "merged into a newer one",
    "replaced by a newer one",
    "stale",
}
"""The rules by which a message that called the agent may end without an answer of its own."""

Step = tuple[int, Event]

_numbers = st.integers(0, 11)


@st.composite
def heards(draw: st.DrawFn) -> Heard:
    number = draw(_numbers)
    user = USERS[number % len(USERS)]
    at = START + draw(st.sampled_from([-8_000_000, -50_000, 0, 10_000, 90_000_000])) + number
    re = draw(st.none() | _numbers)
    return Heard(
        id_of(number),
        at,
        user,
        draw(st.sampled_from(TEXTS)),
        None if re is None else id_of(re),
        agent=user.endswith("bot"),
        failed=draw(st.integers(0, 9)) == 0,
    )


def id_of(number: int) -> str:
    return format_id(START + number, USERS[number % len(USERS)], number)


_manners = st.builds(
    Manners,
    ambient=st.booleans(),
    grace=st.sampled_from([0, 120]),
    hops=st.integers(0, 2),
    share=st.sampled_from([0, 0.25, 1]),
    gate=st.sampled_from([0.35, 1]),
    on_newer=st.sampled_from(["queue", "merge", "replace"]),
)
_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Said, heards()),
    st.builds(Said, heards()),
    st.builds(Edited, heards()),
    st.builds(Gone, _numbers.map(id_of)),
    st.builds(Typing, st.sampled_from(USERS), st.integers(START - 10, START + 10**9)),
    st.builds(Here, st.just(()) | st.just((Who("ann", "Ann"), Who("bob", "bot")))),
    st.builds(
        Asked,
        st.sampled_from(["stop", "again", "now", "hush", "dismiss", "summon"]),
        _numbers.map(id_of),
        st.sampled_from(USERS),
        st.sampled_from([0, 5, 10**12]),
    ),
    st.builds(Ambient, st.booleans()),
    st.builds(Tuned, _manners),
    st.builds(Judged, _numbers.map(id_of), st.booleans(), st.none() | st.just("timed out")),
    st.builds(Began, _numbers.map(id_of)),
    st.builds(Ended, _numbers.map(id_of), st.sampled_from(["done", "error", "stopped", "withdrawn", "lost"])),
    st.just(Tick()),
)
_steps = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 900, 30_000, 400_000, -500, -90_000]), _events), max_size=60
)


class Runtime:
    """Carries the decisions out as the agent does, and checks that they can be."""

    def __init__(self, manners: Manners) -> None:
        self.policy = TurnPolicy(Who("bot", "The Bot"), manners)
        self.now = START
        self.writing: str | None = None
        self.judging: str | None = None
        self.withdrawn: set[str] = set()
        self.decisions: list[Decision] = []

    def hear(self, event: Event) -> None:
        decisions = self.policy.hear(event, self.now)
        for decision in decisions:
            self.do(decision)
        self.decisions += decisions
        deadline = self.policy.deadline
        assert deadline is None or deadline > self.now

    def do(self, decision: Decision) -> None:
        if isinstance(decision, Speak | Judge | Wait):
            self.withdrawn.discard(decision.id)
        match decision:
            case Speak(id):
                assert self.writing is None, "two replies in flight"
                self.writing = id
                self.judging = None if self.judging == id else self.judging
            case Judge(id):
                assert self.judging is None, "two judgements in flight"
                assert self.writing is None, "judged while writing"
                self.judging = id
            case Withdraw(id):
                assert id not in self.withdrawn, "withdrawn twice"
                self.withdrawn.add(id)
                self.judging = None if self.judging == id else self.judging
            case Tell(id):
                assert id == self.writing, "told what is not being written"

    def step(self, pause: int, event: Event) -> None:
        """One event, where the runtime's own ones are told of what it does, and of nothing else."""
        self.now += pause
        match event:
            case Judged(_, speak, problem) if self.judging is not None:
                id, self.judging = self.judging, None
                self.hear(Judged(id, speak, problem))
            case Ended(_, state) if self.writing is not None:
                id, self.writing = self.writing, None
                self.hear(Ended(id, state))
            case Judged() | Ended():
                self.hear(Tick())
            case _:
                self.hear(event)

    def finish(self) -> None:
        """Let everything end."""
        for _ in range(200):
            self.step(30_000, Judged("", False))
            self.step(30_000, Ended("", "done"))


def run(manners: Manners, steps: Sequence[Step]) -> Runtime:
    runtime = Runtime(manners)
    for pause, event in steps:
        runtime.step(pause, event)
    return runtime


@given(_manners, _steps)
@settings(max_examples=150, deadline=None)
def test_A12_never_two_replies_in_flight_and_no_deadline_in_the_past(
    manners: Manners, steps: list[Step]
) -> None:
    run(manners, steps)


@given(_manners, _steps)
@settings(max_examples=150, deadline=None)
def test_A7_who_called_it_gets_an_answer_or_a_reason(manners: Manners, steps: list[Step]) -> None:
    runtime = run(manners, steps)
    runtime.finish()
    called = {one.id for one in runtime.decisions if isinstance(one, Wait) and one.inputs["asked"]}
    answered = {id for one in runtime.decisions if isinstance(one, Speak) for id in (one.id, *one.merged)}
    reasons: dict[str, str] = {
        one.id: one.rule for one in runtime.decisions if isinstance(one, Quiet | Withdraw)
    }
    for id in called - answered:
        assert reasons.get(id) in QUIET_FOR_GOOD
    assert runtime.policy.deadline is None


@given(_manners, _steps)
@settings(max_examples=100, deadline=None)
def test_A12_decisions_are_a_function_of_the_events(manners: Manners, steps: list[Step]) -> None:
    assert run(manners, steps).decisions == run(manners, steps).decisions


@given(
    st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=10), st.sampled_from(["queue", "merge"])
)
@settings(max_examples=200, deadline=None)
def test_A12_in_whatever_order_and_how_often_messages_come_each_is_answered_once(
    order: list[int], again: list[int], on_newer: Any
) -> None:
    runtime = Runtime(Manners(on_newer=on_newer))
    for number in [*order, *again]:
        user = ("ann", "bob")[number % 2]
        id = format_id(START + number, user, number)
        runtime.step(3, Said(Heard(id, START + number, user, "@bot what is 2+2?")))
        if number % 3 == 0:
            runtime.step(3, Ended("", "done"))
    runtime.finish()
    answered = [id for one in runtime.decisions if isinstance(one, Speak) for id in (one.id, *one.merged)]
    assert len(answered) == len(set(answered)) == 10


def sizes(value: object, seen: set[int]) -> int:
    """How many items the containers of an object hold, all together."""
    if id(value) in seen or isinstance(value, str | int | float | None):
        return 0
    seen.add(id(value))
    if isinstance(value, dict):
        return len(value) + sum(sizes(one, seen) for one in value.values())
    if isinstance(value, list | tuple | set | frozenset) or hasattr(value, "maxlen"):
        items = list(value)  # type: ignore[call-overload]  # a deque, or one of the others
        return len(items) + sum(sizes(one, seen) for one in items)
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    names = [*getattr(value, "__dict__", {}), *slots]
    if not type(value).__module__.startswith("syncchat"):
        return 0
    return sum(sizes(getattr(value, name), seen) for name in names)


def test_A12_its_memory_is_bounded_in_the_longest_room_while_nothing_ends() -> None:
    runtime = Runtime(Manners(ambient=True, on_newer="queue"))
    measured = []
    for number in range(4_800):
        user = f"user{number}"
        id = format_id(START + number, user, number)
        text = ("@bot what is 2+2?", "how do I mount a disk?", f"user{number - 1}: try that")[number % 3]
        runtime.step(1, Typing(user, runtime.now + 10**9))
        runtime.step(1, Said(Heard(id, runtime.now, user, text)))
        if number % 400 == 399:
            measured.append(sizes(runtime.policy, set()))
        runtime.decisions.clear()
    most = MAX_NOTES + 4 * MAX_PEOPLE + MAX_OPEN * (MAX_MERGED + 1) + 5 * 4_000
    assert measured[-1] <= measured[-2] + 100
    assert measured[-1] <= most

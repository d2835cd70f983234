"""Scores a policy over annotated conversations: a helper's own answers are what it should have said."""

from collections.abc import Callable, Sequence
from functools import partial

from syncchat.agent.lines import Who
from syncchat.agent.policy import Began, Decision, Ended, Here, Judge, Manners, Speak, Tick, TurnPolicy
from syncchat.agent.policy import Event as Told
from syncchat.agent.policy import Said as Heard
from syncchat.testing.manners.baselines import BASELINES, Baseline
from syncchat.testing.manners.case import Event
from syncchat.testing.manners.labelled import Session
from syncchat.testing.manners.playing import START, AskJudge, Policy, PolicyStuck
from syncchat.testing.manners.room import PlayedRoom
from syncchat.testing.manners.scoring import Score, total

WARM_UP = 100
"""Lines before the first annotated one that a policy hears too."""

MAX_STEPS = 1_000
"""Decisions about one line; a policy that takes more is stuck."""

OURS = "turn policy"

MakePolicy = Callable[[Who], Policy]


def policies() -> dict[str, MakePolicy]:
    """The turn policy and its baselines, by name.

    It may speak unasked, and waits for nobody: whether it *would* have answered is asked line by line, and
    the helper did not leave people two minutes either.
    """
    manners = Manners(ambient=True, grace=0, typing_patience=0)
    plain: dict[str, MakePolicy] = {name: partial(Baseline, wants) for name, wants in BASELINES.items()}
    return {OURS: lambda me: TurnPolicy(me, manners)} | plain


async def converse(session: Session, policy: Policy, ask: AskJudge) -> Score:
    """Tell a policy one conversation, line by line, and score what it would have answered.

    The helper's own lines are told as its own, as answers to what they answer. Its decision about a line
    is final before the next line is told. Raises PolicyStuck.
    """
    listener = _Listener(session, policy, ask)
    people: dict[Who, None] = {}
    for number, said in session.said.items():
        known = len(people)
        if not said.bot and said.author != session.helper:
            people.setdefault(said.author)
        if number >= session.first - WARM_UP:
            if len(people) > known or not listener.began:
                await listener.see(tuple(people))
            await listener.line(number)
    return _score(session, listener.spoken, listener.gate_calls)


class _Listener:
    """One policy in one session: the lines that it spoke to, and what that took."""

    def __init__(self, session: Session, policy: Policy, ask: AskJudge) -> None:
        self._session = session
        self._policy = policy
        self._ask = ask
        self._room = PlayedRoom(session.helper, ())
        self._asked = {line: asked for asked, lines in session.answers.items() for line in lines}
        self._now = START
        self.began = False
        self._judging = False
        self.spoken: set[int] = set()
        self.gate_calls = 0

    async def see(self, people: tuple[Who, ...]) -> None:
        """Who is there now."""
        self._room.people = people
        await self.tell(Here(people))

    async def line(self, number: int) -> None:
        """Tell it one line, and let it decide."""
        said = self._session.said[number]
        await self._pass_time(START + said.at)
        mine = said.author == self._session.helper
        asked = str(self._asked.get(number)) if mine else ""
        event = Event(
            time=0,
            id=str(number),
            author=said.author.user,
            text=said.text,
            reply_to=asked if self._room.has(asked) else None,
            agent=mine or said.bot,
        )
        self._room.apply(event, self._now)
        self.began = True
        self._judging = number >= self._session.first
        await self.tell(Heard(self._room.heard(event.id)))
        await self._pass_time(self._now)

    async def tell(self, event: Told) -> None:
        """Tell the policy, and carry out what it decides to the end."""
        waiting: list[Decision] = self._policy.hear(event, self._now)
        steps = 0
        while waiting:
            steps += 1
            if steps > MAX_STEPS:
                raise PolicyStuck(f"{self._session.name}: no end of decisions")
            waiting += await self._carry_out(waiting.pop(0))

    async def _carry_out(self, decision: Decision) -> list[Decision]:
        match decision:
            case Judge(id=id):
                self.gate_calls += self._judging
                return self._policy.hear(await self._ask(self._room, id), self._now)
            case Speak(id=id, merged=merged):
                self.spoken.update(int(self._room.told(trigger)) for trigger in (id, *merged))
                begun = self._policy.hear(Began(id), self._now)
                return begun + self._policy.hear(Ended(id, "done"), self._now)
            case _:
                return []

    async def _pass_time(self, until: int) -> None:
        steps = 0
        while (deadline := self._policy.deadline) is not None and deadline <= until:
            self._now = max(self._now, deadline)
            await self.tell(Tick())
            steps += 1
            if steps > MAX_STEPS:
                raise PolicyStuck(f"{self._session.name}: time does not pass")
        self._now = max(self._now, until)


def _score(session: Session, spoken: set[int], gate_calls: int) -> Score:
    score = Score(cases=1, gate_calls=gate_calls)
    for number in session.judged():
        due, spoke = session.is_due(number), number in spoken
        addressed = due and session.is_addressed(number)
        score.add(
            Score(
                quiet=not due,
                speak=due,
                addressed=addressed,
                wrong=spoke and not due,
                missed=due and not spoke,
                missed_addressed=addressed and not spoke,
                redundant=spoke and session.is_others(number),
                replies=spoke,
                human_messages=1,
            )
        )
    return score


async def score_sessions(
    sessions: Sequence[Session],
    ask: AskJudge,
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> dict[str, Score]:
    """The score of the turn policy and of each baseline over all sessions. Raises PolicyStuck."""
    made = policies()
    scores: dict[str, list[Score]] = {name: [] for name in made}
    for done, session in enumerate(sessions):
        progress(done, len(sessions))
        for name, make in made.items():
            scores[name].append(await converse(session, make(session.helper), ask))
    progress(len(sessions), len(sessions))
    return {name: total(each) for name, each in scores.items()}

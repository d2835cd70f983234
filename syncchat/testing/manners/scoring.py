"""From what was played to a score: false interjections, missed answers, gate calls and more."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

from syncchat.agent.judge import judge
from syncchat.agent.model import Model
from syncchat.agent.policy import Judged, Manners, TurnPolicy
from syncchat.testing.manners.case import SLICES, Case
from syncchat.testing.manners.playing import AskJudge, Played, Player, Policy
from syncchat.testing.manners.room import PlayedRoom

JUDGE_SECONDS = 60.0

MakePolicy = Callable[[Case], Policy]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case and what came of it."""

    case: Case
    played: Played

    @property
    def wrong(self) -> bool:
        """Whether a QUIET case had a reply."""
        return self.case.label == "QUIET" and bool(self.played.replies)

    @property
    def stray(self) -> bool:
        """Whether a SPEAK case had a reply to what it is not about."""
        about = set(self.case.about)
        return self.case.label == "SPEAK" and not all(about & set(reply) for reply in self.played.replies)

    @property
    def missed(self) -> bool:
        """Whether a SPEAK case had no reply in time."""
        return self.case.label == "SPEAK" and not self._due

    @property
    def redundant(self) -> int:
        """Replies beyond the first, to what people had answered, and those seen and taken back."""
        again = len(self._due) - 1 if self._due and self.case.label != "QUIET" else 0
        late = len(self.played.replies) if self.case.label == "QUIET" and self.case.slice == ANSWERED else 0
        return again + late + self.played.redone

    @property
    def _due(self) -> list[tuple[str, ...]]:
        return [reply for reply in self.played.replies if set(reply) & set(self.case.about)]


ANSWERED = "already answered"


@dataclass(slots=True)
class Score:
    """Sums over cases; see the properties for the shares that are made of them."""

    cases: int = 0
    quiet: int = 0
    speak: int = 0
    addressed: int = 0
    wrong: int = 0
    stray: int = 0
    missed: int = 0
    missed_addressed: int = 0
    redundant: int = 0
    replies: int = 0
    gate_calls: int = 0
    human_messages: int = 0

    @property
    def false_interjections(self) -> float:
        """Wrong replies for each QUIET case."""
        return self.wrong / self.quiet if self.quiet else 0.0

    @property
    def missed_answers(self) -> float:
        """Unanswered of all SPEAK cases."""
        return self.missed / self.speak if self.speak else 0.0

    @property
    def missed_turns(self) -> float:
        """Unanswered of those SPEAK cases that speak to the agent itself."""
        return self.missed_addressed / self.addressed if self.addressed else 0.0

    @property
    def precision(self) -> float:
        """How many of its replies were due; 1 if it gave none."""
        return 1 - (self.wrong + self.stray) / self.replies if self.replies else 1.0

    @property
    def gate(self) -> float:
        """Calls of the judge for each message of a person."""
        return self.gate_calls / self.human_messages if self.human_messages else 0.0

    @property
    def share(self) -> float:
        """The agent's part of all messages."""
        said = self.replies + self.human_messages
        return self.replies / said if said else 0.0

    def add(self, other: "Score") -> None:
        """Sum up."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def score_of(outcome: Outcome) -> Score:
    """The score of one case."""
    case, played = outcome.case, outcome.played
    addressed = case.label == "SPEAK" and case.addressed
    return Score(
        cases=1,
        quiet=case.label == "QUIET",
        speak=case.label == "SPEAK",
        addressed=addressed,
        wrong=outcome.wrong,
        stray=outcome.stray,
        missed=outcome.missed,
        missed_addressed=outcome.missed and addressed,
        redundant=outcome.redundant,
        replies=len(played.replies),
        gate_calls=played.gate_calls,
        human_messages=played.human_messages,
    )


def by_slice(outcomes: Iterable[Outcome]) -> dict[str, Score]:
    """The score of each slice that has cases, in the order of SLICES."""
    scores = {name: Score() for name in SLICES}
    for outcome in outcomes:
        scores[outcome.case.slice].add(score_of(outcome))
    return {name: score for name, score in scores.items() if score.cases}


def total(scores: Iterable[Score]) -> Score:
    """All of them together."""
    whole = Score()
    for score in scores:
        whole.add(score)
    return whole


def turn_policy(case: Case) -> TurnPolicy:
    """The policy as it is, with the case's mode and grace period and the defaults for all else."""
    ambient = case.mode == "ambient"
    manners = Manners(ambient=ambient) if case.grace is None else Manners(ambient=ambient, grace=case.grace)
    return TurnPolicy(case.me, manners)


class ModelJudge:
    """The judge that a model is; `problems` counts why it could not tell, which means quiet."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.problems: Counter[str] = Counter()

    async def __call__(self, room: PlayedRoom, trigger: str) -> Judged:
        """What it says of a message, by its real id."""
        said = await judge(self._model, room.prompt(trigger), seconds=JUDGE_SECONDS)
        self.problems.update([] if said.problem is None else [said.problem])
        return Judged(trigger, said.speak, said.problem)


async def play_all(
    cases: Sequence[Case],
    ask: AskJudge,
    make: MakePolicy = turn_policy,
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> list[Outcome]:
    """Play each case with a policy of its own, one after another. Raises PolicyStuck."""
    outcomes = []
    for done, case in enumerate(cases):
        progress(done, len(cases))
        outcomes.append(Outcome(case, await Player(case, make(case), ask).play()))
    progress(len(cases), len(cases))
    return outcomes

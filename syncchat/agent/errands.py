"""What the policy has decided, carried out: a judgement and an answer, one of each at a time at most."""

import logging
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from syncchat.agent.budget import Payer
from syncchat.agent.claims import Claims
from syncchat.agent.face import State
from syncchat.agent.judge import Judgement, judge
from syncchat.agent.kit import Kit
from syncchat.agent.model import Model, name_of
from syncchat.agent.policy import Began, Ended, Event, Judge, Judged, Rule, Speak
from syncchat.agent.prompt import judge_prompt
from syncchat.agent.recorder import Recorder
from syncchat.agent.spending import Charged
from syncchat.agent.turn import Job, Turn
from syncchat.core.ids import author_of

ADDRESSED = frozenset({Rule.MENTION, Rule.NAME, Rule.REPLY, Rule.FOLLOW_UP, Rule.AGAIN, Rule.NOW})
"""The rules by which somebody has asked the agent; such a turn ends in a message, whatever happens."""

GONE = "the message is gone"
"""Why the judge was not asked: it is no fault of anybody's."""

logger = logging.getLogger(__name__)


class Errands:
    """Calls the models in `tasks`; what becomes of it is told to `tell`, and is in the ledger.

    `judging` (the id of a message) and `turn` are what is under way. `problem` is what went wrong with the
    last call, `over_budget` whether it was not made for that, and `reached` whether the model was there. What
    ended before any call changes none of them.
    """

    def __init__(
        self, kit: Kit, claims: Claims, recorder: Recorder, tasks: TaskGroup, *, tell: Callable[[Event], None]
    ) -> None:
        self._kit = kit
        self._claims = claims
        self._recorder = recorder
        self._tasks = tasks
        self._tell = tell
        self._judgement = anyio.CancelScope()
        self.judging: str | None = None
        self.turn: Turn | None = None
        self.problem: str | None = None
        self.over_budget = False
        self.reached = True

    @property
    def mood(self) -> State:
        """What the agent shows while nothing is under way."""
        if self.over_budget:
            return "over budget"
        return "watching" if self.reached else "unreachable"

    # Starting and ending

    def judge(self, decision: Judge) -> None:
        """Ask the judge; it is told as a Judged. An earlier call that is under way ends."""
        self._judgement.cancel()
        self._judgement = anyio.CancelScope()
        self.judging = decision.id
        self._tasks.start_soon(self._judge, decision, self._judgement)

    def answer(self, decision: Speak) -> None:
        """Write an answer; its end is told as an Ended. The one before it has to have ended (A12)."""
        assert self.turn is None, "the policy decided to speak twice at a time"
        job = self._job(decision)
        model = self._charged(self._kit.model, job.asker if job.addressed else None)
        self.turn = turn = Turn(
            self._kit, self._claims, job, model, lambda reply: self._tell(Began(decision.id, reply))
        )
        self._tasks.start_soon(self._answer, decision, turn, model)

    def withdraw(self, id: str) -> None:
        """End what is under way for a message: of an answer nothing stays."""
        if self.judging == id:
            self._judgement.cancel()
            self.judging = None
        if self.turn is not None and self.turn.job.id == id:
            self.turn.withdraw()

    def stop(self, id: str, by: str) -> None:
        """`by` asks to stop the answer `id`, or that to the message `id`: its call ends now (A16)."""
        if self.turn is not None and self.turn.is_about(id):
            self.turn.stop(by)

    # What runs

    async def _judge(self, decision: Judge, scope: anyio.CancelScope) -> None:
        kit, timeline = self._kit, self._kit.room.timeline
        if timeline.get(decision.id) is None:
            self._recorder.record(decision, problem=GONE)
            self.judging = None
            self._tell(Judged(decision.id, False, GONE))
            return
        prompt = judge_prompt(
            timeline,
            timeline.index(decision.id) + 1,
            me=kit.me,
            people=kit.room.people,
            persona=kit.persona,
            topic=kit.room.topic,
        )
        model = self._charged(kit.judge_model, None)
        judgement = Judgement(False)
        try:
            with scope:
                judgement = await judge(model, prompt, seconds=kit.pace.judging)
        finally:
            self._recorder.record(decision, cost=model.spent, problem=judgement.problem)
        if not scope.cancel_called:
            self._judged(decision, judgement)

    def _judged(self, decision: Judge, judgement: Judgement) -> None:
        self.judging = None
        self._note(judgement.problem, over_budget=judgement.over_budget, reached=judgement.reached)
        if judgement.problem is not None:
            logger.warning("the judge failed, which means quiet: %s", judgement.problem)
        self._tell(Judged(decision.id, judgement.speak, judgement.problem))

    async def _answer(self, decision: Speak, turn: Turn, model: Charged) -> None:
        try:
            await turn.run()
        finally:
            outcome = turn.outcome
            self.turn = None
            self._recorder.record(decision, cost=model.spent, reply=outcome.reply, problem=outcome.problem)
        if turn.reached is not None:
            self._note(outcome.problem, over_budget=turn.over_budget, reached=turn.reached)
        if outcome.problem is not None:
            logger.warning("an answer failed: %s", outcome.problem)
        self._tell(Ended(decision.id, outcome.state))

    def _note(self, problem: str | None, *, over_budget: bool, reached: bool) -> None:
        self.problem = problem
        self.over_budget = over_budget
        self.reached = reached

    def _charged(self, model: Model, user: str | None) -> Charged:
        payer = Payer(user, self._kit.room.name, name_of(model))
        return Charged(model, self._kit.notebook, payer, self._kit.clock)

    def _job(self, decision: Speak) -> Job:
        # Who wants another version, or does not want to wait, pays for it, and not who asked the question.
        asker = decision.by or author_of(decision.id)
        return Job(decision.id, asker, decision.rule in ADDRESSED, decision.merged, decision.of)

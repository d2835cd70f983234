"""One turn: an answer from the claim that it is ours to write to the finished message (A8, A16-A18)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncchat.agent.claims import Claims
from syncchat.agent.draft import Draft
from syncchat.agent.kit import Kit
from syncchat.agent.model import Model
from syncchat.agent.policy.events import End
from syncchat.agent.prompt import REPLY_WINDOW, Prompt, reply_prompt
from syncchat.agent.spending import Charged, OverBudget, notice
from syncchat.agent.tools.tool import ToolContext
from syncchat.core.message import Message
from syncchat.core.stream import Stream
from syncchat.errors import LogError

MAX_DRAFTS = 4
"""How often an answer is begun anew because of what came before its first word; then it is written."""

MAX_NEWER = 20
"""How many messages that came since the question are told to the model, the newest."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be answered: the message `id`, and `merged` by the same reply; `of` is the earlier version.

    `asker` is who asked for it, as the keys of the rows tell; `addressed` whether anybody did: then the
    turn ends in a message, whatever happens.
    """

    id: str
    asker: str
    addressed: bool
    merged: tuple[str, ...] = ()
    of: str | None = None

    @property
    def claimed(self) -> tuple[str, ...]:
        """What is claimed for it: a new version has its own claim, under the id of the earlier one."""
        return (self.of,) if self.of is not None else (self.id, *self.merged)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended: as the policy is told; the id of the message, if there is one; what went wrong."""

    state: End
    reply: str | None = None
    problem: str | None = None


class Turn:
    """Writes the answer to a job; `began` is called with its id when the first words are there.

    It is run once. `stop`, `withdraw`, `lose`, `tell` and `look` may be called at any time and act at once.
    """

    def __init__(
        self, kit: Kit, claims: Claims, job: Job, model: Charged, began: Callable[[str], None]
    ) -> None:
        self._kit = kit
        self._claims = claims
        self._began = began
        self._draft: Draft | None = None
        self._stream: Stream | None = None
        self._cut: End | None = None
        self._left = MAX_DRAFTS
        self._is_claimed = False
        self._is_lost_to_view = False
        self._calls: Sequence[Mapping[str, Any]] = ()
        self.job = job
        self._notice: str | None = None
        self._hushed = False
        self.stopped_by: str | None = None
        self.over_budget = False
        self.outcome = Outcome("interrupted")
        self._model: Model = kit.toolbox.beside(model, self, ToolContext(kit.room, job.asker, job.id))

    @property
    def reply(self) -> str | None:
        """The id of the answer; None before it begins."""
        return None if self._stream is None else self._stream.id

    @property
    def reached(self) -> bool | None:
        """Whether the model was there, see ModelFailed; None if it was not asked."""
        return None if self._draft is None else self._draft.reached

    # What comes in between

    def is_about(self, id: str) -> bool:
        """Whether `id` is that of the answer or of a message that it answers."""
        return id in (self.job.id, *self.job.merged) or (self._stream is not None and id == self._stream.id)

    def stop(self, by: str) -> None:
        """Somebody asks to stop: the model's call ends, what came stays. The second one changes nothing."""
        if self.stopped_by is None and self._cut is None:
            self.stopped_by = by
            self._end("stopped")

    def withdraw(self) -> None:
        """The answer is not wanted any more: the call ends, and nothing stays."""
        self._end("withdrawn")

    def lose(self) -> None:
        """Another process has the claim: the call ends, and what was written goes."""
        self._end("lost")

    def check_claims(self) -> None:
        """Look whether the claim is still ours (A8)."""
        if self._is_claimed and not all(self._claims.holds(id) for id in self.job.claimed):
            self.lose()

    def tell(self) -> None:
        """Something was said: an answer that has not begun is asked for anew, with it."""
        if self._draft is not None and self._stream is None and self._left:
            self._draft.end("told")

    def look(self) -> None:
        """Something happened to our messages: if this one is gone, so is the reason for the call (A4)."""
        if self._draft is not None and self._stream is not None and not self._stream.open:
            self._draft.end("gone")

    def _end(self, state: End) -> None:
        self._cut = state if state == "lost" else self._cut or state
        if self._draft is not None:
            self._draft.end(state)

    # The turn

    async def run(self) -> Outcome:
        """Claim, write, finish; returns how it ended. Cancelled, it finishes as interrupted."""
        job = self.job
        about = [job.id] if job.of is None else [job.of, job.id]
        async with self._kit.recall.of(*about, before=REPLY_WINDOW):
            return await self._run()

    async def _run(self) -> Outcome:
        self._claim()
        try:
            while self._cut is None and self._left:
                self._left -= 1
                if not await self._write():
                    break
            if self._draft is not None and isinstance(self._draft.failure, OverBudget):
                await self._excuse(self._draft.failure)
        finally:
            self.outcome = self._finish()
        return self.outcome

    def _claim(self) -> None:
        """Claim the answer before any model is called; what has one already gets no other."""
        if not self._kit.room.may_write:
            self._cut = "withdrawn"
        elif self._is_out_of_view():
            self._left, self._is_lost_to_view = 0, True
            return
        elif not all([self._claims.claim(id, "") for id in self.job.claimed]):  # noqa: C419 - claims all
            self._cut = "lost"
        self._is_claimed = True

    def _is_out_of_view(self) -> bool:
        """Whether the message's page was closed while it waited: what was deleted is withdrawn before."""
        timeline = self._kit.room.timeline
        return timeline.get(self.job.id) is None and bool(timeline) and self.job.id < timeline[0].id

    async def _write(self) -> bool:
        """Write a draft; whether another one is to be written, since it knew too little."""
        prompt = self._prompt()
        if prompt is None:
            if self._is_out_of_view():
                self._left, self._is_lost_to_view = 0, True
            else:
                self._cut = "withdrawn"
            return False
        pace = self._kit.pace
        self._draft = draft = Draft(
            self._model, prompt, self._begin, flush_every=pace.flush_every, seconds=pace.answering
        )
        await draft.write()
        return draft.state == "told"

    async def _excuse(self, failure: OverBudget) -> None:
        """Over budget it says so once a day, to each whom the limit is about, and is quiet after that."""
        kit, job, limit = self._kit, self.job, failure.limit
        self.over_budget = True
        self._notice = notice(limit, job.asker)
        told = f"{limit} {job.asker if limit.endswith('_per_user') else ''} {kit.room.name}"
        try:
            self._hushed = not await kit.notebook.first(told, kit.clock())
        except LogError as error:
            self._hushed = True
            logger.error("whether it was said that the budget is used up could not be noted: %s", error)

    def _prompt(self) -> Prompt | None:
        """What the model is asked; None if the message to be answered is not there any more."""
        kit, timeline = self._kit, self._kit.room.timeline
        if timeline.get(self.job.id) is None:
            return None
        stop = timeline.index(self.job.id) + 1
        newer: list[Message] = [] if self.job.of else timeline[max(stop, len(timeline) - MAX_NEWER) :]
        return reply_prompt(
            timeline,
            stop,
            me=kit.me,
            people=kit.room.people,
            persona=kit.persona,
            topic=kit.room.topic,
            newer=newer,
            merged=self.job.merged,
        )

    def _begin(self) -> Stream:
        """The message, from now on: it stands below what was said while the model thought."""
        if self._stream is not None:
            return self._stream
        self._stream = stream = self._kit.room.stream(re=self.job.id, of=self.job.of)
        for id in self.job.claimed:
            self._claims.claim(id, stream.id)
        self._began(stream.id)
        return stream

    def show_calls(self, calls: Sequence[Mapping[str, Any]]) -> str:
        """See `tools.loop.Desk`: calls of tools are shown as a part of the message."""
        self._calls = calls
        if self._draft is not None:
            self._draft.heard = True
        stream = self._begin()
        stream.show(calls=calls)
        return stream.id

    def _finish(self) -> Outcome:
        state, problem = self._how_it_ended()
        draft = self._draft
        text = draft.text if draft is not None else ""
        answered = self.job.addressed and state in ("error", "stopped") and not self._hushed
        visible = bool(text) or answered
        if state in ("withdrawn", "lost") or not visible:
            if self._stream is not None:
                self._stream.discard()
            return Outcome(state, None, problem)
        stream = self._begin()
        stream.finish(
            text=text,
            state=None if state == "done" else state,
            stopped_by=self.stopped_by if state == "stopped" else None,
            cites=draft.prompt.cites(text) if draft is not None and state == "done" else (),
            calls=self._calls,
            problem=self._notice or problem,
        )
        return Outcome(state, stream.id, problem)

    def _how_it_ended(self) -> tuple[End, str | None]:
        draft = self._draft
        if self._is_lost_to_view and self._cut is None:
            return "error", "the question was out of view before it could be answered"
        if draft is None or (draft.state is not None and self._cut is not None):
            return self._cut or "interrupted", None
        if draft.state is None:
            return ("done", None) if draft.text else ("error", "the model answered nothing")
        if draft.state == "gone":
            return "withdrawn", None
        return ("error" if draft.problem and not draft.text else "interrupted"), draft.problem

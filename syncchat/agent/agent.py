"""The agent: a participant of a room that decides whether to speak, and streams what it says."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from syncchat.agent.judge import judge
from syncchat.agent.model import Model
from syncchat.agent.policy import consider
from syncchat.agent.prompt import Who, is_finished, judge_prompt, reply_prompt
from syncchat.agent.reply import Reply
from syncchat.core.asking import Asked
from syncchat.core.deltas import Added, Changed, Delta
from syncchat.core.ids import MessageId, parse_id
from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.mailbox import Mailbox

MAX_WAITING = 256
"""How many messages may wait for the agent's attention; beyond that the oldest are not considered."""

LEEWAY = 5_000
"""What was said up to this long before it joined may be answered, in ms: the agent often comes because
somebody came, and that one's first words, or a clock a little behind, must not be lost on it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds: a judgement, a whole answer, and from flush to flush."""

    judging: float = 30.0
    answering: float = 600.0
    flush_every: float = 0.04


def _now() -> int:
    return time.time_ns() // 1_000_000


class Agent:
    """Takes part in `room` as the room's user, shown as `name`; uses only what everybody can.

    `model` writes the answers, `judge_model` (the same by default) decides whether there is one to
    write. `clock` gives milliseconds since 1970: what was said more than LEEWAY before `run` began is not
    answered, and nothing of before that stands above a message of its own.
    """

    def __init__(
        self,
        room: Room,
        *,
        model: Model,
        judge_model: Model | None = None,
        name: str | None = None,
        clock: Callable[[], int] = _now,
        pace: Pace | None = None,
    ) -> None:
        self._room = room
        self._me = Who(room.user, name or room.user)
        self._model = model
        self._judge_model = judge_model or model
        self._clock = clock
        self._pace = pace or Pace()
        self._joined = 0
        self._inbox: Mailbox[str] = Mailbox(MAX_WAITING)
        self._growing: set[str] = set()
        self._trigger: str | None = None
        self._attention = anyio.CancelScope()
        self._reply: Reply | None = None

    async def run(self) -> None:
        """Take part until cancelled; a message that is being written then is finished as interrupted.

        One answer is written at a time. What an earlier run left unfinished is finished as interrupted.
        """
        self._joined = self._clock()
        subscriptions = [
            self._room.timeline.listen(self._hear),
            self._room.listen_asked(self._hear_asked),
        ]
        try:
            self._say("watching")
            for message in self._room.timeline:
                self._finish_leftover(message)
                if message.hlc >= self._joined - LEEWAY:
                    self._inbox.put(message.id)
            waiting: Sequence[Message] = ()
            while True:
                trigger, waiting = consider(self._arrived(waiting), me=(self._me.user, self._me.name))
                if trigger is not None:
                    await self._attend(trigger)
                if not waiting:
                    await self._inbox.wait()
        finally:
            for subscription in subscriptions:
                subscription.cancel()
            self._room.set_presence(agent=None, state=None, re=None, problem=None)

    # What the room tells

    def _hear(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            id = parse_id(delta.row)
            if id.user == self._me.user:
                self._hear_own(delta, id)
            elif id.hlc >= self._joined - LEEWAY:
                self._hear_other(delta)

    def _hear_own(self, delta: Delta, id: MessageId) -> None:
        if self._reply is not None and delta.row == self._reply.id:
            self._reply.look()
        elif id.hlc < self._joined and isinstance(delta, Added):
            # A replica may learn only later what its user left unfinished before a crash.
            self._inbox.put(delta.row)

    def _hear_other(self, delta: Delta) -> None:
        message = self._room.message(delta.row)
        if message is None:
            self._growing.discard(delta.row)
        elif message.streaming:
            self._growing.add(delta.row)
        elif isinstance(delta, Added) or (isinstance(delta, Changed) and delta.row in self._growing):
            self._growing.discard(delta.row)
            self._inbox.put(delta.row)

    def _hear_asked(self, news: list[Asked]) -> None:
        for asked in news:
            if asked.verb == "stop" and self._trigger is not None:
                self._stop(asked.what)

    def _stop(self, id: str) -> None:
        """Stop answering; `id` is that of the answer, or of the message that it answers."""
        if self._reply is not None and id in (self._reply.id, self._trigger):
            self._reply.stop()
        elif id == self._trigger:
            self._attention.cancel()

    # What it does

    def _arrived(self, waiting: Sequence[Message]) -> list[Message]:
        """Everything that waits as it is now, without what is gone; own leftovers are finished."""
        ids = [*(message.id for message in waiting), *self._inbox.drain()][-MAX_WAITING:]
        messages = [message for id in dict.fromkeys(ids) if (message := self._room.message(id)) is not None]
        for message in messages:
            self._finish_leftover(message)
        return [m for m in messages if m.hlc >= self._joined or not self._spoke_after(m)]

    def _spoke_after(self, message: Message) -> bool:
        """Whether an earlier run may have answered the message: nobody wants to be answered twice."""
        timeline = self._room.timeline
        return any(later.user == self._me.user for later in timeline[timeline.index(message.id) :])

    def _finish_leftover(self, message: Message) -> None:
        if message.user != self._me.user or not message.streaming:
            return
        stream = self._room.reopen(message.id)
        if stream.text.strip():
            stream.finish(state="interrupted")
        else:
            stream.discard()

    async def _attend(self, trigger: Message) -> None:
        """Judge a message and, if so judged, answer it."""
        self._trigger = trigger.id
        problem: str | None = None
        try:
            with anyio.CancelScope() as self._attention:
                problem = await self._judge_and_answer(trigger.id)
        finally:
            self._trigger = None
            self._reply = None
            self._say("watching", problem=problem)

    async def _judge_and_answer(self, id: str) -> str | None:
        """What went wrong, if anything did."""
        self._say("judging", re=id)
        timeline, people = self._room.timeline, self._room.people
        prompt = judge_prompt(timeline, timeline.index(id) + 1, me=self._me, people=people)
        judgement = await judge(self._judge_model, prompt, seconds=self._pace.judging)
        if judgement.problem is not None:
            logger.warning("the judge failed, which means quiet: %s", judgement.problem)
        judged = self._room.message(id)
        if not judgement.speak or judged is None or not is_finished(judged):
            return judgement.problem
        self._say("writing", re=id)
        prompt = reply_prompt(timeline, timeline.index(id) + 1, me=self._me, people=people)
        self._reply = Reply(
            self._room,
            self._model,
            prompt,
            re=id,
            flush_every=self._pace.flush_every,
            seconds=self._pace.answering,
        )
        await self._reply.write()
        if self._reply.problem is not None:
            logger.warning("an answer failed: %s", self._reply.problem)
        return self._reply.problem

    def _say(self, state: str, *, re: str | None = None, problem: str | None = None) -> None:
        """Tell everybody what the agent does, and what went wrong the last time."""
        self._room.set_presence(name=self._me.name, agent=True, state=state, re=re, problem=problem)

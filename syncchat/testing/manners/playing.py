"""Plays a case: its events, the policy's decisions, the judge's verdicts, all in virtual time."""

import heapq
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Protocol, cast

from syncchat.agent.lines import Who
from syncchat.agent.policy import (
    Asked,
    Began,
    Decision,
    Edited,
    Ended,
    Gone,
    Here,
    Judge,
    Judged,
    Said,
    Speak,
    Tick,
    Typing,
    Withdraw,
)
from syncchat.agent.policy import Event as Told
from syncchat.agent.policy.events import End, Verb
from syncchat.testing.manners.case import Case, Event
from syncchat.testing.manners.room import PlayedRoom

START = 1_800_000_000_000
"""When every story begins, in ms since 1970."""

JUDGING = 1_000
"""Milliseconds that the judge takes."""

THINKING = 2_000
"""Milliseconds from the decision to speak to the first words that anybody sees."""

WRITING = 4_000
"""Milliseconds from the first words to the last."""

MAX_TICKS = 10_000


class Policy(Protocol):
    """What can be played: the turn policy, and what it is compared with."""

    def hear(self, event: Told, now: int) -> list[Decision]:
        """See `TurnPolicy.hear`."""
        ...

    @property
    def deadline(self) -> int | None:
        """See `TurnPolicy.deadline`."""
        ...


AskJudge = Callable[[PlayedRoom, str], Awaitable[Judged]]
"""What says whether to speak about a message of the room."""


class PolicyStuck(Exception):
    """A policy asks for a tick again and again without letting time pass."""


@dataclass(slots=True)
class Played:
    """What came of a case: for each reply, in order, the messages that it answers, and what it all cost.

    `redone` are the replies that were withdrawn after somebody had seen a word of them.
    """

    replies: list[tuple[str, ...]] = field(default_factory=list)
    redone: int = 0
    gate_calls: int = 0
    human_messages: int = 0


@dataclass(slots=True)
class _Reply:
    """A reply that is on its way; one that the script has shows nothing of its own."""

    trigger: str
    merged: tuple[str, ...]
    scripted: bool
    shown: bool = False


class Player:
    """Plays one case; `play` is called once."""

    def __init__(self, case: Case, policy: Policy, ask: AskJudge) -> None:
        self._case = case
        self._policy = policy
        self._ask = ask
        self._people = _people(case)
        self._room = PlayedRoom(case.me, self._people)
        self._played = Played()
        self._now = START
        self._queue: list[tuple[int, int, Callable[[], Awaitable[None]]]] = []
        self._number = count()
        self._writing: dict[str, _Reply] = {}
        self._missed: list[Event] | None = None
        """What happened since the agent went away; None while it is there."""
        self._ended_away: list[str] = []

    async def play(self) -> Played:
        """The whole story, up to the case's end. Raises PolicyStuck."""
        end = START + round(self._case.end * 1000)
        await self._hear(Here(self._people))
        for event in self._case.events:
            self._later(round(event.time * 1000), partial(self._happen, event))
        ticks = 0
        while (at := self._next()) <= end:
            ticks = ticks + 1 if at <= self._now else 0
            if ticks > MAX_TICKS:
                raise PolicyStuck(f"{self._case.id}: time does not pass")
            self._now = max(self._now, at)
            if self._queue and self._queue[0][0] <= self._now:
                await heapq.heappop(self._queue)[2]()
            else:
                await self._hear(Tick())
        return self._played

    def _next(self) -> int:
        times = [self._queue[0][0]] if self._queue else []
        if self._missed is None and (deadline := self._policy.deadline) is not None:
            times.append(max(deadline, self._now))
        return min(times, default=START + 10**15)

    def _later(self, after: int, action: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self._queue, (self._now + after, next(self._number), action))

    # What the script says

    async def _happen(self, event: Event) -> None:
        if event.kind == "message" and not event.agent:
            self._played.human_messages += 1
        if event.kind == "away":
            self._missed = []
            self._ended_away, self._writing = list(self._writing), {}
        elif event.kind == "back":
            await self._come_back()
        else:
            self._room.apply(event, self._now)
            if self._missed is None:
                await self._notice(event)
            else:
                self._missed.append(event)

    async def _come_back(self) -> None:
        missed, self._missed = self._missed or [], None
        for trigger in self._ended_away:
            await self._hear(Ended(trigger, "interrupted"))
        for event in missed:
            # What was edited or deleted meanwhile is found as it is now.
            if event.kind == "request" or (event.kind == "message" and self._room.has(event.id)):
                await self._notice(event)

    async def _notice(self, event: Event) -> None:
        match event.kind:
            case "message":
                await self._end_scripted(event, "done")
                await self._hear(Said(self._room.heard(event.id)))
            case "edit":
                await self._hear(Edited(self._room.heard(event.id)))
            case "delete":
                await self._hear(Gone(self._room.real(event.id)))
            case "typing":
                await self._hear(Typing(event.author, self._now + round(event.seconds * 1000)))
            case "request":
                await self._request(event)
            case "model-failed":
                await self._end_scripted(event, "error")
            case "away" | "back":
                raise AssertionError("these are the player's own")

    async def _request(self, event: Event) -> None:
        id = self._room.real(event.id) if event.id else ""
        if event.verb == "stop" and id in self._writing:
            await self._end(id, "stopped")
        await self._hear(Asked(cast(Verb, event.verb), id, event.author, round(event.seconds)))

    async def _end_scripted(self, event: Event, state: End) -> None:
        trigger = self._room.real(event.reply_to) if event.reply_to else ""
        if event.author == self._case.me.user and trigger in self._writing:
            await self._end(trigger, state)

    # What the policy decides

    async def _hear(self, event: Told) -> None:
        for decision in self._policy.hear(event, self._now):
            await self._carry_out(decision)

    async def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Judge(id=id):
                self._played.gate_calls += 1
                judged = await self._ask(self._room, id)
                self._later(JUDGING, partial(self._deliver, judged))
            case Speak(id=id, merged=merged):
                await self._begin(id, merged)
            case Withdraw(id=id) if id in self._writing:
                self._played.redone += self._writing[id].shown
                await self._end(id, "withdrawn")
            case _:
                pass

    async def _deliver(self, judged: Judged) -> None:
        if self._missed is None:
            await self._hear(judged)

    async def _begin(self, trigger: str, merged: tuple[str, ...]) -> None:
        reply = _Reply(trigger, merged, scripted=self._is_scripted(trigger))
        self._writing[trigger] = reply
        await self._hear(Began(trigger))
        if not reply.scripted:
            self._later(THINKING, partial(self._show, reply))

    def _is_scripted(self, trigger: str) -> bool:
        """Whether the story itself tells what becomes of the reply to this message."""
        told, me = self._room.told(trigger), self._case.me.user
        return any(
            event.reply_to == told and event.author == me and START + event.time * 1000 >= self._now
            for event in self._case.events
        )

    async def _show(self, reply: _Reply) -> None:
        if self._writing.get(reply.trigger) is reply:
            reply.shown = True
            answered = (reply.trigger, *reply.merged)
            self._played.replies.append(tuple(self._room.told(id) for id in answered))
            self._later(WRITING, partial(self._finish, reply))

    async def _finish(self, reply: _Reply) -> None:
        if self._writing.get(reply.trigger) is reply:
            said = self._room.answer(reply.trigger, self._now)
            await self._hear(Said(said))
            await self._end(reply.trigger, "done")

    async def _end(self, trigger: str, state: End) -> None:
        self._writing.pop(trigger, None)
        await self._hear(Ended(trigger, state))


def _people(case: Case) -> tuple[Who, ...]:
    authors = [event.author for event in case.events if event.author and not event.agent]
    users: Iterable[str] = dict.fromkeys([*authors, *case.people])
    return tuple(Who(user, user.capitalize()) for user in users if user != case.me.user)

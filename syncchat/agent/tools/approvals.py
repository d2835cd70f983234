"""Who agrees to a tool call: the one who asked, or a moderator, as the server vouches for both (A25)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import anyio

from syncchat.agent.tools.proposal import Proposal
from syncchat.agent.tools.tool import ToolContext
from syncchat.core.asking import Asked
from syncchat.wakeup import Wakeup

DENY, APPROVE = "deny", "approve"

MAX_NUMBERS = 64
"""Calls that one request may be about."""


class Approvals:
    """Waits until the calls of an answer are decided; `show` shows them and returns the answer's id.

    The user of a request is verified by the guard, as its key holds it, and that somebody is a moderator
    tells the server with the presence. What was said before a call was shown does not count: nobody can
    agree to what is not on the screen. Where an agent has asked, only a moderator can agree.
    """

    def __init__(self, context: ToolContext, show: Callable[[], str]) -> None:
        self._room = context.room
        trigger = context.room.message(context.trigger)
        is_agent = trigger is not None and trigger.agent and trigger.user == context.asker
        self._asker = None if is_agent else context.asker
        self._show = show
        self._said: dict[tuple[str, int], set[str]] = {}
        self._stir = Wakeup()

    async def decide(self, proposals: Sequence[Proposal], *, seconds: float) -> None:
        """Show the calls; return when each is approved or denied, which those left after `seconds` are."""
        id = self._show()
        waiting = [proposal for proposal in proposals if proposal.state == "proposed"]
        if not waiting:
            return
        subscriptions = [
            self._room.listen_asked(lambda news: self._hear(id, news)),
            self._room.listen_people(lambda _: self._stir.call()),
        ]
        try:
            with anyio.move_on_after(seconds):
                await self._until_decided(waiting)
        finally:
            for subscription in subscriptions:
                subscription.cancel()
        for proposal in waiting:
            if proposal.state == "proposed":
                proposal.end("denied", f"nobody approved it within {seconds:g} s")
        self._show()

    async def _until_decided(self, waiting: Sequence[Proposal]) -> None:
        while any(proposal.state == "proposed" for proposal in waiting):
            await self._stir.sleep()
            changed = [self._judge(proposal) for proposal in waiting if proposal.state == "proposed"]
            if any(changed):
                self._show()

    def _hear(self, id: str, news: Iterable[Asked]) -> None:
        for asked in news:
            if asked.verb in (DENY, APPROVE) and asked.what == id:
                for number in _numbers(asked.value):
                    self._said.setdefault((asked.verb, number), set()).add(asked.user)
        self._stir.call()

    def _judge(self, proposal: Proposal) -> bool:
        """Whether somebody who may has decided the call; who says no is heard first."""
        for verb in (DENY, APPROVE):
            by = next(filter(self._may, sorted(self._said.get((verb, proposal.number), ()))), None)
            if by is not None:
                proposal.by = by
                if verb == DENY:
                    proposal.end("denied", f"denied by {by}")
                else:
                    proposal.state = "approved"
                return True
        return False

    def _may(self, user: str) -> bool:
        return user == self._asker or any(
            person.user == user and person.is_moderator for person in self._room.people
        )


def _numbers(value: Any) -> list[int]:
    """The calls that a request is about: `{"call": 2}`, or several at once: `{"call": [0, 1]}`."""
    told = value.get("call") if isinstance(value, dict) else None
    numbers = told if isinstance(told, list) else [told]
    return [number for number in numbers[:MAX_NUMBERS] if type(number) is int]

"""Answers what members ask of the agent's books: why it spoke or did not, and what was spent (A22, A23)."""

import logging
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

import anyio

from syncchat.agent.budget import DayBook, Payer, Spend, day_of
from syncchat.agent.notebook import Notebook
from syncchat.agent.prices import Prices
from syncchat.agent.recall import Recall
from syncchat.agent.tokens import Tokens
from syncchat.core.asking import Asked
from syncchat.core.bucket import TokenBucket
from syncchat.core.codec import dump
from syncchat.core.room import Room
from syncchat.errors import LogError
from syncchat.mailbox import Mailbox

WHY, BECAUSE, USAGE, SPENT = "why", "because", "usage", "spent"

MAX_WAITING = 64
"""Questions of a room that may wait; beyond that the oldest are not answered."""

BURST, RATE = 10.0, 1 / 3
"""How many are answered at once, and then in a second: each answer is a row that the room keeps."""

FRESH = 600_000
"""How old a question about the usage may be that is still answered, in ms."""

MAX_ANSWER = 4_000
"""Bytes of an answer as JSON; what the rule looked at is cut for it."""

_UNKNOWN: Final = {"decision": "unknown"}
"""The answer about a message of which the ledger has nothing (any more)."""

logger = logging.getLogger(__name__)


def _now() -> int:
    return time.time_ns() // 1_000_000


class Answers:
    """Answers in `room` from `notebook`, with money by `prices`; `run` is its one task.

    `now` gives ms since 1970. Questions that were asked while nobody was there to hear are answered, too.
    """

    def __init__(
        self,
        room: Room,
        notebook: Notebook,
        prices: Prices | None = None,
        *,
        now: Callable[[], int] = _now,
    ) -> None:
        self._room = room
        self._recall = Recall(room)
        self._notebook = notebook
        self._prices = prices or Prices()
        self._now = now
        self._questions: Mailbox[Asked] = Mailbox(MAX_WAITING)
        self._bucket = TokenBucket(RATE, BURST)
        self._was_mute = False

    async def run(self) -> None:
        """Answer until cancelled.

        What the disk does not tell is not answered, and logged; nor is anything as long as we may only read.
        """
        subscription = self._room.listen_asked(self._hear)
        try:
            self._hear(sorted(self._unanswered(), key=lambda asked: asked.hlc))
            while True:
                question = await self._questions.get()
                await anyio.sleep(self._bucket.delay(1, anyio.current_time()))
                self._bucket.take(1, anyio.current_time())
                try:
                    await self._answer(question)
                except LogError as error:
                    logger.error("a question about the agent's books was not answered: %s", error)
        finally:
            subscription.cancel()

    def _hear(self, asked: Iterable[Asked]) -> None:
        for question in asked:
            if question.verb in (WHY, USAGE):
                self._questions.put(question)

    def _unanswered(self) -> list[Asked]:
        me, since = self._room.user, self._now() - FRESH
        because = {asked.what for asked in self._room.asked(BECAUSE) if asked.user == me}
        told = [asked.value for asked in self._room.asked(SPENT) if asked.user == me]
        spent = {value.get("re") for value in told if isinstance(value, dict)}
        return [
            *(asked for asked in self._room.asked(WHY) if asked.what not in because),
            *(a for a in self._room.asked(USAGE) if a.hlc >= since and a.what not in spent),
        ]

    async def _answer(self, question: Asked) -> None:
        if question.verb == USAGE:
            self._tell(SPENT, None, await self._spent(question))
            return
        if question.page is not None:
            self._recall.note(question.what, question.page)
        async with self._recall.of(question.what):
            await self._explain(question.what)

    async def _explain(self, id: str) -> None:
        message = self._room.message(id)
        if message is None or (message.agent and message.user != self._room.user):
            return  # it is gone, or its author is to say why
        answer = await self._because(id)
        if self._room.message(id) is not None:
            self._tell(BECAUSE, id, answer)

    def _tell(self, verb: str, what: str | None, answer: dict[str, Any]) -> None:
        if self._room.may_write:
            self._room.ask(verb, what, answer)
        elif not self._was_mute:
            logger.warning(
                "room %s: we may only read, so nobody is told of the agent's books", self._room.name
            )
        self._was_mute = not self._room.may_write

    async def _because(self, id: str) -> dict[str, Any]:
        entry = await self._notebook.entry(self._room.name, id)
        if entry is None:
            return dict(_UNKNOWN)
        told = entry.told()
        while told["inputs"] and len(dump(told).encode()) > MAX_ANSWER:
            told["inputs"].popitem()
        return told

    async def _spent(self, question: Asked) -> dict[str, Any]:
        """Today's spending in this room: what the asker's was, and what everybody's."""
        now, room, user = self._now(), self._room.name, question.user
        book = await self._notebook.book(day_of(now))
        allowance = book.allowance(Payer(user, room), self._notebook.budget)
        return {
            "re": question.what,
            "user": user,
            "day": day_of(now),
            "mine": self._sum(book, lambda payer: payer.room == room and payer.user == user),
            "room": self._sum(book, lambda payer: payer.room == room),
            "left": allowance.left,
            "limit": allowance.limit,
            "currency": self._prices.currency,
        }

    def _sum(self, book: DayBook, counts: Callable[[Payer], bool]) -> dict[str, Any]:
        total, money = Spend(), Decimal(0)
        is_known = True
        for payer, spend in book.cells.items():
            if counts(payer):
                total += spend
                cost = self._prices.cost(payer.model, Tokens(spend.tokens_in, spend.tokens_out))
                is_known &= cost is not None
                money += cost or 0
        return {
            "calls": total.calls,
            "tokens_in": total.tokens_in,
            "tokens_out": total.tokens_out,
            "money": f"{money:f}" if is_known else None,
        }

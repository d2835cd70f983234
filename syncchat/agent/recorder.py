"""Puts what was decided into the ledger, in order, without anybody waiting for the disk (A22)."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio

from syncchat.agent.budget import Spend
from syncchat.agent.ledger import Entry
from syncchat.agent.notebook import Notebook
from syncchat.agent.policy import Decision, Judge, Rule, Speak, Withdraw
from syncchat.errors import LogError
from syncchat.mailbox import Mailbox

MAX_WAITING = 1_024
"""Decisions that may wait for the disk; beyond that the oldest are not recorded."""

PATIENCE = 2.0
"""Seconds for which the last decisions may keep the agent from leaving."""

MAX_OWN = 2_048
"""Messages that are remembered as decided about by this run; of any other the decision is settled."""

FINAL = frozenset({"speak", "quiet", "withdraw"})
"""Decisions after which nothing more is decided about a message, unless somebody asks for it."""

MAX_UNDER_WAY = 8
"""Decisions that are under way at once: more than there are ever."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _UnderWay:
    """What is being carried out, and what has withdrawn it: that is recorded after it."""

    decision: Judge | Speak
    withdrawal: Entry | None = None


class Recorder:
    """The ledger of one room, for callbacks that may not wait; `now` gives ms since 1970."""

    def __init__(self, notebook: Notebook, room: str, now: Callable[[], int]) -> None:
        self._notebook = notebook
        self._room = room
        self._now = now
        self._recorded: dict[str, None] = {}
        self._under_way: list[_UnderWay] = []
        self._entries: Mailbox[Entry] = Mailbox(MAX_WAITING)

    def begin(self, decision: Judge | Speak) -> None:
        """It is being carried out, and recorded when it has ended; what withdraws it comes after that."""
        self._under_way.append(_UnderWay(decision))
        if len(self._under_way) > MAX_UNDER_WAY:
            self._end(self._under_way[0])

    def record(
        self,
        decision: Decision,
        *,
        cost: Spend | None = None,
        reply: str | None = None,
        problem: str | None = None,
    ) -> None:
        """Record a decision, and what became of it."""
        word = type(decision).__name__.lower()
        entry = Entry(
            self._room,
            decision.id,
            self._now(),
            word,
            decision.rule,
            decision.inputs,
            cost or Spend(),
            reply,
            problem,
        )
        if isinstance(decision, Withdraw):
            for work in self._under_way:
                if work.decision.id == decision.id and work.withdrawal is None:
                    work.withdrawal = entry
                    return
        self._entries.put(entry)
        for work in self._under_way:
            if work.decision is decision:
                self._end(work)
                return

    def _end(self, work: "_UnderWay") -> None:
        self._under_way.remove(work)
        if work.withdrawal is not None:
            self._entries.put(replace(work.withdrawal, at=self._now()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write while the context is open; what waits at its end is written, too, if the disk is quick."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
                for work in list(self._under_way):
                    self._end(work)
                with anyio.move_on_after(PATIENCE, shield=True):
                    await self._write(self._entries.drain())

    async def _run(self) -> None:
        while True:
            entry = await self._entries.get()
            with anyio.CancelScope(shield=True):
                await self._write([entry])

    async def _write(self, entries: list[Entry]) -> None:
        for entry in entries:
            try:
                if not await self._is_settled(entry):
                    await self._notebook.record(entry)
                    self._note(entry.id)
            except LogError as error:
                logger.error("a decision could not be recorded: %s", error)

    def _note(self, id: str) -> None:
        self._recorded.pop(id, None)
        self._recorded[id] = None
        if len(self._recorded) > MAX_OWN:
            del self._recorded[next(iter(self._recorded))]

    async def _is_settled(self, entry: Entry) -> bool:
        """Whether a message that is heard again was decided about before: by an earlier run, or long ago.

        By whom it was, the times do not tell: clocks go back, and other processes have their own.
        """
        if entry.decision in ("speak", "judge") or (entry.id in self._recorded and entry.rule != Rule.STALE):
            return False
        before = await self._notebook.entry(self._room, entry.id)
        return before is not None and before.id == entry.id and before.decision in FINAL

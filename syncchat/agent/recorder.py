"""Puts what was decided into the ledger, in order, without anybody waiting for the disk (A22)."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from syncchat.agent.budget import Spend
from syncchat.agent.ledger import Entry
from syncchat.agent.notebook import Notebook
from syncchat.agent.policy import Decision, Rule
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

logger = logging.getLogger(__name__)


class Recorder:
    """The ledger of one room, for callbacks that may not wait; `now` gives ms since 1970."""

    def __init__(self, notebook: Notebook, room: str, now: Callable[[], int]) -> None:
        self._notebook = notebook
        self._room = room
        self._now = now
        self._recorded: dict[str, None] = {}
        self._entries: Mailbox[Entry] = Mailbox(MAX_WAITING)

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
        self._entries.put(
            Entry(
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
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write while the context is open; what waits at its end is written, too, if the disk is quick."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
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

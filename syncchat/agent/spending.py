"""A model that is asked only if somebody may pay for it (A23)."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio

from syncchat.agent.budget import Payer, Spend
from syncchat.agent.model import Model, ModelFailed, name_of
from syncchat.agent.notebook import Notebook, Reservation
from syncchat.agent.prompt import Prompt
from syncchat.agent.tokens import Tokens
from syncchat.agent.usage import Counted, size_of
from syncchat.errors import LogError

MOST_OUT = 6_000
"""Tokens that are reserved for an answer: a message of full length has about as many."""

PATIENCE = 30.0
"""Seconds that a call waits for others to end, if what they leave may be enough for it."""

SETTLING = 5.0
"""Seconds that a call that ended may take to be settled; after that it stays as it was reserved."""

logger = logging.getLogger(__name__)


class OverBudget(ModelFailed):
    """The call was not made: `limit` is the name of the limit in the budget that forbids it."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"over budget ({limit})", reached=True)
        self.limit = limit


class Charged:
    """`model` on `payer`'s account: what it may take is in the notebook before it is called.

    Without a model in `payer` the call stands under the name that `model` has. A call that may not be made
    raises OverBudget; if the notebook cannot be written it raises ModelFailed: what cannot be noted is not
    spent. `spent` is what the calls so far took. `now` gives ms since 1970.
    """

    def __init__(self, model: Model, notebook: Notebook, payer: Payer, now: Callable[[], int]) -> None:
        self._model = model
        self._notebook = notebook
        self._payer = payer._replace(model=payer.model or name_of(model))
        self._now = now
        self.spent = Spend()

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        most = Tokens(size_of(prompt), MOST_OUT)
        reservation = await self._reserve(most)
        taken = Tokens(most.tokens_in, 0)
        try:
            async with self._model.stream(prompt) as pieces:
                counted = Counted(pieces, prompt)
                try:
                    yield counted
                finally:
                    taken = counted.taken
        finally:
            self.spent += Spend(1, taken.tokens_in, taken.tokens_out)
            await self._settle(reservation, taken)

    async def _reserve(self, most: Tokens) -> Reservation:
        deadline = anyio.current_time() + PATIENCE
        pause = 0.25
        while True:
            try:
                answer = await self._notebook.reserve(self._payer, most, self._now())
            except LogError as error:
                cause = f"the agent's notebook cannot be written: {error}"
                raise ModelFailed(cause, reached=True) from error
            if isinstance(answer, Reservation):
                return answer
            if answer.final or anyio.current_time() + pause > deadline:
                raise OverBudget(answer.limit or "")
            await anyio.sleep(pause)
            pause *= 2

    async def _settle(self, reservation: Reservation, taken: Tokens) -> None:
        with anyio.move_on_after(SETTLING, shield=True):
            try:
                await self._notebook.settle(reservation, taken)
            except LogError as error:
                # The answer is there; the call counts with the most that it may have taken.
                logger.warning("what a call took could not be noted, it counts as reserved: %s", error)


def notice(limit: str, user: str | None) -> str:
    """What the agent says, once a day, when it may spend no more: short, with the limit and its end."""
    whose = {"_per_user": f"for {user}", "_per_room": "for this room"}
    of = next((text for end, text in whose.items() if limit.endswith(end)), "for me")
    return f"Today's budget {of} is used up ({limit}). I can answer again after 00:00 UTC."

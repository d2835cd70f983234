"""The books of the daemon's agents: why they spoke and what they spent, for whoever may ask."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from syncchat.agent import Metered, Model, Usage
from syncchat.agent.budget import Budget, Payer, Spend
from syncchat.agent.model import name_of
from syncchat.agent.notebook import Notebook
from syncchat.agent.prices import Prices
from syncchat.agent.tokens import Tokens
from syncchat.core.grant import Claims, Role

Json = dict[str, Any]


class Books:
    """The books of every agent that runs, by the users they write under.

    `prices` are what their models cost, `budget` is what each may spend that has none of its own.
    """

    def __init__(self, prices: Prices | None = None, budget: Budget | None = None) -> None:
        self.prices = prices or Prices()
        self.usage: dict[str, Usage] = {}
        """What the models of each agent were asked since the daemon began."""
        self._budget = budget or Budget()
        self._notebooks: dict[str, Notebook] = {}

    def budget_of(self, own: Budget) -> Budget:
        """What an agent may spend whose persona says `own`."""
        return self._budget if own == Budget() else own

    def metered(self, agent: str, model: Model) -> Model:
        """The same model, whose calls are counted as the agent's."""
        usage = self.usage.setdefault(agent, Usage())
        return Metered(model, usage, self.prices.of(name_of(model)))

    @contextmanager
    def keeping(self, agent: str, notebook: Notebook) -> Iterator[None]:
        """While the context is open the agent's notebook can be asked."""
        self._notebooks[agent] = notebook
        try:
            yield
        finally:
            del self._notebooks[agent]

    def notebook(self, agent: str) -> Notebook | None:
        """An agent's notebook; None while it does not run."""
        return self._notebooks.get(agent)

    async def spent(self, claims: Claims, day: str) -> list[Json]:
        """What was spent on a day (YYYY-MM-DD) as far as `claims` may know it. Raises LogError.

        That is what they asked for themselves, and of rooms that they moderate all.
        """
        told = []
        for agent, notebook in self._notebooks.items():
            book = await notebook.book(day)
            told += [
                self._told(agent, payer, spend)
                for payer, spend in sorted(book.cells.items(), key=_order)
                if payer.user == claims.user or claims.role_in(payer.room) is Role.MODERATOR
            ]
        return told

    def _told(self, agent: str, payer: Payer, spend: Spend) -> Json:
        money = self.prices.cost(payer.model, Tokens(spend.tokens_in, spend.tokens_out))
        return {
            "agent": agent,
            **payer._asdict(),
            **asdict(spend),
            "money": None if money is None else f"{money:f}",
        }

    def budgets(self) -> Mapping[str, Json]:
        """What each agent may spend in a day; null is no limit."""
        return {agent: asdict(notebook.budget) for agent, notebook in self._notebooks.items()}

    async def why(self, room: str, id: str) -> list[Json]:
        """What each agent decided about a message, or about the one that it answers. Raises LogError."""
        found = [(agent, await notebook.entry(room, id)) for agent, notebook in self._notebooks.items()]
        return [{"agent": agent, **entry.told()} for agent, entry in found if entry is not None]


def _order(cell: tuple[Payer, Spend]) -> tuple[str, str, str]:
    payer, _ = cell
    return payer.room, payer.user or "", payer.model

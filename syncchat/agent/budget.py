"""What an agent may spend in a day, and the book of what it has spent: a pure state machine.

A day is one of UTC. Before a call is made it is reserved with the most that it may take, and afterwards it is
settled with what it took; one that is never settled (a crash) stays in the book as it was reserved.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from syncchat.agent.prices import Price
from syncchat.agent.tokens import Tokens

MAX_CELLS = 2_048
"""Combinations of user, room and model in a day's book; further ones may spend nothing that day."""

MAX_OPEN = 1_024
"""Calls that may be unsettled; of more the oldest stay as they were reserved."""

MAX_TOLD = 4_096
"""How many times in a day somebody may be told something once; after that nobody is told."""

NOTHING = Decimal(0)

FULL = "the day's book"
"""The name of the limit that MAX_CELLS is."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in a day of UTC: calls, tokens read and written together, and money by the prices.

    Without an end: altogether. A user pays for what it asked for, a room for what is said in it. None is no
    limit. A limit is exceeded by one call at most, as long as no call takes more than was reserved for it.
    """

    calls: int | None = None
    tokens: int | None = None
    calls_per_user: int | None = None
    tokens_per_user: int | None = None
    calls_per_room: int | None = None
    tokens_per_room: int | None = None
    money: float | None = None
    money_per_user: float | None = None
    money_per_room: float | None = None

    @property
    def in_money(self) -> list[str]:
        """The names of the limits in money that are set."""
        names = (field.name for field in fields(self) if field.name.startswith("money"))
        return [name for name in names if getattr(self, name) is not None]


@dataclass(frozen=True, slots=True)
class Spend:
    """What was spent: calls of models, tokens read and written, and what they cost, if that was known."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: Decimal = NOTHING

    def __add__(self, other: "Spend") -> "Spend":
        return Spend(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.money + other.money,
        )

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.tokens_in + self.tokens_out


class Payer(NamedTuple):
    """Who pays: the verified user that asked (None: nobody did), the room; and the model's name."""

    user: str | None
    room: str
    model: str = ""


class Allowance(NamedTuple):
    """Whether a call may be made: `limit` is the name of what forbids it, None if nothing does.

    `left` is how many calls the budget still has, None for any number. `final` is False if calls under way
    may turn out to have taken less than was reserved for them, so that asking again helps.
    """

    left: int | None
    limit: str | None
    final: bool = True


def day_of(at: int) -> str:
    """The day of a time in ms since 1970, as YYYY-MM-DD of UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


@dataclass
class _Open:
    payer: Payer
    spend: Spend
    price: Price | None = None


@dataclass
class DayBook:
    """What one day's calls took, by who pays; a `syncchat.journal.State`."""

    cells: dict[Payer, Spend] = field(default_factory=dict)
    open: dict[str, _Open] = field(default_factory=dict)
    """The calls that are reserved and not settled, by their ids."""
    told: dict[str, str] = field(default_factory=dict)
    """Who was the first to tell what."""
    _users: dict[str, Spend] = field(default_factory=dict)
    _rooms: dict[str, Spend] = field(default_factory=dict)
    total: Spend = field(default_factory=Spend)

    # Asking

    def allowance(self, payer: Payer, budget: Budget) -> Allowance:
        """Whether `payer` may make one more call."""
        if payer not in self.cells and len(self.cells) >= MAX_CELLS:
            return Allowance(0, FULL)
        calls = list(self._limits(payer, budget, "calls"))
        left = [int(limit - spent) for _, limit, spent, _ in calls]
        for name, limit, spent, _ in calls:
            if spent >= limit:
                return Allowance(0, name)
        for what in ("tokens", "money"):
            for name, limit, spent, unsettled in self._limits(payer, budget, what):
                if spent >= limit:
                    return Allowance(0, name, spent - unsettled >= limit)
        return Allowance(max(0, min(left)) if left else None, None)

    def _limits(
        self, payer: Payer, budget: Budget, what: str
    ) -> Iterator[tuple[str, Decimal, Decimal, Decimal]]:
        """Each limit that is set: name, value, what counts for it, and how much of that is not settled."""
        for end in ("", "_per_user", "_per_room"):
            limit = getattr(budget, what + end)
            if limit is None or (end == "_per_user" and payer.user is None):
                continue
            spent = Decimal(getattr(self._spent(payer, end), what))
            mine = (call.spend for call in self.open.values() if _shares(call.payer, payer, end))
            unsettled = sum((Decimal(getattr(spend, what)) for spend in mine), NOTHING)
            yield what + end, Decimal(str(limit)), spent, unsettled

    def _spent(self, payer: Payer, end: str) -> Spend:
        if end == "_per_user":
            return self._users.get(payer.user or "", Spend())
        return self._rooms.get(payer.room, Spend()) if end else self.total

    # What the journal says

    def take(self, entry: Any) -> None:
        """See `syncchat.journal.State`: one of the entries that the functions below make."""
        match entry:
            case {"reserve": str(id), "payer": [*payer], "spend": [*spend], "budget": {**budget}}:
                call = _Open(_payer(payer), _spend(spend), _price(entry.get("price")))
                self._reserve(id, call, _budget(budget))
            case {"settle": str(id), "tokens": [int(tokens_in), int(tokens_out)]} if id in self.open:
                call = self.open.pop(id)
                taken = Tokens(tokens_in - call.spend.tokens_in, tokens_out - call.spend.tokens_out)
                self._book(call.payer, _spend_of(0, taken, call.price))
            case {"charge": [*payer], "spend": [*spend]}:
                who = _payer(payer)
                if who in self.cells or len(self.cells) < MAX_CELLS:
                    self._book(who, _spend(spend))
            case {"tell": str(what), "by": str(who)} if len(self.told) < MAX_TOLD:
                self.told.setdefault(what, who)

    def _reserve(self, id: str, call: _Open, budget: Budget) -> None:
        if self.allowance(call.payer, budget).limit is not None:
            return
        self._book(call.payer, call.spend)
        self.open[id] = call
        if len(self.open) > MAX_OPEN:
            del self.open[next(iter(self.open))]

    def _book(self, payer: Payer, spend: Spend) -> None:
        self.cells[payer] = self.cells.get(payer, Spend()) + spend
        if payer.user is not None:
            self._users[payer.user] = self._users.get(payer.user, Spend()) + spend
        self._rooms[payer.room] = self._rooms.get(payer.room, Spend()) + spend
        self.total += spend

    def whole(self) -> Any:
        """See `syncchat.journal.State`."""
        return {
            "cells": [[*payer, *_numbers(spend)] for payer, spend in self.cells.items()],
            "open": {id: [*call.payer, *_numbers(call.spend)] for id, call in self.open.items()},
            "prices": {id: _prices(call.price) for id, call in self.open.items() if call.price is not None},
            "told": self.told,
        }

    def restore(self, whole: Any) -> None:
        """See `syncchat.journal.State`."""
        for cell in whole["cells"]:
            self._book(_payer(cell[:3]), _spend(cell[3:]))
        prices = whole.get("prices", {})
        for id, call in whole["open"].items():
            self.open[id] = _Open(_payer(call[:3]), _spend(call[3:]), _price(prices.get(id)))
        self.told.update(whole["told"])


def _shares(one: Payer, other: Payer, end: str) -> bool:
    """Whether two calls count for the same limit."""
    if end == "_per_user":
        return one.user == other.user
    return one.room == other.room if end else True


def _payer(values: Sequence[Any]) -> Payer:
    """Who pays, as an entry has it. Raises ValueError."""
    match values:
        case [str() | None as user, str(room), str(model)]:
            return Payer(user, room, model)
    raise ValueError("nobody who pays")


def _spend(values: Sequence[Any]) -> Spend:
    """What was spent, as an entry has it. Raises ValueError."""
    match values:
        case [int(calls), int(tokens_in), int(tokens_out), *money]:
            return Spend(calls, tokens_in, tokens_out, Decimal(money[0]) if money else NOTHING)
    raise ValueError("nothing that is spent")


def _budget(values: Mapping[Any, Any]) -> Budget:
    """The limits of an entry, without those that only a later version knows."""
    return Budget(**{field.name: values.get(field.name) for field in fields(Budget)})


def _numbers(spend: Spend) -> tuple[int | str, ...]:
    numbers = (spend.calls, spend.tokens_in, spend.tokens_out)
    return (*numbers, str(spend.money)) if spend.money else numbers


def _price(values: Any) -> Price | None:
    """The price in an entry, if there is one."""
    match values:
        case [str(tokens_in), str(tokens_out)]:
            return Price(Decimal(tokens_in), Decimal(tokens_out))
    return None


def _prices(price: Price) -> tuple[str, str]:
    return str(price.tokens_in), str(price.tokens_out)


def _spend_of(calls: int, tokens: Tokens, price: Price | None) -> Spend:
    money = NOTHING if price is None else price.of(tokens)
    return Spend(calls, tokens.tokens_in, tokens.tokens_out, money)


# The entries of a day's book.


def reserving(
    id: str, payer: Payer, most: Tokens, budget: Budget, price: Price | None = None
) -> dict[str, Any]:
    """One call is wanted that takes at most `most`; whether it may be made is in the book afterwards.

    The budget and the price stand in the entry, so that processes with other settings come to the same book.
    """
    spend = _spend_of(1, most, price)
    entry = {"reserve": id, "payer": list(payer), "spend": _numbers(spend), "budget": asdict(budget)}
    return entry if price is None else entry | {"price": _prices(price)}


def settling(id: str, taken: Tokens) -> dict[str, Any]:
    """The call took this."""
    return {"settle": id, "tokens": [taken.tokens_in, taken.tokens_out]}


def charging(payer: Payer, spend: Spend) -> dict[str, Any]:
    """Something was spent, whether or not it might be."""
    return {"charge": list(payer), "spend": _numbers(spend)}


def telling(what: str, by: str) -> dict[str, Any]:
    """`by` is about to tell `what`, if nobody else was."""
    return {"tell": what, "by": by}

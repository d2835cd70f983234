"""What tokens cost: money from a table that whoever runs the agent keeps, never from a guess of ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from syncchat.agent.tokens import Tokens
from syncchat.errors import SyncchatError

BUILTIN = "built-in"
"""What the built-in model is called in books and bills."""

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a million tokens that a model reads, and of a million that it writes."""

    tokens_in: Decimal
    tokens_out: Decimal

    def of(self, tokens: Tokens) -> Decimal:
        """What these tokens cost, exactly."""
        return (self.tokens_in * tokens.tokens_in + self.tokens_out * tokens.tokens_out) / MILLION


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by the names of models, in `currency` (whatever its owner writes: USD, EUR)."""

    currency: str = "USD"
    models: Mapping[str, Price] = field(default_factory=dict)

    def of(self, model: str) -> Price | None:
        """The model's price; the built-in one costs nothing; None if the table has none."""
        if model == BUILTIN:
            return Price(Decimal(0), Decimal(0))
        return self.models.get(model)

    def cost(self, model: str, tokens: Tokens) -> Decimal | None:
        """What a model's tokens cost; None if the table has no price for it."""
        price = self.of(model)
        return None if price is None else price.of(tokens)


class NoPrice(SyncchatError, ValueError):
    """A limit in money, and a model whose price is not known: nobody could keep to it."""


def check_priced(agent: str, limits: Iterable[str], models: Iterable[str], prices: Prices) -> None:
    """Raise NoPrice if an agent has limits in money and one of its models no price."""
    unpriced = next((model for model in models if prices.of(model) is None), None)
    limit = next(iter(limits), None)
    if limit is not None and unpriced is not None:
        raise NoPrice(
            f"the agent {agent} has a limit in money ({limit}), and the model {unpriced!r} has no price: "
            f'write "{unpriced}" = {{ in = ..., out = ... }} into [prices], or limit calls or tokens'
        )


def make_prices(table: Mapping[str, object], source: str) -> Prices:
    """The prices in a table of settings, `source` says where it stands. Raises ValueError.

    It has a `currency`, and for each model a table of `in` and `out`: numbers, or texts where every digit
    is to count.
    """
    currency = table.get("currency", "USD")
    if not isinstance(currency, str) or not 1 <= len(currency) <= 8:
        raise ValueError(f"the currency is {currency!r} ({source}): write a short text such as USD")
    models = {name: _price(name, value, source) for name, value in table.items() if name != "currency"}
    return Prices(currency, models)


def _price(model: str, value: object, source: str) -> Price:
    if not isinstance(value, Mapping) or value.keys() != {"in", "out"}:
        raise ValueError(f"the price of {model!r} ({source}) has to have in and out, and nothing else")
    return Price(_number(model, value["in"], source), _number(model, value["out"], source))


def _number(model: str, value: object, source: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        raise ValueError(
            f"the price of {model!r} is {value!r} ({source}): make it the money for a million tokens"
        )
    return number


def shown(money: Decimal, currency: str) -> str:
    """Money to be read: two digits behind the point, or more where it is little."""
    digits = 2 if money == 0 or money >= 1 else 4
    return f"{money:.{digits}f} {currency}"

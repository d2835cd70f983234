"""Money is exact, from the table of whoever runs the agent, and nothing where there is no price."""

from decimal import Decimal

import pytest

from syncchat.agent.prices import BUILTIN, Price, Prices, make_prices, shown
from syncchat.agent.tokens import Tokens


def test_a_table_gives_exact_money() -> None:
    prices = make_prices({"currency": "EUR", "large": {"in": 0.1, "out": "0.30"}}, "here")
    assert prices.currency == "EUR"
    assert prices.cost("large", Tokens(3, 1)) == Decimal("0.0000006")
    assert prices.cost("unknown", Tokens(3, 1)) is None
    assert prices.cost(BUILTIN, Tokens(3, 1)) == 0


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"currency": 5}, "the currency is 5"),
        ({"large": 3}, "price of 'large' (here) has to have in and out"),
        ({"large": {"in": 1}}, "has to have in and out"),
        ({"large": {"in": 1, "out": -2}}, "price of 'large' is -2"),
        ({"large": {"in": 1, "out": "much"}}, "price of 'large' is 'much'"),
        ({"large": {"in": True, "out": 1}}, "price of 'large' is True"),
        ({"large": {"in": float("nan"), "out": 1}}, "is nan"),
    ],
)
def test_what_is_no_price_is_told_with_its_place(table: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"here") as error:
        make_prices(table, "here")
    assert told in str(error.value)


def test_money_is_shown_with_as_many_digits_as_it_needs() -> None:
    assert shown(Decimal("12.345"), "EUR") == "12.34 EUR"
    assert shown(Decimal("0.00123"), "USD") == "0.0012 USD"
    assert shown(Decimal(0), "USD") == "0.00 USD"


def test_no_table_is_no_price() -> None:
    assert Prices().of("large") is None
    assert Price(Decimal(1), Decimal(2)).of(Tokens(1_000_000, 500_000)) == 2

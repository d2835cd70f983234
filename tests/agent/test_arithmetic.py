"""The calculator: right, exact where it can be, and bounded."""

from contextlib import suppress
from fractions import Fraction
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.agent.arithmetic import CannotCalculate, NotArithmetic, calculate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+2", "4"), ("2+3*4", "14"), ("(2+3)*4", "20"), ("2-3-4", "-5"), ("-2^2", "-4"), ("2^3^2", "512"),
        ("0.1+0.2", "0.3"), ("10/4", "2.5"), ("10/3", "≈ 3.33333333333"), ("7 % 3", "1"), ("-7 % 3", "2"),
        ("7//2", "3"), ("-7//2", "-4"), ("15% of 80", "12"), ("3/4 of 520", "390"), ("50% + 1", "1.5"),
        ("2**100", str(2**100)),
        ("sqrt(16)", "4"), ("square root of 16", "4"), ("max(1, 2, 3)", "3"), ("round(2.567, 2)", "2.57"),
        ("12 times 3", "36"), ("3 x 4", "12"), ("7 × 6 ÷ 2", "21"), ("1,000 * 3", "3000"), ("1e3+1", "1001"),
        ("5 squared", "25"), ("avg(1,2)", "1.5"), ("2^-1", "0.5"), ("10^20", "1" + "0" * 20),
    ],
)  # fmt: skip
def test_values(text: str, value: str) -> None:
    assert calculate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "2+",
        "(2",
        "2)",
        "2 2",
        "__import__('os')",
        "open(1)",
        "1;2",
        "a=1",
        "x" * 10_000,
        "12²",
        "1.2.3",
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(NotArithmetic):
        calculate(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1/0", "zero"), ("7 % 0", "zero"), ("9^9^9", "too large"), ("9^9^9^9", "too large"),
        ("1e4000*1e4000", "too large"),
        ("sqrt(-1)", "real"), ("(-8)^0.5", "real"), ("0^0", "real"), ("sqrt(1, 2)", "take 2"),
        ("round(1, 99)", "places"),
        ("(" * 60 + "1" + ")" * 60, "deeply"), ("-" * 100 + "1", "deeply"), ("^".join("2" * 90), "deeply"),
    ],
)  # fmt: skip
def test_what_has_no_value_or_is_out_of_bounds_says_why(text: str, why: str) -> None:
    with pytest.raises(CannotCalculate, match=why) as caught:
        calculate(text)
    assert not isinstance(caught.value, NotArithmetic)


@given(st.text(alphabet="0123456789.+-*/%^(), esqrtpi", max_size=60))
def test_whatever_is_written_it_ends_with_a_value_or_a_reason(text: str) -> None:
    # Anything but a value or a reason fails the test by itself.
    with suppress(CannotCalculate):
        assert calculate(text)


@given(st.lists(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=6), min_size=1, max_size=5))
def test_whole_numbers_are_exact(products: list[list[int]]) -> None:
    text = " + ".join("*".join(map(str, factors)) for factors in products)[:200].rstrip("+-* ")
    terms = [[int(factor) for factor in term.split("*")] for term in text.split(" + ")]
    assert Fraction(calculate(text)) == sum(prod(factors) for factors in terms)

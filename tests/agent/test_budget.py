"""The book of a day: who pays for what, which limit is met, and that one call at most passes it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.agent.budget import (
    FULL,
    MAX_CELLS,
    MAX_OPEN,
    Budget,
    DayBook,
    Payer,
    Spend,
    charging,
    day_of,
    reserving,
    settling,
    telling,
)
from syncchat.agent.prices import Price
from syncchat.agent.tokens import Tokens
from syncchat.core.codec import dump, load

ZOE, ADA, NOBODY = Payer("zoe", "lobby"), Payer("ada", "lobby"), Payer(None, "lobby")
DAY = 86_400_000
MOST = Tokens(10, 90)
PRICE = Price(Decimal("0.5"), Decimal("2.5"))
"""MOST costs 0.00023."""


def reserve(
    book: DayBook, id: str, payer: Payer, budget: Budget, most: Tokens = MOST, price: Price | None = None
) -> bool:
    # What a journal keeps is JSON.
    book.take(load(dump(reserving(id, payer, most, budget, price))))
    return id in book.open


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (Budget(calls=2), "calls"),
        (Budget(calls_per_user=2), "calls_per_user"),
        (Budget(calls_per_room=2), "calls_per_room"),
        (Budget(tokens=150), "tokens"),
        (Budget(tokens_per_user=150), "tokens_per_user"),
        (Budget(tokens_per_room=150), "tokens_per_room"),
    ],
)
def test_A23_each_limit_lets_calls_pass_until_it_is_met_and_tells_its_name(
    budget: Budget, limit: str
) -> None:
    book = DayBook()
    for id in ("1", "2"):
        assert reserve(book, id, ZOE, budget)
        book.take(settling(id, Tokens(10, 90)))
    assert not reserve(book, "3", ZOE, budget)
    assert book.allowance(ZOE, budget) == (0, limit, True)
    assert book.total == Spend(2, 20, 180)


@pytest.mark.parametrize("limit", ["money", "money_per_user", "money_per_room"])
def test_A23_each_limit_in_money_lets_calls_pass_until_it_is_met_and_tells_its_name(limit: str) -> None:
    book, budget = DayBook(), Budget(**{limit: 0.0004})  # type: ignore[arg-type]  # all three are sums
    for id in ("1", "2"):
        assert reserve(book, id, ZOE, budget, price=PRICE)
        book.take(settling(id, Tokens(10, 90)))
    assert not reserve(book, "3", ZOE, budget, price=PRICE)
    assert book.allowance(ZOE, budget) == (0, limit, True)
    assert book.total == Spend(2, 20, 180, Decimal("0.00046"))


def test_A23_money_is_exact_and_what_was_reserved_counts_until_it_is_settled_by_the_price_of_then() -> None:
    book, budget = DayBook(), Budget(money=0.0002)
    assert reserve(book, "1", ZOE, budget, price=PRICE)
    assert book.allowance(ADA, budget) == (0, "money", False)
    again = DayBook()
    again.restore(load(dump(book.whole())))
    for one in (book, again):
        one.take(settling("1", Tokens(2, 1)))
        assert one.total == Spend(1, 2, 1, Decimal("0.0000035"))
        assert one.allowance(ADA, budget).limit is None
    assert again == book


def test_A23_of_many_small_sums_none_is_lost() -> None:
    book, budget = DayBook(), Budget(money_per_user=0.1)
    calls = 0
    while reserve(book, str(calls), ZOE, budget, Tokens(0, 1_000), Price(Decimal(0), Decimal(1))):
        book.take(settling(str(calls), Tokens(0, 1_000)))
        calls += 1
    assert (calls, book.total.money) == (100, Decimal("0.1"))


def test_A23_the_limits_in_money_are_known_by_name() -> None:
    assert Budget(calls=1, money=0, money_per_room=2.5).in_money == ["money", "money_per_room"]
    assert Budget(tokens=1).in_money == []


def test_A23_one_users_limit_is_nobody_elses() -> None:
    book, budget = DayBook(), Budget(calls_per_user=1)
    assert reserve(book, "1", ZOE, budget)
    assert not reserve(book, "2", ZOE, budget)
    assert reserve(book, "3", ADA, budget)
    assert reserve(book, "4", NOBODY, Budget(calls_per_user=0))


def test_A23_what_nobody_asked_for_is_charged_to_the_room() -> None:
    book, budget = DayBook(), Budget(calls_per_user=5, calls_per_room=1)
    assert reserve(book, "1", NOBODY, budget)
    assert book.allowance(ZOE, budget).limit == "calls_per_room"
    assert book.allowance(Payer("zoe", "attic"), budget).limit is None


def test_A23_a_call_under_way_counts_with_the_most_that_it_may_take_and_that_is_not_final() -> None:
    book, budget = DayBook(), Budget(tokens=100)
    assert reserve(book, "1", ZOE, budget)
    assert book.allowance(ADA, budget) == (0, "tokens", False)
    book.take(settling("1", Tokens(10, 5)))
    assert book.allowance(ADA, budget).limit is None
    assert book.total == Spend(1, 10, 5)


def test_A23_a_call_is_settled_once() -> None:
    book = DayBook()
    reserve(book, "1", ZOE, Budget())
    for tokens in (Tokens(1, 1), Tokens(50, 50)):
        book.take(settling("1", tokens))
    assert book.total == Spend(1, 1, 1)


def test_A23_how_many_calls_are_left_is_told() -> None:
    book, budget = DayBook(), Budget(calls=10, calls_per_user=3)
    reserve(book, "1", ZOE, budget)
    assert book.allowance(ZOE, budget) == (2, None, True)
    assert book.allowance(ZOE, Budget()) == (None, None, True)


def test_A23_a_book_that_is_full_takes_nobody_new_and_goes_on_for_the_others() -> None:
    book = DayBook()
    for number in range(MAX_CELLS):
        book.take(charging(Payer(f"u{number}", "lobby"), Spend(1)))
    assert not reserve(book, "1", ZOE, Budget())
    assert book.allowance(ZOE, Budget()).limit == FULL
    assert reserve(book, "2", Payer("u7", "lobby"), Budget())


def test_A23_of_too_many_unsettled_calls_the_oldest_stay_as_they_were_reserved() -> None:
    book = DayBook()
    for number in range(MAX_OPEN + 1):
        reserve(book, str(number), ZOE, Budget(), Tokens(1, 1))
    book.take(settling("0", Tokens(0, 0)))
    book.take(settling("1", Tokens(0, 0)))
    assert book.total == Spend(MAX_OPEN + 1, MAX_OPEN, MAX_OPEN)


def test_A23_only_the_first_to_tell_is_the_one() -> None:
    book = DayBook()
    book.take(telling("lobby calls", "one"))
    book.take(telling("lobby calls", "other"))
    assert book.told == {"lobby calls": "one"}


def test_entries_of_a_later_version_change_nothing() -> None:
    book = DayBook()
    for entry in (None, 3, {}, {"reserve": 5}, {"settle": "unknown", "tokens": [1, 1]}, {"grant": "x"}):
        book.take(entry)
    assert book == DayBook()


@pytest.mark.parametrize(
    "entry", [{"charge": [], "spend": [1, 1, 1]}, {"charge": ["u", "r", ""], "spend": ["1"]}]
)
def test_entries_that_nobody_writes_are_told(entry: Any) -> None:
    with pytest.raises(ValueError, match=r"nobody who pays|nothing that is spent"):
        DayBook().take(entry)


def test_a_day_is_one_of_UTC() -> None:
    midnight = 20_000 * DAY
    assert day_of(midnight - 1) == "2024-10-03"
    assert day_of(midnight) == "2024-10-04"


payers = st.sampled_from([ZOE, ADA, NOBODY, Payer("zoe", "attic"), Payer("zoe", "lobby", "large")])
numbers = st.integers(0, 60)
limits = st.one_of(st.none(), st.integers(0, 200))
sums = st.one_of(st.none(), st.integers(0, 20).map(lambda n: n / 100_000))
budgets = st.builds(Budget, limits, limits, limits, limits, limits, limits, sums, sums, sums)
tokens = st.builds(Tokens, numbers, numbers)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), payers, tokens),
        st.tuples(st.just("settle"), st.integers(0, 30), st.integers(0, 100)),
    ),
    max_size=60,
)


def entries(budget: Budget, acts: list[tuple[Any, ...]]) -> list[tuple[Any, Tokens]]:
    """What processes write, each call settled with no more than was reserved; and the most of each."""
    written: list[tuple[Any, Tokens]] = []
    most: list[Tokens] = []
    for act in acts:
        if act[0] == "reserve":
            most.append(act[2])
            written.append((reserving(str(len(most) - 1), act[1], act[2], budget, PRICE), act[2]))
        elif act[1] < len(most):
            share = Tokens(most[act[1]].tokens_in * act[2] // 100, most[act[1]].tokens_out * act[2] // 100)
            written.append((settling(str(act[1]), share), share))
    return written


def spent(book: DayBook, belongs: Callable[[Payer], bool]) -> Spend:
    return sum((spend for payer, spend in book.cells.items() if belongs(payer)), Spend())


@given(budgets, steps)
def test_A23_whatever_is_reserved_and_settled_no_limit_is_passed_by_more_than_one_call(
    budget: Budget, acts: list[tuple[Any, ...]]
) -> None:
    book = DayBook()
    dearest, costliest = 0, Decimal(0)
    for entry, most in entries(budget, acts):
        book.take(entry)
        dearest = max(dearest, most.tokens_in + most.tokens_out)
        costliest = max(costliest, PRICE.of(most))
        users = {payer.user for payer in book.cells if payer.user is not None}
        rooms = {payer.room for payer in book.cells}
        parts = [(book.total, budget.calls, budget.tokens, budget.money)]
        for user in users:
            mine = spent(book, lambda payer, user=user: payer.user == user)  # type: ignore[misc]  # bound now
            parts.append((mine, budget.calls_per_user, budget.tokens_per_user, budget.money_per_user))
        for room in rooms:
            mine = spent(book, lambda payer, room=room: payer.room == room)  # type: ignore[misc]  # bound now
            parts.append((mine, budget.calls_per_room, budget.tokens_per_room, budget.money_per_room))
        for spend, calls, most_tokens, money in parts:
            assert money is None or spend.money < Decimal(str(money)) + max(costliest, Decimal("1e-9"))
            assert calls is None or spend.calls <= calls
            assert most_tokens is None or spend.tokens < most_tokens + max(dearest, 1)


@given(budgets, steps, st.integers(0, 60))
def test_A23_a_book_that_is_cut_short_goes_on_as_it_was(
    budget: Budget, acts: list[tuple[Any, ...]], cut: int
) -> None:
    whole, again = DayBook(), DayBook()
    for number, (entry, _) in enumerate(entries(budget, acts)):
        if number == cut:
            fresh = DayBook()
            fresh.restore(again.whole())
            again = fresh
        whole.take(entry)
        again.take(entry)
    assert again == whole

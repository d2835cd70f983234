"""The waits between tries to connect: doubling, capped, jittered."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.link.backoff import Backoff

CHANCE = st.floats(0, 1, exclude_max=True)


@given(st.lists(CHANCE, min_size=1, max_size=60), st.floats(0.01, 5), st.floats(5, 100))
def test_O6_waits_double_up_to_the_cap_and_are_jittered(rolls: list[float], first: float, cap: float) -> None:
    dice = iter(rolls)
    backoff = Backoff(lambda: next(dice), first=first, cap=cap)
    for number in range(len(rolls)):
        longest = min(cap, first * 2.0 ** min(number, 30))
        assert 0 < longest / 2 <= backoff.next() <= longest <= cap


@given(CHANCE, CHANCE)
def test_O6_two_clients_wait_differently(one: float, two: float) -> None:
    waits = [Backoff(lambda roll=roll: roll).next() for roll in (one, two)]  # type: ignore[misc]  # a default binds it
    assert (waits[0] < waits[1]) <= (one < two)
    assert Backoff(lambda: 0.0).next() * 1.9 < Backoff(lambda: 0.999).next()


def test_O6_a_thousand_failures_are_no_trouble() -> None:
    backoff = Backoff(lambda: 0.5, cap=30.0)
    assert max(backoff.next() for _ in range(1000)) == 22.5


@given(st.integers(1, 50))
def test_O6_after_a_success_the_wait_is_short_again(failures: int) -> None:
    backoff = Backoff(lambda: 0.0)
    first = backoff.next()
    for _ in range(failures):
        backoff.next()
    backoff.reset()
    assert backoff.next() == first

"""Token buckets: nobody gets more than the burst and the rate, and whoever waits as told gets it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.bucket import TokenBucket

AMOUNTS = st.floats(0.1, 50)
STEPS = st.lists(st.tuples(st.floats(0, 20), AMOUNTS), max_size=30)


@given(st.floats(0.1, 10), st.floats(1, 100), STEPS)
def test_L2_no_more_goes_through_than_burst_and_rate_allow(
    rate: float, burst: float, steps: list[tuple[float, float]]
) -> None:
    bucket, now, taken = TokenBucket(rate, burst), 0.0, 0.0
    for later, amount in steps:
        now += later
        if bucket.delay(amount, now) == 0:
            bucket.take(amount, now)
            taken += amount
        assert taken <= burst + rate * now + 1e-6


@given(st.floats(0.1, 10), st.floats(1, 100), STEPS, AMOUNTS)
def test_L2_who_waits_as_long_as_is_told_does_not_wait_again(
    rate: float, burst: float, steps: list[tuple[float, float]], amount: float
) -> None:
    bucket, now = TokenBucket(rate, burst), 0.0
    for later, some in steps:
        now += later
        bucket.take(some, now)
    amount = min(amount, burst)
    wait = bucket.delay(amount, now)
    assert bucket.delay(amount, now + wait / 2) == pytest.approx(wait / 2, abs=1e-6)
    assert bucket.delay(amount, now + wait) == pytest.approx(0, abs=1e-6)


@given(st.floats(0.1, 10), st.floats(1, 100), STEPS)
def test_L2_what_is_there_is_taken_at_once_and_else_nothing(
    rate: float, burst: float, steps: list[tuple[float, float]]
) -> None:
    bucket, other, now = TokenBucket(rate, burst), TokenBucket(rate, burst), 0.0
    for later, amount in steps:
        now += later
        is_there = other.delay(amount, now) == 0
        if is_there:
            other.take(amount, now)
        assert bucket.try_take(amount, now) is is_there
        assert bucket.delay(burst, now) == other.delay(burst, now)


def test_L2_a_bucket_is_full_again_after_its_time_and_not_before() -> None:
    bucket = TokenBucket(2, 10)
    assert bucket.is_full(0)
    bucket.take(6, 0)
    assert not bucket.is_full(2.9)
    assert bucket.is_full(3)
    assert bucket.delay(11, 3) == 0.5

"""A token bucket: what is there at once, what comes with time, and what never comes."""

from syncchat.core.bucket import NEVER, TokenBucket


def test_L2_what_is_taken_beyond_the_burst_delays_what_follows() -> None:
    bucket = TokenBucket(2.0, 3.0)
    assert bucket.delay(3, 0.0) == 0
    bucket.take(3, 0.0)
    assert bucket.delay(1, 0.0) == 0.5
    assert bucket.delay(1, 0.25) == 0.25
    assert bucket.delay(1, 0.5) == 0
    assert not bucket.is_full(1.0)
    assert bucket.is_full(1.5)


def test_L2_a_rate_of_nothing_never_fills() -> None:
    assert TokenBucket(0.0, 0.0).delay(1, 5.0) == NEVER
    bucket = TokenBucket(0.0, 1.0)
    assert bucket.delay(1, 0.0) == 0
    bucket.take(1, 0.0)
    assert bucket.delay(1, 1e9) == NEVER

"""Medians, their spread, and whether a difference is more than noise."""

import random
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

RESAMPLES = 2000
CONFIDENCE = 0.95


class Summary(NamedTuple):
    """The median of some rounds, the smallest and the largest of them."""

    median: float
    low: float
    high: float
    rounds: int


def summary(values: Sequence[float]) -> Summary:
    """Summarize at least one value."""
    return Summary(median(values), min(values), max(values), len(values))


class Change(NamedTuple):
    """How much larger the new median is, as a ratio less 1, with an interval that holds 95 of 100 times."""

    ratio: float
    low: float
    high: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out "no change"."""
        return self.low > 0 or self.high < 0


def change(old: Sequence[float], new: Sequence[float], seed: int = 1) -> Change | None:
    """The change from old rounds to new ones, by bootstrap; None where the old median is 0.

    With fewer than three rounds on a side no interval can be told, and it is infinite.
    """
    before = median(old)
    if before == 0:
        return None
    ratio = median(new) / before - 1
    if min(len(old), len(new)) < 3:
        return Change(ratio, float("-inf"), float("inf"))
    rng = random.Random(seed)
    drawn = sorted(_drawn(rng, new) / (_drawn(rng, old) or before) - 1 for _ in range(RESAMPLES))
    tail = int((1 - CONFIDENCE) / 2 * RESAMPLES)
    return Change(ratio, drawn[tail], drawn[-1 - tail])


def _drawn(rng: random.Random, values: Sequence[float]) -> float:
    return median(rng.choices(values, k=len(values)))

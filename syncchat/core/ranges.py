"""Sets and maps of clocks, kept as ranges: what follows on costs nothing more."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

V = TypeVar("V")


class Ranges:
    """A set of integers, kept as sorted ranges that neither overlap nor touch."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.starts, number) - 1
        return at >= 0 and number < self.ends[at]

    def add(self, start: int, end: int) -> None:
        """Add `start` to `end - 1`."""
        first = bisect_left(self.ends, start)
        last = bisect_right(self.starts, end)
        if first < last:
            start = min(start, self.starts[first])
            end = max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]

    def holes(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Those parts of `start` to `end - 1` that are not in the set."""
        at = bisect_right(self.ends, start)
        while start < end:
            if at == len(self.starts) or self.starts[at] >= end:
                yield start, end
                return
            if self.starts[at] > start:
                yield start, self.starts[at]
            start = self.ends[at]
            at += 1


class Run(Generic[V]):
    """A value for each integer from `start` to `end - 1`; equal neighbours share one entry."""

    __slots__ = ("end", "starts", "values")

    def __init__(self, start: int = 0) -> None:
        self.starts = [start]
        self.values: list[V] = []
        self.end = start

    def append(self, end: int, value: V) -> None:
        """Give `value` to everything from the present end to `end - 1`."""
        if not self.values:
            self.values.append(value)
        elif self.values[-1] is not value:
            self.starts.append(self.end)
            self.values.append(value)
        self.end = end

    def at(self, number: int) -> V:
        """The value of `number`, which is within the run."""
        return self.values[bisect_right(self.starts, number) - 1]

    def over(self, start: int, end: int) -> list[V]:
        """The values of `start` to `end - 1`, which are within the run, in order."""
        return self.values[bisect_right(self.starts, start) - 1 : bisect_left(self.starts, end)]

    def extend(self, other: "Run[V]") -> None:
        """Append a run that begins where this one ends."""
        if len(other.values) == 1:  # as nearly always
            self.append(other.end, other.values[0])
            return
        for end, value in zip([*other.starts[1:], other.end], other.values, strict=True):
            self.append(end, value)

"""When which of many things is due: the next one is found at once, however many there are."""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

SLACK = 64
"""Entries of things that are due no more, beyond as many as there are others, before they are swept out."""


class Deadlines(Generic[T]):
    """A time for each of any number of things; times are numbers of any clock."""

    def __init__(self) -> None:
        self._due: dict[T, float] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._due)

    def put(self, item: T, when: float) -> None:
        """From now on `item` is due at `when`, and at no other time."""
        self._due[item] = when
        heappush(self._heap, (when, next(self._numbers), item))
        self._sweep()

    def drop(self, item: T) -> None:
        """It is due no more; nothing happens if it was not."""
        if self._due.pop(item, None) is not None:
            self._sweep()

    def next(self) -> float | None:
        """The earliest time at which something is due, None if nothing is."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[T]:
        """Those that are due at `now`, the earliest first; they are due no more."""
        due = []
        while (when := self.next()) is not None and when <= now:
            item = heappop(self._heap)[2]
            del self._due[item]
            due.append(item)
        return due

    def _sweep(self) -> None:
        # Who left long before its time must not be kept in memory until then.
        if len(self._heap) > 2 * len(self._due) + SLACK:
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
            heapify(self._heap)

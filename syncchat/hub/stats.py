"""What a hub counts of its work, for whoever exports it; counting costs an addition or two."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field


class Histogram:
    """Counts of observations below each of some bounds, in the manner of Prometheus.

    `counts[i]` are those above `bounds[i - 1]` and at most `bounds[i]`; the last has no bound.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, *bounds: float) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def _group_sizes() -> Histogram:
    return Histogram(1, 2, 4, 8, 16, 32, 64, 128, 256)


def _seconds() -> Histogram:
    return Histogram(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


@dataclass(slots=True)
class Stats:
    """Everything since the hub was made; only ever growing."""

    commits: int = 0
    """Commits of what users wrote; those of the server's own alone are not counted."""
    updates: int = 0
    """Updates that were accepted, and brought something."""
    group_size: Histogram = field(default_factory=_group_sizes)
    """Updates in each commit."""
    acknowledged: Histogram = field(default_factory=_seconds)
    """Seconds from taking an update in until it was durable and its sender was told."""
    frames_out: int = 0
    """Frames sent to readers by commits."""
    bytes_in: int = 0
    bytes_out: int = 0
    slow_readers: int = 0
    """How often a reader was found too slow and its queue was dropped."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Updates refused, by the SPEC rule."""
    over_limit: Counter[str] = field(default_factory=Counter)
    """How often each limit was hit, by its name in limits.py."""
    log_failures: int = 0
    rollovers: int = 0
    """Pages opened because the one before was full."""
    late_messages: int = 0
    """Messages marked because they came to a page that was the newest no more."""

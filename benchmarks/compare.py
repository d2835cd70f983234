"""What has changed between two files of results, with its noise."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.cases import CASES
from benchmarks.results import Results
from benchmarks.stats import Change, change


class Row(NamedTuple):
    """One metric of one case and peer; `change` is None where there is nothing to divide by."""

    case: str
    peer: str
    metric: str
    old: list[float]
    new: list[float]
    change: Change | None


def rows(old: Results, new: Results) -> Iterator[Row]:
    """Every metric that tables show and that both have."""
    peers = [peer for peer in old.labels if peer in new.labels]
    for case in CASES:
        for metric, _, _ in case.metrics:
            for peer in peers:
                key = (case.name, peer, metric)
                if key in old.values and key in new.values:
                    before, after = old.values[key], new.values[key]
                    yield Row(*key, before, after, change(before, after))


def lines(old: Results, new: Results) -> Iterator[str]:
    """As they are printed; a star marks what is beyond noise, and what failed on one side only is named."""
    for row in rows(old, new):
        yield f"{row.case:18} {row.peer:18} {row.metric:22} {_told(row)}"
    for case, peer in sorted(old.failed.keys() ^ new.failed.keys()):
        side = "now fails" if (case, peer) in new.failed else "failed before, and does not now"
        yield f"{case:18} {peer:18} {side}: {(new.failed | old.failed)[case, peer]}"


def _told(row: Row) -> str:
    if row.change is None:
        return "no change" if not any(row.new) else "was 0"
    star = "*" if row.change.beyond_noise else " "
    if row.change.low == float("-inf"):
        return f"{row.change.ratio:+8.1%}   (too few rounds to tell)"
    return f"{row.change.ratio:+8.1%} {star} [{row.change.low:+.1%} .. {row.change.high:+.1%}]"

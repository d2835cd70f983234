"""Results as a Markdown table, and how they stand to the numbers that were to be reached."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.cases import CASES, Case
from benchmarks.results import Results
from benchmarks.stats import summary


def markdown(results: Results) -> str:
    """The whole report."""
    parts = [*_head(results), *_targets(results)]
    for case in CASES:
        if any(key[0] == case.name for key in (*results.values, *results.failed)):
            parts += ["", f"### {case.title}", "", *_table(results, case)]
    return "\n".join([*parts, "", *_reasons(results)]) + "\n"


def _head(results: Results) -> Iterator[str]:
    machine = results.heads[0]["machine"]
    yield (
        f"On {machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, "
        f"Linux {machine['kernel']}, Python {machine['python']}, node {machine['node']}."
    )
    yield "Median of the rounds, and in brackets the smallest and the largest."
    versions = ", ".join(f"{results.label(peer)} {version}" for peer, version in results.versions.items())
    yield f"Versions: {versions}."
    yield ""
    for head in results.heads:
        yield f"- {head['date'][:10]}, commit {head['commit']}: `{head['command']}`"


def _table(results: Results, case: Case) -> Iterator[str]:
    shown = [
        metric for metric in case.metrics if any(key[::2] == (case.name, metric[0]) for key in results.values)
    ]
    yield f"| | {' | '.join(label for _, label, _ in shown)} |"
    yield f"|---|{'---:|' * len(shown)}"
    for peer in results.labels:
        if (case.name, peer) in results.failed:
            why = results.failed[case.name, peer][:120]
            yield f"| {results.label(peer)} | FAILED: {why} |{' |' * (len(shown) - 1)}"
            continue
        cells = [_cell(results, (case.name, peer, name), scale) for name, _, scale in shown]
        if any(cells):
            yield f"| {results.label(peer)} | {' | '.join(cells)} |"


def _cell(results: Results, key: tuple[str, str, str], scale: float) -> str:
    values = results.values.get(key)
    if any(key[2].startswith(part) for part in results.partly.get(key[:2], {})):
        return "FAILED"
    if not values:
        return ""
    found = summary([value * scale for value in values])
    if found.rounds == 1:
        return number(found.median)
    return f"{number(found.median)} ({number(found.low)}–{number(found.high)})"


def number(value: float) -> str:
    """Three digits that matter, and never an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) < 0.1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _reasons(results: Results) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for (case, peer), why in results.unavailable.items():
        reasons.setdefault((peer, why), []).append(case)
    for (case, peer), parts in results.partly.items():
        for part, why in parts.items():
            yield f"- FAILED: {results.label(peer)} in {case}, {part.strip('_')}: {why}"
    if reasons:
        yield ""
        yield "Not measured:"
        yield ""
    for (peer, why), cases in reasons.items():
        yield f"- {results.label(peer)}: {why} ({', '.join(cases)})"


# The numbers to reach.


class Target(NamedTuple):
    """`ours` of `peer` in this case may be at most `limit` times that of `other`, or `limit` without one.

    `against` is the case of the other number, if it is another; `at_least` turns the comparison round.
    """

    text: str
    case: str
    metric: str
    other: str | None
    limit: float
    peer: str = "syncchat"
    against: str | None = None
    at_least: bool = False


OURS = "syncchat"

TARGETS = (
    Target(
        "CPU per token, burst, 200 readers",
        "fanout-200-burst",
        "cpu_us_per_token",
        "hocuspocus-sqlite",
        1 / 2,
    ),
    Target("CPU per token, burst, 200 readers", "fanout-200-burst", "cpu_us_per_token", "pycrdt", 1 / 20),
    Target("CPU per token, 50/s, 200 readers", "fanout-200-paced", "cpu_us_per_token", "y-websocket", 1),
    Target("CPU per token, 50/s, 10 readers", "fanout-10-paced", "cpu_us_per_token", "hocuspocus-sqlite", 1),
    Target("CPU per token, burst, 10 readers", "fanout-10-burst", "cpu_us_per_token", "hocuspocus-sqlite", 1),
    Target("p99, 50/s, 200 readers", "fanout-200-paced", "p99_ms", "y-websocket", 1.2),
    Target("CPU per update, 200 rooms", "rooms-200", "cpu_us_per_update", "hocuspocus", 1),
    Target("bytes per idle connection", "idle-1000", "bytes_per_connection", None, 25_000),
    Target("join of 100k: bytes", "join-100000", "warm_bytes_each", "best", 1 / 100),
    Target("join of 100k: first after a restart", "join-100000", "cold_join_s", "best", 1 / 20),
    Target("join of 100k: herd", "herd-100000", "herd_join_s", "best", 1 / 20),
    Target("disk, 10k messages", "disk-messages", "compact_disk_bytes", "hocuspocus-sqlite", 1),
    Target("disk, 2,000 tokens, in texts", "disk-tokens", "compact_per_text", None, 2),
    Target("µs to decode and judge a token append", "guard", "guard_us", None, 15),
    Target("kill -9 at once, kept of 20 (at least)", "kill", "kept", None, 20, at_least=True),
    *(
        Target(f"join of {size}, over 1k: {what}", f"join-{number}", metric, OURS, 1.5, against="join-1000")
        for what, metric in (("bytes", "warm_bytes_each"), ("CPU of the client", "warm_apply_cpu_ms"))
        for size, number in (("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000))
    ),
    Target("join of 100k: bytes", "join-100000", "warm_bytes_each", "y-websocket", 1 / 100),
    Target("join of 100k: bytes", "join-100000", "warm_bytes_each", "hocuspocus-sqlite", 1 / 100),
    Target("one reader in a room of 100k: bytes over idle", "join-100000", "cold_grown_bytes", None, 5e6),
    Target("scrolling back a page, a round trip of 20 ms: p99 ms", "scroll-20", "p99_ms", None, 50),
    Target("search over 100k, library: p99 ms", "search", "search_p99_ms", None, 50),
    Target("search over 100k, HTTP: p99 ms", "search", "http_p99_ms", None, 50),
    Target("a post is found by a search: p99 ms", "search", "lag_p99_ms", None, 1000),
    Target("import, messages/s (at least)", "porting", "import_per_s", None, 5000, at_least=True),
    Target("an append beside a compaction: ms at most", "compaction", "long_wait_ms", None, 50),
    Target("log over its texts and 60 B a message", "porting", "log_per_text", None, 1),
)


def _targets(results: Results) -> Iterator[str]:
    yield from (
        "",
        "### The numbers to reach",
        "",
        "| | ours | against | ratio | to reach | |",
        "|---|---:|---:|---:|---:|---|",
    )
    for target in TARGETS:
        ours = _median(results, target.case, target.metric, target.peer)
        if ours is None:
            continue
        other = 1.0 if target.other is None else _other(results, target)
        if other is None:
            continue
        ratio = ours / other
        met = ratio >= target.limit if target.at_least else ratio <= target.limit
        shown = "" if target.other is None else f"{ratio:,.3g}"
        against = "" if target.other is None else f"{number(other)} ({target.other})"
        yield (
            f"| {target.text} | {number(ours)} | {against} | {shown} | {number(target.limit)} "
            f"| {'yes' if met else 'NO'} |"
        )


def _median(results: Results, case: str, metric: str, peer: str) -> float | None:
    values = results.values.get((case, peer, metric))
    if not values or (case, peer) in results.failed:
        return None
    return summary(values).median


def _other(results: Results, target: Target) -> float | None:
    case = target.against or target.case
    if target.other != "best":
        return _median(results, case, target.metric, str(target.other))
    others = [peer for peer in results.labels if not peer.startswith(OURS)]
    found = [_median(results, case, target.metric, peer) for peer in others]
    return min((value for value in found if value is not None), default=None)

"""The few numbers that the README shows, taken from the results and written between two marks."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import number
from benchmarks.results import Results
from benchmarks.stats import summary

BEGIN = "<!-- benchmarks: begin (written by `python -m benchmarks report --readme`) -->"
END = "<!-- benchmarks: end -->"

SHOWN = ("syncchat", "hocuspocus-sqlite", "y-websocket", "y-websocket-level", "pycrdt")
ROWS = (
    ("µs of CPU for a token to reach one of 200 readers, burst", "fanout-200-burst", "cpu_us_per_token", 1.0),
    ("the same at 50 tokens/s", "fanout-200-paced", "cpu_us_per_token", 1.0),
    ("p99 of it, ms", "fanout-200-paced", "p99_ms", 1.0),
    ("µs of CPU for an update in one of 200 rooms, 1,000/s", "rooms-200", "cpu_us_per_update", 1.0),
    ("an idle connection in a room of its own, kB", "idle-1000", "bytes_per_connection", 1e-3),
    ("a reader that does not read 50 MB: the server grows by MB", "slow", "grown_bytes", 1e-6),
    ("10,000 messages on disk, kB", "disk-messages", "compact_disk_bytes", 1e-3),
    ("joining 100,000 messages: kB on the wire", "join-100000", "warm_bytes_each", 1e-3),
    ("first join of them after a restart, s", "join-100000", "cold_join_s", 1.0),
    ("kill -9 the instant it is seen: kept of 20", "kill", "kept", 1.0),
)


def excerpt(results: Results) -> str:
    """The README's table, with its date and the commands that made it."""
    return "\n".join([BEGIN, *_lines(results), END])


def put_into(readme: Path, results: Results) -> None:
    """Replace what stands between the marks. Raises ValueError where there are none."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no lines {BEGIN!r} and {END!r}")
    readme.write_text(before + excerpt(results) + after, encoding="utf-8")


def _lines(results: Results) -> Iterator[str]:
    machine = results.heads[0]["machine"]
    yield f"Medians, on {machine['cores']} cores of {machine['cpu']}:"
    yield ""
    yield f"| | {' | '.join(results.label(peer) for peer in SHOWN)} |"
    yield f"|---|{'---:|' * len(SHOWN)}"
    for text, case, metric, scale in ROWS:
        yield f"| {text} | {' | '.join(_cell(results, case, peer, metric, scale) for peer in SHOWN)} |"
    yield ""
    for number_of in sorted({results.head_of[key] for key in results.head_of if _is_shown(*key)}):
        head = results.heads[number_of]
        yield f"- {head['date'][:10]}, commit {head['commit']}: `{head['command']}`"


def _is_shown(case: str, peer: str) -> bool:
    return peer in SHOWN and any(case == row[1] for row in ROWS)


def _cell(results: Results, case: str, peer: str, metric: str, scale: float) -> str:
    if (case, peer) in results.failed:
        return "failed"
    values = results.values.get((case, peer, metric))
    return number(summary(values).median * scale) if values else "–"

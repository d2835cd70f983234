"""Results as plots: latency over load, join over history, memory over rooms; SVG files that diff well."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.results import Results
from benchmarks.stats import Summary, summary

Series = dict[str, list[tuple[float, Summary]]]

mpl.rcParams["svg.hashsalt"] = "syncchat"  # else each run gives all elements other names
mpl.rcParams["svg.fonttype"] = "none"

OURS = "syncchat"
HISTORIES = [(f"join-{n}", n) for n in (1000, 10_000, 100_000, 1_000_000)]


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw each plot there are numbers for; return the files."""
    made = [
        _plot(
            _series(results, [(f"fanout-{n}-paced", n) for n in (10, 50, 200, 1000)], "p99_ms", 1),
            (
                "Latency over load: 50 tokens a second to so many readers",
                "readers",
                "p99 latency, ms",
            ),
            folder / "latency.svg",
        ),
        _plots(
            [
                (_series(results, HISTORIES, "warm_bytes_each", 1e-3), "on the wire, kB"),
                (_series(results, HISTORIES, "warm_join_s", 1e3), "until what is joined is there, ms"),
            ],
            ("Joining a room", "messages in the room"),
            folder / "join.svg",
        ),
        _plot(
            _series(results, [(f"idle-{n}", n) for n in (100, 300, 1000)], "memory_bytes", 1e-6),
            ("Memory with idle connections, each in a room of its own", "rooms", "memory, MB"),
            folder / "memory.svg",
        ),
        _plot(
            _series(results, [(f"fanout-{n}-burst", n) for n in (10, 50, 200, 1000)], "cpu_us_per_token", 1),
            ("Server CPU for a token to reach one reader, in a burst", "readers", "CPU, µs"),
            folder / "cpu.svg",
        ),
    ]
    return [path for path in made if path is not None]


def _series(results: Results, cases: list[tuple[str, int]], metric: str, scale: float) -> Series:
    series: Series = {}
    for peer in results.labels:
        points = [
            (float(x), summary([value * scale for value in results.values[case, peer, metric]]))
            for case, x in cases
            if results.values.get((case, peer, metric)) and (case, peer) not in results.failed
        ]
        if points:
            series[results.label(peer)] = points
    return series


def _plot(series: Series, titles: tuple[str, str, str], path: Path) -> Path | None:
    title, x_label, y_label = titles
    return _plots([(series, y_label)], (title, x_label), path)


def _plots(columns: list[tuple[Series, str]], titles: tuple[str, str], path: Path) -> Path | None:
    """Draw one plot beside the other, over the same load; None if there is nothing to compare."""
    if max((len(points) for series, _ in columns for points in series.values()), default=0) < 2:
        return None
    title, x_label = titles
    figure = Figure(figsize=(3 + 5 * len(columns), 4.5), layout="constrained")
    figure.suptitle(title)
    for number, (series, y_label) in enumerate(columns):
        axes = figure.add_subplot(1, len(columns), number + 1)
        _draw_lines(axes, series)
        axes.set(xlabel=x_label, ylabel=y_label, xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.10g}")
            axis.set_minor_formatter(NullFormatter())
        axes.grid(visible=True, which="major", alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(path, metadata={"Date": None})
    return path


def _draw_lines(axes: Axes, series: Series) -> None:
    for label, points in series.items():
        middle = [point.median for _, point in points]
        spread = [
            [point.median - point.low for _, point in points],
            [point.high - point.median for _, point in points],
        ]
        thick = 3.0 if label == OURS else 1.2
        axes.errorbar(
            [x for x, _ in points], middle, spread, label=label, marker="o", linewidth=thick, capsize=3
        )

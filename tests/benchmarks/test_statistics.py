"""Medians, noise, comparisons and tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, excerpt, report
from benchmarks.results import Results, read
from benchmarks.stats import change, summary

ROOT = Path(__file__).parents[2]
NOISY = [10.0, 11.0, 10.5, 9.5, 10.2]


def test_a_summary_is_the_median_and_the_spread() -> None:
    assert summary([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0, 3)


def test_a_change_within_the_noise_is_none() -> None:
    same = change(NOISY, [10.1, 10.9, 9.9, 10.4, 10.6])
    assert same is not None
    assert not same.beyond_noise


def test_a_change_beyond_the_noise_is_one() -> None:
    slower = change(NOISY, [value * 1.5 for value in NOISY])
    assert slower is not None
    assert slower.beyond_noise
    assert slower.ratio == pytest.approx(0.5)
    assert slower.low < 0.5 < slower.high


def test_two_rounds_tell_no_change() -> None:
    told = change([1.0, 1.0], [9.0, 9.0])
    assert told is not None
    assert not told.beyond_noise


def test_there_is_no_ratio_to_nothing() -> None:
    assert change([0.0], [1.0]) is None


def written(path: Path, peers: dict[str, list[dict[str, Any]]], case: str = "fanout-200-burst") -> Results:
    """A file of results, read back: for each peer its results in `case`."""
    machine = {"cpu": "x", "cores": 2, "memory_gb": 8, "kernel": "6", "python": "3.11", "node": "v20"}
    told = {peer: {"label": peer.upper(), "version": "1"} for peer in peers}
    head = {
        "kind": "head",
        "date": "2026-11-20T00:00:00",
        "command": "run",
        "commit": "c",
        "machine": machine,
    }
    lines: list[dict[str, Any]] = [{**head, "peers": told}]
    for peer, results in peers.items():
        lines += [
            {"kind": "result", "case": case, "peer": peer, "round": number, "result": result}
            for number, result in enumerate(results)
        ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return read(path)


def cpu(*values: float) -> list[dict[str, Any]]:
    return [{"cpu_us_per_token": value} for value in values]


def test_a_later_file_replaces_what_it_has_and_nothing_else(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    written(one, {"syncchat": cpu(*NOISY), "pycrdt": [{"failed": "lost"}], "hocuspocus": cpu(7.0)})
    written(two, {"syncchat": cpu(1.0, 2.0), "pycrdt": cpu(9.0)})
    both = read(one, two)
    values = {key[1]: found for key, found in both.values.items()}
    assert values == {"syncchat": [1.0, 2.0], "pycrdt": [9.0], "hocuspocus": [7.0]}
    assert both.failed == {}


def test_compare_stars_what_is_beyond_noise(tmp_path: Path) -> None:
    old = written(tmp_path / "a", {"syncchat": cpu(*NOISY), "hocuspocus": cpu(*NOISY)})
    new = written(
        tmp_path / "b", {"syncchat": cpu(*(value / 2 for value in NOISY)), "hocuspocus": cpu(*NOISY)}
    )
    ours, theirs = compare.lines(old, new)
    assert "-50.0% *" in ours
    assert "*" not in theirs


def test_compare_names_what_fails_now(tmp_path: Path) -> None:
    old = written(tmp_path / "a", {"syncchat": cpu(*NOISY)})
    new = written(tmp_path / "b", {"syncchat": [{"failed": "a message was lost"}]})
    assert [line.split(maxsplit=2)[2] for line in compare.lines(old, new)] == [
        "now fails: a message was lost"
    ]


def test_a_result_that_lost_a_message_is_shown_as_failed_and_not_as_fast(tmp_path: Path) -> None:
    results = written(
        tmp_path / "a", {"syncchat": cpu(2.0), "y-websocket": [*cpu(0.1), {"failed": "lost one"}]}
    )
    table = report.markdown(results)
    assert "| Y-WEBSOCKET | FAILED: lost one |" in table
    assert "0.10" not in table


def test_a_part_that_failed_shows_no_number_either(tmp_path: Path) -> None:
    told: dict[str, Any] = {"warm_join_s": 1.5, "herd_failed": "closed", "herd_server_cpu_s": 7.25}
    table = report.markdown(written(tmp_path / "a", {"pycrdt": [told]}, "join-1000"))
    assert "1.50" in table
    assert "7.25" not in table
    assert "- FAILED: PYCRDT in join-1000, herd: closed" in table


def test_a_number_to_reach_is_missed_or_met_by_its_ratio(tmp_path: Path) -> None:
    missed = written(tmp_path / "a", {"syncchat": cpu(2.0), "hocuspocus-sqlite": cpu(2.0)})
    met = written(tmp_path / "b", {"syncchat": cpu(1.0), "hocuspocus-sqlite": cpu(2.0)})
    assert "| 2.00 | 2.00 (hocuspocus-sqlite) | 1 | 0.50 | NO |" in report.markdown(missed)
    assert "| 1.00 | 2.00 (hocuspocus-sqlite) | 0.5 | 0.50 | yes |" in report.markdown(met)


def test_a_peer_that_cannot_be_had_is_named_with_the_reason(tmp_path: Path) -> None:
    results = written(
        tmp_path / "a", {"syncchat": cpu(1.0), "tinybase": [{"unavailable": "there is no npm here"}]}
    )
    assert "- TINYBASE: there is no npm here (fanout-200-burst)" in report.markdown(results)


def test_the_readme_shows_the_numbers_and_keeps_the_words_around_them(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{excerpt.BEGIN}\nold\n{excerpt.END}\nafter\n")
    results = written(tmp_path / "a", {"syncchat": cpu(0.25), "pycrdt": [*cpu(50.0), {"failed": "lost one"}]})
    excerpt.put_into(readme, results)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "burst | 0.25 | – | – | – | failed |" in text


def test_a_readme_without_the_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("words\n")
    with pytest.raises(ValueError, match="no lines"):
        excerpt.put_into(readme, written(tmp_path / "a", {"syncchat": cpu(0.25)}))
    assert readme.read_text() == "words\n"


def test_the_readme_of_this_project_shows_the_results_that_lie_in_it() -> None:
    kept = sorted(path for path in (ROOT / "benchmarks" / "results").glob("20*.jsonl"))
    assert excerpt.excerpt(read(*kept)) in (ROOT / "README.md").read_text(encoding="utf-8")

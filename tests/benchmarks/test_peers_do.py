"""The table of what servers do when somebody misbehaves: probes that find it, and words that say it."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import PEERS
from benchmarks.peers_do.rows import ROWS, Row
from benchmarks.peers_do.table import markdown
from benchmarks.runner import plan, run

ROW = {row.case.name: row for row in ROWS}
OURS = next(peer for peer in PEERS if peer.name == "syncchat")
Y = next(peer for peer in PEERS if peer.name == "syncchat-y")

BEST = {
    "forge": "refused, and its sender told",
    "swallow": "refused, and its sender told; 10 of 10 there",
    "impersonate": "without effect",
}


def test_our_daemon_gives_the_best_answer_there_is(tmp_path: Path) -> None:
    results = tmp_path / "peers-do.jsonl"
    run(list(plan([ROW[name].case for name in BEST], [OURS], 1)), results, lambda _step: None)
    lines = markdown(results, results.name).splitlines()
    assert [line for line in lines if line.startswith("| ")][1:] == [
        f"| {ROW[name].case.title} | {answer} |" for name, answer in BEST.items()
    ]


def test_a_dialect_without_refusals_is_said_to_tell_nobody(tmp_path: Path) -> None:
    results = tmp_path / "peers-do.jsonl"
    run(list(plan([ROW["erase"].case], [Y], 1)), results, lambda _step: None)
    assert "without effect, its sender not told" in markdown(results, results.name)


@pytest.mark.parametrize(
    ("row", "result", "said"),
    [
        (
            ROW["forge"],
            {"rewritten": True, "in_her_name": True, "refused": 0},
            "shown to everybody: her message rewritten, a new one in her name",
        ),
        (ROW["erase"], {"kept": False, "refused": 0}, "gone for everybody"),
        (
            ROW["swallow"],
            {"kept": 0, "of": 10, "acknowledged": 10, "refused": 0},
            "0 of 10 there, 10 acknowledged",
        ),
        (
            ROW["garbage"],
            {"sent": 3, "refused": 0, "passed_on": 1, "ada_is_heard": False, "joiner_is_right": True},
            "0 of 3 refused, 1 passed on to everybody, then honest people are cut off",
        ),
        (ROW["impersonate"], {"forged": True, "removed": True}, "forged and removed"),
        (
            ROW["boast"],
            {"passed_on_bytes": 1_000_027, "link_ended": False},
            "passed on to everybody, 1.0 MB each",
        ),
        (ROW["kill"], {"kept": 0, "tries": 20}, "0 of 20 kept"),
        (ROW["slow"], {"grown_bytes": 105_304_064}, "+105.3 MB"),
        (ROW["huge"], {"grown_bytes": 334_495_744, "link_ended": False}, "accepted, +334.5 MB"),
        (
            ROW["flood"],
            {"taken_bytes": 50_026_614, "grown_bytes": 146_914_304, "link_ended": False},
            "50 MB taken, +146.9 MB",
        ),
    ],
)
def test_what_went_wrong_is_said_in_words(row: Row, result: dict[str, Any], said: str) -> None:
    assert row.tell(result) == said

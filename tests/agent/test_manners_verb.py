"""`syncchat manners`: what it prints, and what it says of what it cannot read."""

import json
import subprocess
import sys
from pathlib import Path

CASE = """\
{"id": "x-1", "slice": "banter", "label": "QUIET", "deadline": 30, "mode": "ambient", "events": [
{"id": "m1", "author": "ana", "reply_to": null, "time": 0, "text": "is it friday yet"}]}
""".replace("\n", " ")


def manners(*args: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "syncchat", "manners", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_prints_each_slice_and_the_total(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(CASE)
    done = manners(file)
    assert (done.returncode, done.stderr) == (0, "")
    head, banter, total = done.stdout.splitlines()
    assert head.split()[:3] == ["slice", "cases", "false"]
    assert banter.split()[:5] == ["banter", "1", "0", "of", "1"]
    assert total.startswith("total")


def test_it_prints_json_with_counts_and_rates(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(CASE)
    told = json.loads(manners(file, "--json").stdout)
    assert set(told) == {"slices", "total"}
    assert (told["total"]["quiet"], told["total"]["false_interjections"]) == (1, 0)


def test_it_says_where_a_file_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(CASE + "\n" + CASE.replace("banter", "banther"))
    done = manners(file)
    assert done.returncode == 2
    assert done.stderr.startswith(f"syncchat: {file}:2: slice is one of mention, ")


def test_it_says_where_there_are_no_conversations_and_what_does_not_go_together(tmp_path: Path) -> None:
    done = manners("--labelled", tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        f"syncchat: {tmp_path}: no annotated conversations are there (files NAME.raw.txt)\n",
    )
    both = manners(tmp_path / "x", "--labelled", tmp_path)
    assert "score either FILEs with cases or a folder with --labelled" in both.stderr


def test_it_prints_the_turn_policy_beside_the_baselines(tmp_path: Path) -> None:
    (tmp_path / "a.raw.txt").write_text("[10:00] <ana> what is 2+2?\n[10:01] <bob> ana: 4\n")
    (tmp_path / "a.annotation.txt").write_text("0 0 -\n0 1 -\n")
    done = manners("--labelled", tmp_path)
    title, _head, *rows = done.stdout.splitlines()
    assert title == "open: a"
    assert [row[:15].strip() for row in rows] == ["turn policy", "always", "vocative only", "name anywhere"]

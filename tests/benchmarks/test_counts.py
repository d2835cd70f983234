"""What is the same on every machine is what benchmarks/expected.json says: the short form for CI."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import counts

ROOT = Path(__file__).parents[2]


def test_a_count_that_differs_is_named_with_both_numbers() -> None:
    assert counts.differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == [
        "b: 2, expected 3",
        "c: gone, expected 4",
    ]


def test_memory_blocks_are_compared_with_those_of_the_same_python_only() -> None:
    assert counts.differences({"a": 1}, {"a": 1, "blocks_py399": 7}) == []
    assert counts.differences({"a": 1, f"blocks_{counts.PYTHON}": 2}, {"a": 1, f"blocks_{counts.PYTHON}": 3})


def test_counts_are_those_that_are_committed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "counts"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert counts.differences(json.loads(done.stdout), counts.expected()) == []

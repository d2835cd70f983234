"""Files of results, read back."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Results:
    """One or several files: `values` by (case, peer, metric), the rest by (case, peer).

    `failed` is why a result failed, `partly` why the numbers failed whose names begin so, `unavailable` why
    there is none; `head_of` is the run it is from, by its place in `heads`.
    """

    heads: list[dict[str, Any]] = field(default_factory=list)
    values: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    partly: dict[tuple[str, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    unavailable: dict[tuple[str, str], str] = field(default_factory=dict)
    head_of: dict[tuple[str, str], int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def label(self, peer: str) -> str:
        """A peer's name as it is shown."""
        return self.labels.get(peer, peer)


def read(*paths: Path) -> Results:
    """Read files of results; what a later one has of a case and peer replaces what the earlier ones have.

    Raises OSError, ValueError for what is none.
    """
    results = Results()
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            _take(results, json.loads(line))
    return results


def _take(results: Results, line: dict[str, Any]) -> None:
    if line["kind"] == "head":
        results.heads.append(line)
        for name, peer in line["peers"].items():
            results.labels[name] = peer["label"]
            results.versions[name] = peer["version"]
        return
    key = (line["case"], line["peer"])
    head = len(results.heads) - 1
    if results.head_of.get(key, head) != head:
        _forget(results, key)
    results.head_of[key] = head
    for name, value in line["result"].items():
        if name == "unavailable":
            results.unavailable[key] = value
        elif name == "failed":
            results.failed[key] = value
        elif name.endswith("_failed"):
            results.partly[key][name.removesuffix("failed")] = value
        elif isinstance(value, int | float):
            results.values[*key, name].append(float(value))


def _forget(results: Results, key: tuple[str, str]) -> None:
    for name in [name for name in results.values if name[:2] == key]:
        del results.values[name]
    for reasons in (results.failed, results.partly, results.unavailable):
        reasons.pop(key, None)

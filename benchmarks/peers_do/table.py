"""The table, written from a file of results."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers_do.rows import ROWS, Row

INTRODUCTION = """\
# What the peers do

Ours beside others when somebody forges, erases, floods, stops reading, or pulls the plug. Written by
`python -m benchmarks peers-do` from one run ({date}, commit {commit}); the numbers behind it are in
[{file}]({file}).

Each server runs as its documentation has it, with its store; ours is `syncchat serve` without
authentication. All are spoken to in their own dialects, with updates made by hand. Memory is how far the
process's PSS went up at its peak. Who may come in at all is left out: y-websocket has no tokens, and
Hocuspocus asks for one only if its user writes that hook.
"""


def markdown(path: Path, file: str) -> str:
    """The whole page; `file` is what it calls the results. Raises OSError, ValueError."""
    head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    found = {(line["case"], line["peer"]): line["result"] for line in lines}
    said = INTRODUCTION.format(date=head["date"][:10], commit=head["commit"], file=file)
    return "\n".join([said, *_table(head["peers"], found)]) + "\n"


def _table(peers: dict[str, Any], found: dict[tuple[str, str], Any]) -> Iterator[str]:
    labels = [f"{peer['label']} {peer['version']}" for peer in peers.values()]
    yield f"| | {' | '.join(labels)} |"
    yield f"|---|{'---|' * len(labels)}"
    for row in ROWS:
        cells = [_cell(row, found.get((row.case.name, peer), {})) for peer in peers]
        if any(cells):
            yield f"| {row.case.title} | {' | '.join(cells)} |"


def _cell(row: Row, result: dict[str, Any]) -> str:
    for name in ("failed", "unavailable"):
        if name in result:
            return f"{name}: {str(result[name])[:100]}"
    return row.tell(result) if result else ""

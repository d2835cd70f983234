"""Runs cases against peers, interleaved, and writes each result as a line of JSON the moment it is there."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases import Case
from benchmarks.load.client import Failed
from benchmarks.load.meter import Result
from benchmarks.machine import describe
from benchmarks.peers import DidNotStart, Peer
from benchmarks.runs import NotMeasured


class Step(NamedTuple):
    """One case, against one peer, in one round."""

    case: Case
    peer: Peer
    round: int


def plan(cases: Sequence[Case], peers: Sequence[Peer], rounds: int) -> Iterator[Step]:
    """Case by case, and in each round of it peer after peer: a noisy minute of the machine hits all alike."""
    for case in cases:
        for number in range(rounds if case.rounds is None else min(rounds, case.rounds)):
            # Each round begins with another peer, so that none is always the one after the heaviest.
            turn = number % len(peers)
            for peer in (*peers[turn:], *peers[:turn]):
                if case.only in (None, peer.name):
                    yield Step(case, peer, number)


def measure(step: Step) -> Result:
    """One result: its numbers, or why it failed, or why there is none."""
    reason = step.peer.missing()
    if reason is not None:
        return {"unavailable": reason}
    try:
        return step.case.run(step.peer)
    except NotMeasured as why:
        return {"unavailable": str(why)}
    except (Failed, DidNotStart, OSError, TimeoutError, subprocess.TimeoutExpired) as error:
        return {"failed": str(error) or type(error).__name__}


def run(steps: Sequence[Step], out: Path, before_each: Callable[[Step], None]) -> None:
    """Take all steps, and write their results to a file.

    Who has failed a case, or cannot be measured with it, is not asked again: once is enough to be told so.
    """
    peers = list(dict.fromkeys(step.peer for step in steps))
    settled: set[tuple[str, str]] = set()
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8") as file:
        print(json.dumps(describe(peers)), file=file, flush=True)
        for step in steps:
            before_each(step)
            key = step.case.name, step.peer.name
            if key in settled:
                continue
            result = measure(step)
            if "failed" in result or "unavailable" in result:
                settled.add(key)
            line = {"kind": "result", "case": step.case.name, "peer": step.peer.name, "round": step.round}
            print(json.dumps(line | {"result": result}), file=file, flush=True)

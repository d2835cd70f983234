"""The order of measurements, and what is not measured twice."""

import json
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.load.client import Failed
from benchmarks.load.meter import Result
from benchmarks.peers import PEERS, Peer
from benchmarks.runner import plan, run
from benchmarks.runs import NotMeasured

OURS, OTHER = PEERS[0], PEERS[1]


def _case(name: str, rounds: int | None = None, only: str | None = None) -> Case:
    def measured(peer: Peer) -> Result:
        if name == "failing" and peer is OTHER:
            raise Failed("a message was lost")
        if name == "unfit" and peer is OTHER:
            raise NotMeasured("it has no store")
        return {"number": 1.0}

    return Case(name, name, measured, (), rounds=rounds, only=only)


def test_in_each_round_of_a_case_all_peers_have_their_turn_and_another_one_begins() -> None:
    order = [
        (step.case.name, step.round, step.peer)
        for step in plan([_case("one"), _case("two", 1)], PEERS[:2], 2)
    ]
    assert order == [
        ("one", 0, OURS),
        ("one", 0, OTHER),
        ("one", 1, OTHER),
        ("one", 1, OURS),
        ("two", 0, OURS),
        ("two", 0, OTHER),
    ]


def test_a_case_for_one_peer_is_run_with_it_alone() -> None:
    assert [step.peer for step in plan([_case("one", only=OTHER.name)], PEERS[:2], 1)] == [OTHER]


def test_who_fails_a_case_is_told_so_once_and_the_others_go_on(tmp_path: Path) -> None:
    steps = list(plan([_case("failing"), _case("unfit")], PEERS[:2], 3))
    begun: list[str] = []
    run(steps, tmp_path / "results.jsonl", lambda step: begun.append(step.case.name))
    _head, *lines = map(json.loads, (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines())
    told = [(line["case"], line["peer"], line["result"]) for line in lines]
    assert [one for one in told if one[:2] == ("failing", OTHER.name)] == [
        ("failing", OTHER.name, {"failed": "a message was lost"})
    ]
    assert [one for one in told if one[:2] == ("unfit", OTHER.name)] == [
        ("unfit", OTHER.name, {"unavailable": "it has no store"})
    ]
    assert len([one for one in told if one[1] == OURS.name]) == 2 * 3
    assert len(begun) == len(steps)

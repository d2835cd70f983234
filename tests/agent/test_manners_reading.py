"""The manners set: what its cases are, and what is said of a file that holds something else."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from syncchat.testing.manners import SLICES, BadCase, own_cases, read_cases

SAID = {"id": "m1", "author": "ana", "reply_to": None, "time": 3, "text": "@pixel hello?"}
CASE: dict[str, Any] = {
    "id": "x-1",
    "slice": "mention",
    "label": "SPEAK",
    "deadline": 30,
    "mode": "addressed",
    "events": [SAID],
}


def file(folder: Path, *rows: object) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def test_a_case_is_about_its_last_message_unless_it_says_otherwise(tmp_path: Path) -> None:
    more = [SAID, SAID | {"id": "m2", "time": 5, "author": "pixel", "agent": True, "reply_to": "m1"}]
    (case,) = read_cases(file(tmp_path, "", CASE | {"events": more}))
    assert case.about == ("m1",)
    assert (case.begin, case.end) == (3, 33)
    assert case.addressed


def test_the_deadline_begins_when_the_agent_is_back(tmp_path: Path) -> None:
    away = [{"kind": "away", "time": 0}, SAID, {"kind": "back", "time": 500}]
    (case,) = read_cases(file(tmp_path, CASE | {"events": away}))
    assert case.end == 530


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("{", "no JSON"),
        ("[]", "a case is a JSON object"),
        ({k: v for k, v in CASE.items() if k != "slice"}, "slice is missing"),
        (CASE | {"slices": 1}, "nothing here is called 'slices'"),
        (CASE | {"slice": "menton"}, "slice is one of mention, "),
        (CASE | {"label": "LOUD"}, "label is one of SPEAK, QUIET, EITHER; not 'LOUD'"),
        (CASE | {"deadline": -1}, "deadline is a number of seconds"),
        (CASE | {"deadline": True}, "deadline is a number of seconds"),
        (CASE | {"events": []}, "events: a list of at least one event"),
        (CASE | {"events": [SAID | {"author": "a b"}]}, "author 'a b' is not allowed"),
        (CASE | {"events": [SAID | {"kind": "shout"}]}, "kind is one of message, edit"),
        (CASE | {"events": [SAID, SAID]}, "two messages have the id 'm1'"),
        (CASE | {"events": [SAID, SAID | {"id": "m2", "time": 1}]}, "an event at 1 s comes after one at 3 s"),
        (CASE | {"events": [SAID | {"reply_to": "m7"}]}, "is about 'm7', which nobody has written"),
        (CASE | {"about": ["m9"]}, "it is about 'm9', which nobody has written"),
        (
            CASE | {"events": [SAID, {"kind": "typing", "author": "bob", "time": 99, "seconds": 5}]},
            "an event at 99 s comes after its end at 33 s",
        ),
        (CASE | {"events": [SAID | {"author": "pixel"}]}, "nobody writes anything"),
    ],
)
def test_what_is_no_case_is_told_with_file_and_line(tmp_path: Path, row: object, wrong: str) -> None:
    path = file(tmp_path, CASE, row)
    with pytest.raises(BadCase) as refused:
        read_cases(path)
    assert str(refused.value).startswith(f"{path}:2: ")
    assert wrong in str(refused.value)


def test_an_id_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(BadCase, match=r":2: the id 'x-1' is there a second time"):
        read_cases(file(tmp_path, CASE, CASE))


def test_the_set_has_every_slice_and_is_two_thirds_quiet() -> None:
    cases = own_cases()
    assert len(cases) >= 300
    assert sum(case.label == "QUIET" for case in cases) >= len(cases) * 2 / 3
    slices = Counter(case.slice for case in cases)
    assert set(slices) == set(SLICES)
    assert min(slices.values()) >= 15


def test_no_two_cases_tell_the_same() -> None:
    cases = own_cases()
    assert len({case.id for case in cases}) == len(cases)
    told = {(case.mode, case.deadline, *((e.kind, e.text, e.time) for e in case.events)) for case in cases}
    assert len(told) == len(cases)

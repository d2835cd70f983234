"""What an answer says beside its text comes through an export and back (H9)."""

import json
from typing import Any

import pytest

from syncchat.core.ids import format_id
from syncchat.core.message import Body
from syncchat.porting.authors import Authors
from syncchat.porting.jsonl import JsonLinesWriter, read_jsonl
from syncchat.porting.record import Record
from tests.porting.samples import NOW

FIRST, SECOND, ASKED = format_id(NOW + 1, "bot", 1), format_id(NOW + 2, "bot", 2), format_id(NOW, "ann", 0)
CALL: dict[str, Any] = {"name": "search", "args": {"text": "tea"}, "state": "denied", "by": "ann"}
ANSWER = Body(
    "Hi [m1]",
    re=ASKED,
    agent=True,
    state="stopped",
    of=FIRST,
    stopped_by="ann",
    cites=(("m1", ASKED),),
    calls=(CALL,),
    problem="cut off",
)


def read(line: str) -> Record:
    [record] = read_jsonl([line.encode()], Authors())
    assert isinstance(record, Record)
    return record


def test_H9_versions_citations_and_calls_come_back_as_they_were() -> None:
    line = JsonLinesWriter().record(Record(SECOND, ANSWER))
    assert read(line).body == ANSWER
    assert json.loads(line)["cites"] == [{"label": "m1", "id": ASKED}]


def test_H9_nothing_is_still_to_come_of_what_was_imported() -> None:
    body = ANSWER._replace(calls=(CALL | {"state": "proposed"},))
    [call] = read(JsonLinesWriter().record(Record(SECOND, body, streaming=True))).body.calls
    assert call["state"] == "failed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"of": "x"},
        {"cites": "m1"},
        {"cites": [1]},
        {"cites": [{"label": "m1"}]},
        {"calls": {"name": "x"}},
        {"calls": [{"name": "x"}]},
        {"stopped_by": 7},
    ],
)
def test_H9_what_no_client_could_show_is_refused(wrong: dict[str, Any]) -> None:
    told = json.loads(JsonLinesWriter().record(Record(SECOND, ANSWER))) | wrong
    with pytest.raises(ValueError, match=r"`(cites|calls|stopped_by)`|no message id"):
        read(json.dumps(told))

"""The arguments of tool calls, and the calls themselves as they are streamed: whatever a model writes."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.agent.tools.arguments import read_arguments
from syncchat.agent.tools.streamed import StreamedCalls
from syncchat.agent.tools.tool import MAX_ARGUMENTS, ToolCall, ToolFailed
from syncchat.core.answer import MAX_CALLS

SCHEMA = {
    "type": "object",
    "properties": {
        "words": {"type": "string", "maxLength": 5},
        "limit": {"type": "integer", "minimum": 1, "maximum": 20},
        "order": {"enum": ["old", "new"]},
    },
    "required": ["words"],
    "additionalProperties": False,
}


@dataclass
class Function:
    name: str | None = None
    arguments: str | None = None


@dataclass
class Part:
    index: int
    id: str | None = None
    function: Function | None = None


def test_A25_arguments_that_fit_the_schema_are_read() -> None:
    told = {"words": "cake", "limit": 3, "order": "new"}
    assert read_arguments('{"words": "cake", "limit": 3, "order": "new"}', SCHEMA) == told
    assert read_arguments("", {"type": "object"}) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{no", "no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "'words' is missing"),
        ('{"words": 5}', "'words' has to be of the type string"),
        ('{"words": "cakes and tea"}', "longer than 5"),
        ('{"words": "a", "limit": true}', "'limit' has to be of the type integer"),
        ('{"words": "a", "limit": 21}', "from 1 to 20"),
        ('{"words": "a", "order": "up"}', "none of those"),
        ('{"words": "a", "url": "http://x"}', "no other arguments"),
        ('{"words": "' + "x" * MAX_ARGUMENTS + '"}', "more than"),
        ("[" * 1900, "no JSON"),
        ('{"words": "a", "limit": NaN}', "no JSON"),
        ('{"words": "\\ud800"}', "half a character"),
    ],
)
def test_A25_other_arguments_fail_and_say_why(text: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        read_arguments(text, SCHEMA)


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), max_size=5))
def test_A25_calls_are_put_together_from_any_fragments(calls: list[list[str]]) -> None:
    streamed = StreamedCalls()
    for index, pieces in enumerate(calls):
        streamed.add([Part(index, f"id{index}", Function(f"tool{index}", ""))])
        for piece in pieces:
            streamed.add([Part(index, None, Function(None, piece))])
    assert streamed.calls == tuple(ToolCall(f"tool{n}", "".join(p)) for n, p in enumerate(calls))


def test_A25_calls_that_are_all_numbered_0_are_told_apart_by_their_ids() -> None:
    streamed = StreamedCalls()
    streamed.add([Part(0, "a", Function("one", "{}")), Part(0, "b", Function("two", "{"))])
    streamed.add([Part(0, None, Function(None, "}"))])
    assert streamed.calls == (ToolCall("one", "{}"), ToolCall("two", "{}"))


def test_A25_endless_calls_and_arguments_are_not_kept() -> None:
    streamed = StreamedCalls()
    for index in range(10 * MAX_CALLS):
        streamed.add([Part(index, f"id{index}", Function("tool", "x" * MAX_ARGUMENTS * 2))])
    streamed.add([Part(0, None, None)])
    streamed.add(None)
    assert len(streamed.calls) == MAX_CALLS
    assert {len(call.arguments) for call in streamed.calls} == {MAX_ARGUMENTS + 1}

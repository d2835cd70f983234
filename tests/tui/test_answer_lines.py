"""What an answer shows beside its text: how it ended, its versions, the tools it calls, what it cites."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc
from rich.cells import cell_len

from syncchat.core.deltas import Delta
from syncchat.core.message import Message, read_body
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat_tui.answer_lines import MAX_ARGS, arguments, lines_of
from syncchat_tui.blocks import Blocks
from syncchat_tui.plain import plain
from syncchat_tui.wrap import EARLIER_MARK, VERSION_MARK, Block, Part, wrap

Make = Callable[..., Message]

ID = "0000000001.bob.00000000"


def shown(block: Block) -> list[str]:
    return ["".join(span.text for span in block.line(index)) for index in range(block.height)]


def call(state: str, **more: Any) -> dict[str, Any]:
    return {"name": "search", "args": {"words": "the plan"}, "state": state} | more


def test_A17_a_failure_is_a_mark_with_its_cause_and_a_way_to_ask_again(message: Make) -> None:
    block = wrap(message("", agent=True, state="error", problem="the model is busy\x1b\nnow"), 80)
    lines = shown(block)
    assert lines[0].endswith("(failed)")
    assert lines[1].strip() == "! the model is busy␛ now (F6: ask again)"
    assert shown(wrap(block.message, 80, replaced=True))[1].strip() == "! the model is busy␛ now"
    assert not any(span.part is Part.TEXT and span.text for index in (0, 1) for span in block.line(index))


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"state": "stopped", "stopped_by": "bob"}, "(stopped by bob)"),
        ({"state": "stopped"}, "(stopped)"),
        ({"state": "interrupted"}, "(interrupted)"),
    ],
)
def test_A16_A17_how_an_answer_ended_stands_behind_what_came(
    message: Make, fields: dict[str, str], mark: str
) -> None:
    lines = shown(wrap(message("as far as", agent=True, **fields), 80))
    assert lines == [lines[0]]
    assert lines[0].endswith(f"as far as {mark}")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (call("proposed"), '⚒ wants to call search({"words": "the plan"}): F9 to look at it'),
        (call("approved", by="ann"), '⚒ calls search({"words": "the plan"}) (allowed by ann)…'),
        (
            call("denied", by="ann", result="denied by ann"),
            '⚒ search({"words": "the plan"}) was denied (by ann)',
        ),
        (call("done", result="3 messages"), '⚒ search({"words": "the plan"}): 3 messages'),
        (call("failed", result="too\nlate"), '⚒ search({"words": "the plan"}) failed: too late'),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
def test_A25_calls_of_tools_are_told_with_who_decided_and_what_came_of_them(
    message: Make, told: dict[str, Any], line: str, streaming: bool
) -> None:
    lines = shown(wrap(message("wait", agent=True, calls=(told,), streaming=streaming), 120))
    assert lines[1].strip() == line


def test_A25_what_is_to_be_approved_is_shown_longer_than_what_is_decided(message: Make) -> None:
    long = {"words": "x" * 2_000}
    proposed, done = (
        "".join(lines_of(message(calls=(call(state, args=long),)), str)) for state in ("proposed", "done")
    )
    assert MAX_ARGS < len(proposed) < MAX_ARGS + 60
    assert len(done) < 100


def test_A6_citations_stand_below_with_author_and_time(message: Make) -> None:
    lines = shown(wrap(message("as said [m3]", cites=(("m3", ID), ("x\x1b", ID))), 80))
    assert lines[1].strip().startswith("↗ [m3] bob ")
    assert "↗ [x␛] bob" in lines[2]


def test_A16_a_version_says_so_and_the_earlier_one_stays_dimmed(message: Make) -> None:
    earlier = wrap(message("one"), 80, replaced=True)
    assert shown(earlier)[0].endswith(EARLIER_MARK)
    assert all(span.part is not Part.TEXT for span in earlier.line(0))
    assert shown(wrap(message("two", of=ID), 80))[0].endswith(VERSION_MARK)


def test_A16_the_earlier_version_is_marked_as_soon_as_another_is_written_and_no_longer_than_that(
    enter_page: Callable[[Store], Room],
) -> None:
    room = enter_page(Store(Doc()))
    first = room.stream()
    first.append("one")
    first.finish()
    blocks = Blocks()
    blocks.reset(room.timeline[:], 80)

    def follow(deltas: list[Delta]) -> None:
        blocks.apply(deltas, room.timeline.get)

    room.timeline.listen(follow)

    def text() -> str:
        return "\n".join("".join(span.text for span in blocks.line(line)[1]) for line in range(blocks.height))

    assert EARLIER_MARK not in text()
    second = room.stream(of=first.id)
    assert EARLIER_MARK in text()
    wraps = blocks.wraps
    second.append("two")
    assert blocks.wraps == wraps + 1
    second.discard()
    assert EARLIER_MARK not in text()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(max_size=80),
            "args": JSON,
            "state": st.sampled_from(["proposed", "approved", "denied", "done", "failed", "else"]),
        },
        optional={"by": JSON, "result": JSON},
    ),
    max_size=3,
)


@given(CALLS, JSON, JSON, st.integers(12, 100))
def test_T5_A25_whatever_an_agent_writes_beside_its_text_fits_the_screen_and_is_harmless(
    calls: list[dict[str, object]], cites: object, problem: object, width: int
) -> None:
    told = {"text": "x", "state": "error", "calls": calls, "cites": cites, "problem": problem}
    body = read_body(told)
    assert body is not None
    known = Message(
        ID, 0, "bob", "x", False, None, None, False, True, body.state, {}, True,
        cites=body.cites, calls=body.calls, problem=body.problem,
    )  # fmt: skip
    block = wrap(known, width)
    for line in shown(block):
        assert cell_len(line) <= max(width, 22)
        assert plain(line) == line


def test_arguments_are_one_line_of_json() -> None:
    assert arguments(call("done", args={"a": "ü\n\u202e"}), 60) == '{"a": "ü\\n�"}'

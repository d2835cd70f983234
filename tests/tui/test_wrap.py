"""Messages become lines that fit, and a growing text becomes the same lines as one that came whole."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from syncchat.core.message import Message
from syncchat_tui.wrap import Block, Body, clock, wrap, wrap_line

Make = Callable[..., Message]

TEXT = st.text(st.sampled_from("abc  \n\t\r日本👩\u200d❤\ufe0fé\u0301-\x1b"), max_size=120)


def shown(block: Block) -> list[str]:
    return ["".join(span.text for span in block.line(index)) for index in range(block.height)]


def test_words_are_kept_whole_where_they_fit() -> None:
    assert wrap_line("one two three", 8) == ["one two", "three"]


def test_a_word_wider_than_the_line_is_cut() -> None:
    assert wrap_line("x " + "y" * 20, 8) == ["x", "y" * 8, "y" * 8, "y" * 4]


def test_wide_characters_count_two_cells_and_break_anywhere() -> None:
    assert wrap_line("ab 日本語日本語", 8) == ["ab 日本", "語日本語"]


def test_a_blank_line_is_one_line() -> None:
    assert wrap_line("", 8) == [""]
    assert wrap_line(" " * 20, 8) == [""]


@given(TEXT, st.integers(8, 30))
def test_no_line_is_wider_than_the_screen(text: str, width: int) -> None:
    body = Body(text, width)
    assert all(cell_len(body[index]) <= width for index in range(len(body)))


@given(TEXT.filter(lambda text: "\u200d" not in text), st.integers(8, 30))
def test_wrapping_loses_nothing_but_spaces(text: str, width: int) -> None:
    body = Body(text.replace("\x1b", "").replace("\r", "").replace("\t", ""), width)
    kept = "".join(body[index] for index in range(len(body))).replace(" ", "")
    assert kept == "".join(c for c in text if c not in " \n\r\t\x1b")


@given(st.lists(TEXT, max_size=8), st.integers(8, 30))
def test_T5_a_text_that_grew_is_wrapped_like_one_that_came_whole(parts: list[str], width: int) -> None:
    grown = Body("", width)
    for part in parts:
        grown.grow(part)
    whole = Body("".join(parts), width)
    assert [*map(grown.__getitem__, range(len(grown)))] == [*map(whole.__getitem__, range(len(whole)))]


def test_a_wide_screen_has_the_name_beside_the_text(message: Make) -> None:
    lines = shown(wrap(message("hello"), 80))
    assert len(lines) == 1
    assert "alice" in lines[0]
    assert lines[0].endswith("hello")


def test_a_narrow_screen_has_the_name_above_the_text(message: Make) -> None:
    assert [line.strip()[-5:] for line in shown(wrap(message("hello"), 40))] == ["alice", "hello"]


def test_a_name_that_is_long_is_not_cut(message: Make) -> None:
    lines = shown(wrap(message("hello", user="n" * 40), 80))
    assert "n" * 40 in lines[0]
    assert lines[1].strip() == "hello"


def test_O7_a_local_message_is_marked_and_a_durable_one_is_not(message: Make) -> None:
    assert "◌" in shown(wrap(message(durable=False), 80))[0]
    assert "◌" not in shown(wrap(message(durable=True), 80))[0]


def test_a_deleted_message_shows_neither_text_nor_reactions(message: Make) -> None:
    lines = shown(wrap(message("", deleted=True, reactions={"👍": ("bob",)}), 80))
    assert len(lines) == 1
    assert lines[0].endswith("deleted")


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"state": "interrupted"}, "(interrupted)"),
        ({"edited": 5}, "(edited)"),
        ({"re": "0000000001.bob.00000000"}, "(to bob)"),
        ({"streaming": True}, "▍"),
        ({"agent": True}, "✦"),
    ],
)
def test_what_there_is_to_know_is_marked(message: Make, fields: dict[str, object], mark: str) -> None:
    assert any(mark in line for line in shown(wrap(message(**fields), 80)))


def test_a_mark_that_does_not_fit_gets_a_line_of_its_own(message: Make) -> None:
    lines = shown(wrap(message("x" * 37, state="stopped"), 40))
    assert lines[1:] == ["  " + "x" * 37, "  (stopped)"]


def test_reactions_stand_below_the_most_frequent_first(message: Make) -> None:
    lines = shown(wrap(message(reactions={"🎉": ("a",), "👍": ("a", "b")}), 80))
    assert lines[1].strip() == "👍 2  🎉 1"


def test_T5_a_block_that_grew_keeps_the_lines_it_had(message: Make) -> None:
    before = wrap(message("first\nsecond", streaming=True), 80)
    after = wrap(message("first\nsecond line", streaming=True), 80, grown=(before, " line"))
    assert after.body is before.body
    assert shown(after) == shown(wrap(after.message, 80))


@given(TEXT, st.integers(12, 100), st.booleans(), st.booleans())
def test_no_block_is_wider_than_the_screen(text: str, width: int, streaming: bool, durable: bool) -> None:
    state, reactions = "stopped", {"👍": ("a",) * 3}
    known = Message("i", 0, "al", text, streaming, None, 1, False, True, state, reactions, durable)
    block = wrap(known, width)
    assert all(cell_len(line) <= max(width, 22) for line in shown(block))


def test_a_time_that_no_calendar_has_is_no_error() -> None:
    assert clock(2**50 - 1) == "--:--"
    assert len(clock(1_750_000_000_000)) == 5

"""Anybody's text is harmless for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from syncchat_tui.plain import plain


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("nul\x00", "nul␀"),
        ("\x9b2J", "�2J"),
        ("abc\u202edef", "abc�def"),
        ("\u2066x\u2069", "�x�"),
        ("line\u2028separator", "line�separator"),
        ("\ud800", "�"),
        ("a\tb", "a    b"),
        ("e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301"),
        ("a\u200db", "ab"),
    ],
)
def test_what_a_terminal_would_act_on_is_made_visible(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@pytest.mark.parametrize("text", ["plain", "Zoë – ça va?", "日本語", "👩‍👩‍👧 👍🏽 ❤️ 🇩🇪", "[red]markup[/red]"])
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@given(st.text(st.characters()))
def test_nothing_left_controls_a_terminal(text: str) -> None:
    shown = plain(text)
    assert all(character >= " " and not "\x7f" <= character <= "\x9f" for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    shown.encode("utf-8")
    assert cell_len(shown) >= 0

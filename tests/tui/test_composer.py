"""What a written text asks for."""

import pytest

from syncchat_tui.composer import Command, Mistake, Post, parse


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("hello", Post("hello")),
        ("  hello\n", Post("hello")),
        ("//shrug", Post("/shrug")),
        ("a /quit b", Post("a /quit b")),
        ("/quit", Command("/quit")),
        ("/help ", Command("/help")),
        (" \n ", None),
    ],
)
def test_what_is_written_is_a_post_or_a_command(written: str, asked: object) -> None:
    assert parse(written) == asked


@pytest.mark.parametrize("written", ["/nothing", "/", "/quit now", "/QUIT"])
def test_a_mistake_is_named(written: str) -> None:
    mistake = parse(written)
    assert isinstance(mistake, Mistake)
    assert written.split(maxsplit=1)[0] in mistake.notice

"""Who a message is meant for."""

import pytest

from syncchat.agent.addressing import is_to_somebody, request_to

NAMES = ("bot", "The Bot")


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("@bot 2+2", "2+2"),
        ("2+2 @Bot", "2+2"),
        ("bot: sum up", "sum up"),
        ("Bot, who is here?", "who is here?"),
        ("hey bot, help", "help"),
        ("bot what is 2+2?", "what is 2+2?"),
        ("what is 2+2, bot?", "what is 2+2?"),
        ("the bot: help", "help"),
        ("bot", ""),
        ("hello bot!", ""),
        ("@bot", ""),
    ],
)
def test_a_message_to_a_name_is_recognised_and_gives_the_request(text: str, request_: str) -> None:
    assert request_to(text, NAMES) == request_


@pytest.mark.parametrize(
    "text",
    [
        "the bot is slow today",
        "I wrote a bot",
        "robot: hello",
        "bottle, anyone?",
        "ann: bot is down",
        "mail@bot.example",
        "@bottom hello",
        "bot is broken",
    ],
)
def test_talk_about_somebody_is_not_talk_to_them(text: str) -> None:
    assert request_to(text, NAMES) is None


def test_a_name_is_text_and_never_a_pattern() -> None:
    assert request_to("anything: 1", [".*"]) is None
    assert request_to("x", ["", "(", "["]) is None


@pytest.mark.parametrize(
    "text", ["@ann what is 2+2?", "ann: 2+2?", "ann, 2+2?", "hey ann, 2+2?", "2+2, Ann?"]
)
def test_a_message_to_somebody_else_is_recognised(text: str) -> None:
    assert is_to_somebody(text, ["ann"])


@pytest.mark.parametrize(
    "text", ["what is 2+2?", "so, what is 2+2?", "mail me at ann@example.org", "ann said 4"]
)
def test_a_message_to_nobody_in_particular_is_recognised(text: str) -> None:
    assert not is_to_somebody(text, ["ann"])

"""Who a message is meant for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.agent.addressing import address_of, is_to_somebody, names_in, request_to
from syncchat.agent.names import MAX_SPELLINGS, Names

NAMES = ("bot", "The Bot")


def known() -> Names:
    names = Names.of(["ann", "bob_", "cy", "|trey|", "bot"])
    names.add("Zoë van Dam", "zoe")
    return names


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("@bot 2+2", "2+2"),
        ("2+2 @Bot", "2+2"),
        ("(@bot) 2+2", "( 2+2"),
        ("bot: sum up", "sum up"),
        ("bot:sum up", "sum up"),
        ("bot : sum up", ": sum up"),
        ("Bot, who is here?", "who is here?"),
        ("hey bot, help", "help"),
        ("hi bot what time is it", "what time is it"),
        ("no, bot, I meant the other", "I meant the other"),
        ("bot what is 2+2?", "what is 2+2?"),
        ("bot can you sum up", "can you sum up"),
        ("bot please help", "please help"),
        ("bot I have a question", "I have a question"),
        ("bot - sum up", "- sum up"),
        ("what is 2+2, bot?", "what is 2+2?"),
        ("what do you think bot?", "what do you think?"),
        ("can you help me the bot?", "can you help me?"),
        ("the bot: help", "help"),
        ("> ann: what is it\nbot: well?", "> ann: what is it well?"),
        ('bot: what is "bot: hello"', 'what is "bot: hello"'),
        ("bot", ""),
        ("hello bot!", ""),
        ("@bot", ""),
        ("bot_: hi", "hi"),
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
        "bot answers are odd today",
        "did you restart the bot?",
        "can you ask bot",
        "see https://bot.example/@bot",
    ],
)
def test_talk_about_somebody_is_not_talk_to_them(text: str) -> None:
    assert request_to(text, NAMES) is None


@pytest.mark.parametrize(
    "text",
    [
        "> @bot what is it?\nlook at that",
        'she wrote "bot: stop"',
        "“@bot” is how one calls it",
        "run `@bot 2+2`",
        "```\n@bot: 2+2\n```",
        "```\n@bot: 2+2",
    ],
)
def test_what_is_quoted_or_code_calls_nobody(text: str) -> None:
    assert request_to(text, NAMES) is None
    assert not is_to_somebody(text, ["bot", "she"])


def test_a_name_is_text_and_never_a_pattern() -> None:
    assert request_to("anything: 1", [".*"]) is None
    assert request_to("x", ["", "(", "["]) is None


@pytest.mark.parametrize(
    "text", ["@ann what is 2+2?", "ann: 2+2?", "ann, 2+2?", "hey ann, 2+2?", "2+2, Ann?", "unheard_of: hi"]
)
def test_a_message_to_somebody_else_is_recognised(text: str) -> None:
    assert is_to_somebody(text, ["ann"])


@pytest.mark.parametrize(
    "text",
    [
        "what is 2+2?",
        "so, what is 2+2?",
        "mail me at ann@example.org",
        "ann said 4",
        "note: 2+2 is 4",
        "@everyone 2+2?",
        "12:30 is too late",
    ],
)
def test_a_message_to_nobody_in_particular_is_recognised(text: str) -> None:
    assert not is_to_somebody(text, ["ann"])


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("ann, bob: look", {"ann", "bob_"}),
        ("ann and cy: look", {"ann", "cy"}),
        ("@ann @cy look", {"ann", "cy"}),
        ("ANN_: look", {"ann"}),
        ("|trey|, look", {"|trey|"}),
        ("zoë van dam: look", {"zoe"}),
        ("zoe: look", {"zoe"}),
        ("look, Zoë van Dam!", {"zoe"}),
        ("thanks ann", {"ann"}),
        ("thank you cy that worked", {"cy"}),
        ("bot: ask @ann", {"bot"}),
        ("@bot ask @ann", {"bot"}),
        ("unheard_of: ask @bot", set()),
        ("ann: fine. @bot sum up", {"ann", "bot"}),
        ("ann: fine\n@bot sum up", {"ann", "bot"}),
        ("ann, @cy and @bot: look", {"ann", "cy", "bot"}),
        ("what is that @bot", {"bot"}),
    ],
)
def test_one_name_or_several_are_called_by_the_habits_of_chat_rooms(text: str, users: set[str]) -> None:
    assert address_of(text, known()).users == users


@pytest.mark.parametrize("text", ["ann too bad", "good luck with it ann", "I say, ann, that is odd"])
def test_a_name_without_a_mark_is_perhaps_called(text: str) -> None:
    address = address_of(text, known())
    assert not address.users
    assert address.perhaps == {"ann"}


def test_nobody_takes_the_user_id_of_another_as_a_name() -> None:
    names = Names.of(["bot"])
    names.add("bot", "mallory")
    assert address_of("@bot hi", names).users == {"bot"}
    assert address_of("@mallory hi", names).users == {"mallory"}


def test_who_names_himself_like_a_common_word_is_called_by_that_only_with_a_mark() -> None:
    names = Names()
    names.add("what", "mallory")
    assert not address_of("what, is it late?", names).somebody
    assert address_of("@what is it late?", names).users == {"mallory"}


def test_names_that_are_talked_about_are_found() -> None:
    assert names_in("I think ann's answer, not (cy), is right", known()) == {"ann", "cy"}


def test_names_are_bounded() -> None:
    names = Names.of(f"user{number}" for number in range(2 * MAX_SPELLINGS))
    assert names.find("user0") == ()
    assert names.find(f"user{2 * MAX_SPELLINGS - 1}") == (f"user{2 * MAX_SPELLINGS - 1}",)


_PARTS = st.sampled_from(
    ["bot", "@", ":", ",", " ", '"', "`", "```", ">", "\n", "ann", "“", "?", "and", "(", "Zoë van Dam"]
)


@given(st.lists(_PARTS, max_size=40).map("".join))
def test_any_text_is_read_and_the_rest_is_a_part_of_it(text: str) -> None:
    address = address_of(text, known())
    assert not address.users & address.perhaps
    assert len(address.rest) <= len(text) + 8


@pytest.mark.parametrize(
    "piece",
    [
        "“",
        '"',
        "`",
        "«",
        "@",
        "@x ",
        "ann, ",
        "> ",
        "\n",
        ". ",
        "! ) ",
        ".)",
        "bot. ",
        "http://",
        "hey ",
        "bot ",
    ],
)
def test_hostile_texts_of_the_longest_kind_are_read_in_one_pass(piece: str) -> None:
    # A pattern that tried each start against the whole rest would take minutes here, and the test's limit.
    for _ in range(20):
        address_of(piece * (16_384 // len(piece)), known())

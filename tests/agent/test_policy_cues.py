"""What the turn policy understands of small words, in other languages too."""

import pytest

from syncchat.agent.addressing import is_to_somebody, request_to
from syncchat.agent.policy import Manners
from syncchat.testing.talk import Talk

AMBIENT = Manners(ambient=True)


@pytest.mark.parametrize(
    "text",
    [
        "vielen dank!",
        "ah d'accord merci bcp",
        "genial, gracias",
        "dzięki wielkie",
        "ありがとう！",
        "oh really? nice",
        "good bot",
    ],
)
def test_A7_thanks_in_any_language_ends_the_talk(text: str) -> None:
    talk = Talk(AMBIENT)
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", text)) == ("Quiet", "acknowledgement")


@pytest.mark.parametrize(
    "text",
    [
        "bot, sei bitte mal still",
        "@bot cállate un rato",
        "bot, tais-toi s'il te plaît",
        "@bot zwijg",
        "@bot not now please",
        "@bot no need to answer this",
        "@bot you don't have to reply to everything",
        "bot pls be quite",
        "could we have a minute of silence please",
        "@bot please stop, you're not helping",
        "bot, we don't need you right now",
        "bot you talk too much, give us a break",
        "@bot ne réponds plus s'il te plaît",
        "@bot antworte bitte nicht",
        "bot please do not participate in this thread",
        "@bot that will be all for now",
        "@bot this doesn't concern you",
        "bot please wait with your answers until we have finished",
        "@bot enough!",
        "@bot ok thanks, that's enough for today",
        "@bot pause for 10 minutes please",
        "@bot can you pause for a bit?",
        "@bot not now, we are in a call",
        "@bot silence please, everyone",
        "@bot could you please not now?",
        "@bot would you stop talking?",
        "@bot shut up, what is wrong with you?",
        "@bot ruhe bitte",
    ],
)
def test_A7_a_request_for_quiet_is_understood(text: str) -> None:
    talk = Talk(AMBIENT)
    assert talk.last(talk.say("ann", text)) == ("Quiet", "request for quiet")
    assert talk.last(talk.say("cy", "what is 2+2?")) == ("Quiet", "hushed")


@pytest.mark.parametrize(
    "text",
    [
        "@bot how do I ask people to be quiet?",
        "@bot don't answer in English please",
        "@bot stop the timer",
        "@bot write a sign that says stay out",
        "@bot why won't you talk?",
        "@bot can it run on windows?",
        "@bot enough memory for this job?",
        "@bot enough?",
        "@bot pause the build and tell me why",
        "@bot mute button does not work",
        "@bot silence in the log since 3, is that normal?",
        "@bot quiet mode: where do I turn it on?",
        "@bot not now, but tomorrow remind us",
        "@bot please turn off the lights",
        "@bot give us a moment by moment account",
        "@bot let us discuss: the pros of B-trees",
        "@bot have a rest api question: what is PUT?",
        "@bot without comment lines, how long is the file?",
        "@bot you never answered my question",
        "@bot don't answer that, list the ports instead",
        "@bot keep quiet hours in mind: when may we deploy?",
        "@bot silencio en el log, por qué?",
        "@bot stop, what is the port?",
    ],
)
def test_A7_a_wish_with_such_words_is_no_request_for_quiet(text: str) -> None:
    talk = Talk()
    assert talk.last(talk.say("ann", text)) == ("Speak", "mention")


def test_A7_a_follow_up_with_such_words_is_no_request_for_quiet() -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot what is sqlite?"))
    assert talk.last(talk.say("ann", "can it do full text search?")) == ("Speak", "follow-up")


@pytest.mark.parametrize(
    "text",
    [
        "das stimmt nicht",
        "c'est faux",
        "pretty sure it is 5",
        "error: no such file",
        "it was Picasso",
        "Ankara!",
        "hmm that doesn't look right",
        "Ingvar, not Hans",
        "nope",
        "count again",
        "another one",
        "more formal",
        "in French",
        "make it shorter",
        "hm that cant be right theres only 5 of us",
        "nope, 2+2 isnt 5",
    ],
)
def test_A7_who_doubts_its_answer_or_wants_more_is_answered(text: str) -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", text)) == ("Speak", "follow-up")


@pytest.mark.parametrize(
    "text",
    ["bot whats the square root of 1764", "bot wheres the log", "bot calculate 3*4", "bot split 90 by 4"],
)
def test_A7_who_is_in_a_hurry_calls_it_without_any_marks(text: str) -> None:
    talk = Talk()
    assert talk.last(talk.say("ann", text)) == ("Speak", "name")


@pytest.mark.parametrize(
    "text",
    ["that's great", "ok so 4 it is", "I'll take that one", "it's late, good night", "fine, I look myself"],
)
def test_A7_who_is_content_with_an_answer_gets_no_other(text: str) -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", text))[0] == "Quiet"


def test_A7_what_was_sorted_is_not_settled() -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot sort these: 3, 11, 2"))
    assert talk.last(talk.say("ann", "you sorted them as text...")) == ("Speak", "follow-up")


def test_A7_a_short_question_goes_on_over_what_others_say_to_each_other() -> None:
    talk = Talk(AMBIENT)
    talk.answer(talk.say("ann", "@bot is 2027 a leap year?"))
    talk.say("bob", "who has the adapter?")
    assert talk.last(talk.say("ann", "and 2100?")) == ("Speak", "follow-up")
    talk.answer(talk.say("ann", "@bot is 2027 a leap year?"))
    talk.say("bob", "ann: no")
    assert talk.last(talk.say("ann", "and 2100?"))[0] != "Speak"


@pytest.mark.parametrize("text", ["no idea", "hm, good question", "same here, no clue", "keine ahnung"])
def test_A11_who_does_not_know_either_has_not_answered(text: str) -> None:
    talk = Talk(AMBIENT)
    id = talk.say("ann", "how do I mount a disk?")
    talk.say("bob", text)
    assert talk.withdrawn == []
    talk.wait(120)
    assert talk.last(id) == ("Judge", "open question")


def test_A11_one_word_can_be_the_answer() -> None:
    talk = Talk(AMBIENT)
    id = talk.say("ann", "what is 37 * 41?")
    talk.say("bob", "1517")
    assert talk.last(id) == ("Withdraw", "answered")


def test_A12_another_agents_thanks_get_no_answer() -> None:
    talk = Talk(AMBIENT)
    assert talk.last(talk.say("otherbot", "thank you, bot!")) == ("Quiet", "acknowledgement")


@pytest.mark.parametrize("text", ["Bot makers report record sales. Read on?", "bot how is it going?"])
def test_A7_what_a_program_posts_calls_only_plainly(text: str) -> None:
    talk = Talk(AMBIENT)
    assert talk.last(talk.say("newsbot", text)) == ("Quiet", "another agent")
    other = Talk(AMBIENT)
    assert other.last(other.say("newsbot", "bot, how is it going?")) == ("Speak", "name")


def test_A14_after_being_offline_a_request_for_quiet_covers_what_was_asked_before_it() -> None:
    talk = Talk(AMBIENT)
    asked = talk.say("ann", "@bot what is a quine?", ago=60)
    talk.say("cy", "bot please be quiet, we are recording", ago=30)
    talk.wait(60)
    assert talk.spoken == []
    assert talk.last(asked) == ("Withdraw", "request for quiet")


@pytest.mark.parametrize(
    "text",
    [
        "thanks ann. bot, same question",
        "hm, broken. Bot: why?",
        "one more: bot, why?",
        "hey there bot, a moment?",
        "hola bot",
    ],
)
def test_a_call_after_a_sentence_or_a_greeting_in_any_language_is_one(text: str) -> None:
    assert request_to(text, ["bot"]) is not None


@pytest.mark.parametrize("text", ["bot doesn't know that, right?", "I like it. bot is fast", "ok. Bots, hm"])
def test_what_is_asked_or_said_about_it_is_no_call(text: str) -> None:
    assert not is_to_somebody(text, ["bot"])


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("perfect, sending it", "Quiet"),
        ("thanks, I'll try that", "Quiet"),
        ("you're a lifesaver bot. off to bed", "Quiet"),
        ("great, add the date too", "Speak"),
        ("nice, in French please", "Speak"),
        ("ok, I tried that and it says error", "Speak"),
        ("perfect, now shorter", "Speak"),
        ("great, i need one more", "Speak"),
    ],
)
def test_A7_who_replies_that_it_is_fine_gets_no_other_answer_and_who_wants_more_does(
    text: str, decision: str
) -> None:
    talk = Talk()
    answer = talk.answer(talk.say("ann", "@bot write a line"))
    assert talk.last(talk.say("ann", text, re=answer))[0] == decision


@pytest.mark.parametrize(
    "text",
    [
        "could use a hand here bot, how many ml is that",
        "the expression in line 40, bot: what does it match",
        "ann can you book it, and bot can you work out the price",
        "can u put this in Dutch, bot? 'see you there'",
        "bot porfa cuánto es 18 x 23",
        "bot kannst du das ausrechnen",
    ],
)
def test_A7_a_name_amid_a_sentence_calls_if_it_is_asked_there(text: str) -> None:
    talk = Talk()
    talk.here(["ann", "bob"])
    assert talk.last(talk.say("bob", text))[0] == "Speak"


@pytest.mark.parametrize(
    "text",
    [
        "we should ask bot, how else would we know",
        "it was bot, what a surprise",
        "I like bot, it is quick",
        "the parser, bot and the daemon are slow",
        "if bot can you believe it",
    ],
)
def test_A7_a_name_amid_a_sentence_is_else_talk_about_somebody(text: str) -> None:
    talk = Talk()
    assert talk.last(talk.say("ann", text))[0] == "Quiet"

"""Which messages the agent answers, which it leaves alone, and which it has judged."""

import pytest

from syncchat.agent.policy import Heard, Manners, Said
from syncchat.testing.talk import Talk

AMBIENT = Manners(ambient=True, grace=0)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("@bot what is 2+2?", "mention"),
        ("what is 2+2 @bot", "mention"),
        ("@The Bot what is 2+2?", "mention"),
        ("bot: what is 2+2", "name"),
        ("hey bot, sum up", "name"),
        ("hallo bot, wie spät ist es?", "name"),
        ("thanks ann. bot, the same to you: what is 2+2?", "name"),
        ("it is broken again\nbot: why?", "name"),
        ("what is „deadline“ in Spanish bot?", "name"),
        ("bot: sum up the day, thanks", "name"),
        ("the bot: sum up", "name"),
        ("what do you think, bot?", "name"),
        ("ann, bot: look at that", "name"),
        ("@bot", "mention"),
        ("@bot how do real people do that?", "mention"),
        ("@bot how do I stop talking to a socket?", "mention"),
        ("@bot can you tell me how to shut up my fan", "mention"),
    ],
)
def test_A7_who_is_called_answers(text: str, rule: str) -> None:
    talk = Talk()
    talk.say("ann", "good morning everybody")
    assert talk.last(talk.say("bob", text)) == ("Speak", rule)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ann: what is 2+2?", "to somebody else"),
        ("ann, could you look?", "to somebody else"),
        ("ann_ try that", "to somebody else"),
        ("@ann I asked @bot and it said 4", "to somebody else"),
        ("somebody_gone: did you restart it?", "to somebody else"),
        ("what is 2+2, ann?", "to somebody else"),
        ("thanks ann", "acknowledgement"),
        ("alex, who is here from your team?", "to somebody else"),
        ("hey joost if you read this, which plugin was it?", "to somebody else"),
        ("karim do you have it?", "to somebody else"),
        ("oh really? nice", "acknowledgement"),
        ("ah d'accord merci", "acknowledgement"),
        ("bot, not now please", "request for quiet"),
        ("@bot no need to answer this, it is only a note", "request for quiet"),
        ("bot, sei bitte mal still", "request for quiet"),
        ("five minutes of silence please, I am on the phone", "request for quiet"),
        ("bot doesn't remember anything, right?", "talked about"),
        ("thank you ann, what next?", "to somebody else"),
        ("good luck with that ann", "to somebody else"),
        ("thanks!", "acknowledgement"),
        ("ok cool, got it", "acknowledgement"),
        ("@bot thanks", "acknowledgement"),
        ("thanks a lot bot!", "acknowledgement"),
        ("thanks, bot!", "acknowledgement"),
        (":)", "acknowledgement"),
        ("@bot never mind, solved it", "acknowledgement"),
        ("humans only: what do you think of it?", "for people only"),
        ("not you bot, what do the others think?", "for people only"),
        ("what do real people think of it?", "for people only"),
        ("can any human help?", "for people only"),
        ("no bots please", "for people only"),
        ("@bot stay out of this", "for people only"),
        ("bot: please be quiet", "request for quiet"),
        ("@bot shut up", "request for quiet"),
        ("can the bot be quiet, it should stop talking", "request for quiet"),
        ("bot, stop", "request for quiet"),
        ("the bot is slow today", "talked about"),
        ("is the bot down?", "talked about"),
        ('he wrote "@bot what is 2+2?" and got 5', "nothing asked"),
        ("> @bot what is 2+2?\nthat was funny", "nothing asked"),
        ("try `@bot help`", "nothing asked"),
        ("I had noodles today", "nothing asked"),
        ("how are you all?", "nothing asked"),
        ("anyone up for lunch?", "nothing asked"),
        ("really?", "nothing asked"),
        ("did you restart it?", "nothing asked"),
    ],
)
def test_A7_what_is_not_for_it_it_leaves_alone(text: str, rule: str) -> None:
    talk = Talk(AMBIENT)
    talk.say("ann", "good morning everybody")
    id = talk.say("bob", text)
    assert talk.last(id) == ("Quiet", rule)


@pytest.mark.parametrize(
    "text",
    [
        "@bot for people only reading this: what was decided?",
        "@bot, people only know half of it: what is the other half?",
        "@bot for humans only now joining, what is this about?",
    ],
)
def test_A7_for_people_only_is_no_word_about_some_of_the_people(text: str) -> None:
    talk = Talk()
    assert talk.last(talk.say("bob", text)) == ("Speak", "mention")


@pytest.mark.parametrize(
    "text", ["what is 2+2?", "does anybody know how to mount a disk", "I can't get sound to work"]
)
def test_A7_only_an_open_question_is_judged_and_only_in_ambient_mode(text: str) -> None:
    ambient, addressed = Talk(AMBIENT), Talk()
    assert ambient.last(ambient.say("bob", text)) == ("Judge", "open question")
    assert addressed.last(addressed.say("bob", text)) == ("Quiet", "addressed only")


def test_A7_a_reply_to_its_message_is_for_it_and_one_to_another_is_not() -> None:
    talk = Talk(AMBIENT)
    asked = talk.say("ann", "@bot what is 2+2?")
    answer = talk.answer(asked, "4")
    assert talk.last(talk.say("bob", "in which base?", re=answer)) == ("Speak", "reply to me")
    assert talk.last(talk.say("cy", "which base?", re=asked)) == ("Quiet", "to somebody else")
    assert talk.last(talk.say("cy", "ann: which base?", re=answer)) == ("Quiet", "to somebody else")


@pytest.mark.parametrize(
    "text", ["and 3+3?", "are you sure?", "that's wrong", "I can't read that", "what about 5?"]
)
def test_A7_whom_it_just_answered_goes_on_without_an_address(text: str) -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", text)) == ("Speak", "follow-up")


@pytest.mark.parametrize("talk", [Talk(), Talk(Manners(ambient=True))], ids=["addressed", "ambient"])
def test_A7_what_may_be_a_follow_up_is_judged_at_once_in_ambient_mode_and_else_left_alone(talk: Talk) -> None:
    talk.say("bob", "morning")
    talk.answer(talk.say("ann", "@bot how do I mount a disk?"))
    talk.say("bob", "noodles again")
    id = talk.say("ann", "the second disk is empty")
    ambient = talk.policy.ambient
    assert talk.last(id) == (("Judge", "perhaps a follow-up") if ambient else ("Quiet", "addressed only"))


@pytest.mark.parametrize(
    "text", ["lunch now", "thanks!", "ok cool", "bob: and 3+3?", "does anybody want tea?"]
)
def test_A7_what_goes_on_with_others_or_with_nothing_is_no_follow_up(text: str) -> None:
    talk = Talk()
    talk.say("bob", "morning")
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", text))[0] == "Quiet"


def test_A7_a_follow_up_is_the_persons_own_and_soon_and_before_others_have_spoken() -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("bob", "and 3+3?"))[0] == "Quiet"
    assert talk.last(talk.say("ann", "is it late?"))[0] == "Quiet"
    assert talk.last(talk.say("ann", "and 4+4?")) == ("Speak", "follow-up")
    talk.end(talk.spoken[-1])
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    talk.wait(181)
    assert talk.last(talk.say("ann", "and 3+3?"))[0] == "Quiet"


def test_A7_whom_others_have_called_since_goes_on_with_those() -> None:
    talk = Talk()
    talk.say("bob", "morning")
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    talk.say("bob", "ann: is it five?")
    assert talk.last(talk.say("ann", "and 3+3?"))[0] == "Quiet"


def test_A7_what_was_written_long_before_an_answer_does_not_follow_from_it() -> None:
    talk = Talk()
    talk.wait(60)
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", "and 3+3?", ago=12))[0] == "Quiet"


def test_A7_who_is_alone_with_it_talks_to_nobody_else() -> None:
    talk = Talk(AMBIENT)
    talk.say("bob", "morning")
    talk.say("ann", "bob: the build is red")
    talk.here(["ann"])
    assert talk.last(talk.say("ann", "how do I build it again?")) == ("Judge", "open question")


def test_A7_who_was_asked_something_by_it_may_just_say_yes() -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot sum up"), "All of it?")
    assert talk.last(talk.say("ann", "yes")) == ("Speak", "follow-up")


def test_A7_two_agents_answer_each_other_no_more_often_than_the_hops_allow() -> None:
    talk = Talk(Manners(hops=1))
    talk.say("ann", "bobot: hello")
    first = talk.say("bobot", "@bot and what do you think?")
    assert talk.last(first) == ("Speak", "mention")
    talk.answer(first)
    for _ in range(10):
        assert talk.last(talk.say("bobot", "@bot and then?")) == ("Quiet", "enough hops")
    talk.say("ann", "go on")
    assert talk.last(talk.say("bobot", "@bot and then?")) == ("Speak", "mention")


def test_A7_agents_that_answer_each_other_are_not_kept_going_by_people_who_talk_meanwhile() -> None:
    talk = Talk(Manners(hops=2))
    last = talk.say("abot", "@bot and what do you think?")
    answered = 0
    for _ in range(6):
        if talk.last(last)[0] != "Speak":
            break
        answered += 1
        mine = talk.answer(last)
        talk.say("ann", "look at them")
        last = talk.say("abot", "@bot and what do you think now?", re=mine)
    assert answered == 2


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("@bot build 88 has finished without errors", ("Quiet", "nothing asked")),
        ("@bot summarise build 88", ("Speak", "mention")),
        ("@bot 88*3", ("Speak", "mention")),
        ("@bot over to you", ("Speak", "mention")),
    ],
)
def test_A7_a_program_that_only_tells_it_something_is_not_answered(
    text: str, decision: tuple[str, str]
) -> None:
    talk = Talk()
    assert talk.last(talk.say("deploybot", text)) == decision


def test_A7_an_agent_that_calls_nobody_is_not_answered() -> None:
    talk = Talk(AMBIENT)
    asked = talk.say("ann", "@bot what is 2+2?")
    answer = talk.answer(asked)
    assert talk.last(talk.say("bobot", "what is 2+2?")) == ("Quiet", "another agent")
    assert talk.last(talk.say("bobot", "is it?", re=answer)) == ("Quiet", "another agent")
    silent = Talk(Manners(hops=0))
    assert silent.last(silent.say("bobot", "@bot hi")) == ("Quiet", "enough hops")


def test_A7_people_who_talk_to_each_other_are_left_alone() -> None:
    talk = Talk(AMBIENT)
    talk.say("bob", "morning")
    talk.say("ann", "bob: it says permission denied")
    assert talk.last(talk.say("bob", "what is the path of that file?")) == (
        "Quiet",
        "people talk to each other",
    )
    assert talk.last(talk.say("bob", "does anyone know what that means?"))[0] == "Judge"
    talk.wait(600)
    assert talk.last(talk.say("bob", "what is the path of the other file?"))[0] != "Quiet"


def test_A7_asked_for_quiet_it_says_nothing_unasked_until_the_time_is_over() -> None:
    talk = Talk(Manners(ambient=True, grace=0, quiet_for=60))
    talk.say("ann", "bot: be quiet please")
    assert talk.last(talk.say("bob", "what is 2+2?")) == ("Quiet", "hushed")
    assert talk.last(talk.say("bob", "@bot what is 2+2?")) == ("Speak", "mention")
    talk.wait(70)
    talk.end(talk.spoken[-1])
    talk.wait(200)
    assert talk.last(talk.say("cy", "what is 2+2?"))[0] == "Judge"


def test_A7_after_a_request_for_quiet_nobody_goes_on_without_an_address() -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    talk.say("bob", "bot: be quiet")
    assert talk.last(talk.say("ann", "and 3+3?"))[0] == "Quiet"
    talk.ask("hush", seconds=0)
    assert talk.policy.quiet_until is None


def test_A7_who_stopped_an_answer_does_not_go_on_with_it() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot what is 2+2?")
    talk.say("bot", "It is", re=id)
    talk.end(id, "stopped")
    assert talk.last(talk.say("ann", "and 3+3?"))[0] == "Quiet"


def test_A7_a_request_for_quiet_tells_for_how_long() -> None:
    talk = Talk(AMBIENT)
    talk.say("ann", "bot: be quiet for 2 hours please")
    assert talk.policy.quiet_until == talk.now - 1_000 + 2 * 3600 * 1000


def test_A7_an_old_request_for_quiet_does_not_begin_anew_when_it_is_heard_again() -> None:
    talk = Talk(AMBIENT)
    talk.say("ann", "bot: be quiet for 2 hours please", ago=3600)
    assert talk.policy.quiet_until == talk.now - 1_000 + 3600 * 1000
    talk = Talk(AMBIENT)
    talk.say("ann", "bot: be quiet for 2 hours please", ago=3 * 3600)
    assert talk.policy.quiet_until is None


def test_A7_hushed_it_says_nothing_to_anybody_and_dismissed_nothing_at_all() -> None:
    talk = Talk()
    talk.ask("hush", seconds=60)
    id = talk.say("ann", "@bot what is 2+2?")
    assert talk.last(id) == ("Quiet", "hushed")
    talk.ask("now", id)
    assert talk.last(id) == ("Quiet", "hushed")
    talk.ask("dismiss")
    other = talk.say("ann", "@bot what is 2+2?")
    talk.ask("now", other)
    assert talk.last(other) == ("Quiet", "dismissed")
    talk.ask("summon")
    assert talk.last(talk.say("ann", "@bot what is 2+2?")) == ("Speak", "mention")


def test_A7_a_failed_message_calls_nobody() -> None:
    talk = Talk()
    heard = talk.heard_by("ann", "@bot hi")
    talk.hear(Said(Heard(heard.id, heard.at, "ann", "@bot hi", failed=True)))
    assert talk.last(heard.id) == ("Quiet", "failed message")

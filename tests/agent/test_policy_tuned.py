"""Manners that change while a talk goes on: what holds then, and for what is open already."""

from dataclasses import replace

from syncchat.agent.policy import Manners, Quiet, Rule, Speak, Tuned, Wait
from syncchat.testing.talk import Talk

AMBIENT = Manners(ambient=True)
QUESTION = "does anybody know what 6*7 is?"


def waits_until(talk: Talk, id: str) -> list[int | None]:
    return [one.until for one in talk.decisions if isinstance(one, Wait) and one.id == id]


def test_A27_A11_a_shorter_grace_is_told_at_once_and_holds_for_what_waits() -> None:
    talk = Talk(AMBIENT)
    asked = talk.say("ann", QUESTION)
    began = talk.now - 1_000
    talk.hear(Tuned(replace(AMBIENT, grace=30)))
    assert waits_until(talk, asked) == [began + 120_000, began + 30_000]
    talk.wait(28)
    assert talk.last(asked) == ("Wait", "people first")
    talk.wait(2)
    assert talk.last(asked) == ("Judge", "open question")


def test_A27_A11_a_longer_grace_holds_for_what_waits_and_not_for_what_was_due() -> None:
    talk = Talk(AMBIENT)
    due = talk.say("ann", QUESTION)
    talk.wait(120)
    assert talk.last(due) == ("Judge", "open question")
    waits = talk.say("bob", QUESTION)
    talk.hear(Tuned(replace(AMBIENT, grace=300)))
    talk.wait(200)
    assert talk.last(waits) == ("Wait", "people first")
    talk.verdict(due, speak=True)
    assert talk.last(due) == ("Speak", "judged")


def test_A27_A11_a_grace_that_is_over_already_lets_it_answer_at_once() -> None:
    talk = Talk(AMBIENT)
    asked = talk.say("ann", QUESTION)
    talk.wait(60)
    talk.hear(Tuned(replace(AMBIENT, grace=30)))
    assert talk.last(asked) == ("Judge", "open question")


def test_A27_A13_a_share_of_nothing_takes_back_what_was_going_to_be_said_unasked() -> None:
    talk = Talk(AMBIENT)
    asked = talk.say("ann", QUESTION)
    talk.hear(Tuned(replace(AMBIENT, share=0)))
    talk.wait(120)
    assert talk.last(asked) == ("Withdraw", "share used up")


def test_A27_A12_what_becomes_of_a_newer_question_is_as_it_was_tuned() -> None:
    talk = Talk(AMBIENT)
    first = talk.say("ann", "@bot what is 2+2?")
    talk.hear(Tuned(replace(AMBIENT, on_newer="replace")))
    second = talk.say("ann", "@bot no, what is 3+3?")
    assert talk.last(first) == ("Withdraw", "replaced by a newer one")
    talk.end(first, "withdrawn")
    assert talk.spoken == [first, second]


def test_A27_whether_it_may_speak_unasked_is_not_the_business_of_tuning() -> None:
    talk = Talk(Manners())
    talk.hear(Tuned(AMBIENT))
    assert not talk.policy.ambient
    asked = talk.say("ann", QUESTION)
    assert [one for one in talk.decisions if one.id == asked and not isinstance(one, Quiet)] == []
    assert talk.last(asked)[1] == Rule.ADDRESSED_ONLY
    assert not any(isinstance(one, Speak) for one in talk.decisions)

"""How much an agent may say that nobody asked for, and how often it may ask its judge."""

from syncchat.agent.policy import Judge, Manners, Said, Speak
from syncchat.agent.policy.memory import WINDOW
from syncchat.testing.talk import Talk


def crowd(manners: Manners, messages: int) -> Talk:
    """A room where everybody asks the room something, and the judge always says yes."""
    talk = Talk(manners)
    for n in range(messages):
        id = talk.say(f"user{n % 40}", f"does anybody know what is {n}+1?")
        if talk.last(id)[0] == "Judge":
            talk.verdict(id, speak=True)
        if talk.last(id)[0] == "Speak":
            talk.answer(id)
    return talk


def test_A13_at_most_its_share_of_the_messages_is_unasked() -> None:
    talk = crowd(Manners(ambient=True, grace=0, share=0.1, gate=1.0), 400)
    unasked = sum(isinstance(one, Speak) for one in talk.decisions)
    assert 400 * 0.1 - WINDOW * 0.1 <= unasked <= 400 * 0.1 / 0.9 + 1
    assert any(one.rule == "share used up" for one in talk.decisions)


def test_A13_a_share_of_nothing_means_never_unasked() -> None:
    talk = crowd(Manners(ambient=True, grace=0, share=0), 40)
    assert talk.spoken == []
    assert talk.last(talk.say("ann", "@bot hi")) == ("Speak", "mention")


def test_A13_what_it_is_asked_does_not_count() -> None:
    talk = Talk(Manners(ambient=True, grace=0, share=0.1))
    for _ in range(10):
        talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("bob", "does anybody know what 3+3 is?")) == ("Judge", "open question")


def test_A13_a_restart_does_not_forget_what_was_said_unasked() -> None:
    manners = Manners(ambient=True, grace=0, share=0.05, gate=1.0)
    before = Talk(manners)
    before.answer(before.say("ann", "@bot what is 2+2?"))
    asked = before.say("ann", "does anybody know what 1+1 is?")
    before.verdict(asked, speak=True)
    before.answer(asked)
    before.wait(600)
    after = Talk(manners)
    after.now = before.now
    for heard in before.heard.values():
        after.hear(Said(heard))
    for talk in (before, after):
        talk.wait(30)
        question = talk.say("cyd", "does anybody know what 9+1 is?")
        assert talk.last(question) == ("Quiet", "share used up")


def test_A13_what_it_was_asked_before_a_restart_does_not_count() -> None:
    manners = Manners(ambient=True, grace=0, share=0.05, gate=1.0)
    before, after = Talk(manners), Talk(manners)
    before.answer(before.say("ann", "@bot what is 2+2?"))
    before.wait(3600)
    after.now = before.now
    for heard in before.heard.values():
        after.hear(Said(heard))
    assert after.last(after.say("cyd", "does anybody know what 9+1 is?")) == ("Judge", "open question")


def test_A13_the_judge_is_called_for_at_most_so_many_messages_of_people() -> None:
    talk = crowd(Manners(ambient=True, grace=0, share=1.0, gate=0.35), 400)
    calls = sum(isinstance(one, Judge) for one in talk.decisions)
    assert 400 * 0.35 - 3 <= calls <= 400 * 0.35 + 1
    assert any(one.rule == "gate used up" for one in talk.decisions)


def test_A13_what_is_edited_while_it_is_judged_is_withdrawn_once_also_when_no_call_is_left() -> None:
    talk = Talk(Manners(ambient=True, grace=0, gate=0.35))
    asked = talk.say("bob", "how do I mount a disk?")
    talk.edit(asked, "how do I mount a disk, then?")
    assert talk.about(asked)[-2:] == [("Withdraw", "edited"), ("Quiet", "gate used up")]

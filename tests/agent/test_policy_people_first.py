"""People first: an open question is theirs for a while, and whoever helps makes an answer needless."""

import pytest

from syncchat.agent.policy import Ambient, Manners, Speak, Wait
from syncchat.agent.policy.turns import MAX_TELLS
from syncchat.testing.talk import Talk

QUESTION = "how do I mount a disk?"


def waiting(manners: Manners | None = None) -> tuple[Talk, str]:
    talk = Talk(manners or Manners(ambient=True))
    return talk, talk.say("ann", QUESTION)


def test_A11_an_open_question_waits_until_a_time_that_can_be_shown() -> None:
    talk, id = waiting()
    wait = talk.decisions[-1]
    assert isinstance(wait, Wait)
    assert (wait.id, wait.rule.value, wait.until) == (id, "people first", talk.heard[id].at + 120_000)
    assert talk.policy.deadline == wait.until


def test_A11_what_nobody_has_answered_is_judged_and_answered() -> None:
    talk, id = waiting()
    talk.wait(120)
    assert talk.last(id) == ("Judge", "open question")
    talk.verdict(id, speak=True)
    assert talk.last(id) == ("Speak", "judged")


@pytest.mark.parametrize(("problem", "rule"), [(None, "judged quiet"), ("timed out", "judge failed")])
def test_A11_a_judge_that_says_no_or_nothing_means_quiet(problem: str | None, rule: str) -> None:
    talk, id = waiting()
    talk.wait(120)
    talk.verdict(id, speak=False, problem=problem)
    talk.verdict(id, speak=True)
    assert talk.last(id) == ("Quiet", rule)


@pytest.mark.parametrize("text", ["ann: use mount", "you could try the disks tool", "ann use udisksctl"])
def test_A11_a_persons_answer_cancels(text: str) -> None:
    talk, id = waiting()
    talk.say("bob", text)
    assert talk.last(id) == ("Withdraw", "answered")
    talk.wait(600)
    assert talk.spoken == []


def test_A11_a_persons_reply_cancels_while_it_is_judged_and_while_it_is_written() -> None:
    for speak in (False, True):
        talk, id = waiting()
        talk.wait(120)
        if speak:
            talk.verdict(id, speak=True)
        talk.say("bob", "man mount tells", re=id)
        assert talk.last(id) == ("Withdraw", "answered")


@pytest.mark.parametrize(
    "text", ["lol", "how do I burn a cd?", "cy: yes", "thanks", "same here, no clue", "ann: no idea"]
)
def test_A11_what_is_no_answer_does_not_cancel(text: str) -> None:
    talk = Talk(Manners(ambient=True))
    talk.say("cy", "hello everybody")
    id = talk.say("ann", QUESTION)
    talk.say("bob", text)
    talk.wait(200)
    assert talk.last(id) == ("Judge", "open question")


@pytest.mark.parametrize("text", ["never mind, found it", "solved", "it works now", "bob: thanks!"])
def test_A11_who_asked_and_has_it_needs_no_answer(text: str) -> None:
    talk = Talk(Manners(ambient=True))
    talk.say("bob", "hello everybody")
    id = talk.say("ann", QUESTION)
    talk.say("ann", text)
    assert talk.last(id) == ("Withdraw", "settled by the asker")


def test_A11_anybody_may_have_it_answered_now() -> None:
    talk, id = waiting()
    talk.ask("now", id, user="cy")
    assert talk.last(id) == ("Speak", "now")


def test_A11_now_is_for_what_waits_and_for_nothing_else() -> None:
    talk = Talk(Manners(ambient=True))
    statement = talk.say("bob", "hello everybody")
    talk.ask("now", statement, user="eve")
    assert talk.spoken == []
    talk.hear(Ambient(on=False))
    question = talk.say("ann", QUESTION)
    talk.ask("now", question, user="eve")
    assert talk.spoken == []


def test_A23_who_lets_it_answer_now_is_who_asks_unless_somebody_has() -> None:
    talk, id = waiting()
    talk.ask("now", id, user="eve")
    assert [(one.id, one.by) for one in talk.decisions if isinstance(one, Speak)] == [(id, "eve")]
    called = talk.say("bob", "@bot and this?")
    talk.ask("now", called, user="eve")
    talk.end(id)
    assert [(one.id, one.by) for one in talk.decisions if isinstance(one, Speak)][1:] == [(called, None)]


def test_A23_of_a_new_version_the_asker_is_who_wants_it() -> None:
    talk = Talk()
    answer = talk.answer(talk.say("ann", "@bot what is 2+2?"))
    talk.ask("again", answer, user="eve")
    assert [one.by for one in talk.decisions if isinstance(one, Speak)] == [None, "eve"]


def test_A11_now_ends_the_judging_and_answers_once() -> None:
    talk, id = waiting()
    talk.wait(120)
    talk.ask("now", id)
    talk.ask("now", id)
    talk.verdict(id, speak=False)
    assert talk.about(id)[-2:] == [("Judge", "open question"), ("Speak", "now")]
    talk.end(id)
    talk.ask("now", id)
    assert talk.spoken == [id]


def test_A11_a_newer_question_of_the_same_person_takes_the_older_one_along() -> None:
    talk, first = waiting()
    second = talk.say("ann", "and where do I see which disks there are?")
    assert talk.last(first) == ("Withdraw", "merged into a newer one")
    talk.ask("now", second)
    assert talk.decisions[-1].id == second
    assert getattr(talk.decisions[-1], "merged", ()) == (first,)


def test_A11_who_is_alone_with_it_does_not_wait_for_people() -> None:
    talk = Talk(Manners(ambient=True))
    talk.here(["ann"])
    assert talk.last(talk.say("ann", QUESTION)) == ("Judge", "open question")
    talk.here(["ann", "bob"])
    assert talk.last(talk.say("ann", "how do I burn a cd?"))[0] == "Wait"


def test_A11_it_waits_while_somebody_types_but_not_for_ever() -> None:
    talk, id = waiting(Manners(ambient=True, typing_patience=10))
    talk.wait(118)
    talk.type("bob", 5)
    talk.wait(1)
    assert talk.last(id) == ("Wait", "somebody types")
    talk.wait(4)
    assert talk.last(id) == ("Judge", "open question")
    talk.verdict(id, speak=True)
    assert talk.last(id) == ("Speak", "judged")

    talk, id = waiting(Manners(ambient=True, typing_patience=10))
    talk.wait(118)
    for _ in range(20):
        talk.type("bob", 5)
        talk.wait(1)
    assert talk.last(id) == ("Judge", "open question")


def test_A11_who_calls_it_and_goes_on_typing_is_heard_out() -> None:
    talk = Talk()
    talk.type("ann", 5)
    talk.type("bob", 60)
    id = talk.say("ann", "@bot one thing")
    assert talk.last(id) == ("Wait", "somebody types")
    talk.wait(4)
    assert talk.last(id) == ("Speak", "mention")


def test_A11_who_never_tells_that_the_typing_ended_holds_up_nobody() -> None:
    talk = Talk()
    talk.type("ann", 10**6)
    talk.wait(60)
    assert talk.last(talk.say("ann", "@bot one thing")) == ("Speak", "mention")


def test_A11_now_waits_for_nobody_who_types() -> None:
    talk, id = waiting()
    talk.type("ann", 20)
    talk.ask("now", id)
    assert talk.last(id) == ("Speak", "now")


def test_A11_of_several_open_questions_a_word_to_nobody_answers_the_newest() -> None:
    talk, first = waiting()
    second = talk.say("cy", "does anybody know how to burn a cd?")
    talk.say("bob", "brasero does it")
    assert talk.withdrawn == [second]
    assert talk.last(first) == ("Wait", "people first")


def test_A11_what_was_said_before_a_question_and_is_heard_after_it_is_no_answer() -> None:
    talk, id = waiting()
    talk.say("bob", "ann: use mount", ago=10)
    assert talk.last(id) == ("Wait", "people first")


def test_A11_an_open_question_that_could_not_be_answered_for_long_is_dropped() -> None:
    talk, id = waiting()
    busy = talk.say("bob", "@bot hello")
    talk.wait(900)
    talk.end(busy)
    assert talk.last(id) == ("Withdraw", "stale")


def test_A11_called_by_name_it_answers_though_a_person_has_and_goes_on_knowing() -> None:
    talk = Talk()
    talk.say("bob", "hello")
    id = talk.say("ann", "@bot how do I mount a disk?")
    talk.say("bob", "ann: use mount")
    assert talk.about(id) == [("Speak", "mention"), ("Tell", "answered")]


def test_A11_a_follow_up_that_a_person_answers_is_left_to_them() -> None:
    talk = Talk()
    talk.answer(talk.say("ann", "@bot how do I mount a disk?"))
    id = talk.say("ann", "and how do I see them?")
    talk.say("bob", "with lsblk", re=id)
    assert talk.about(id) == [("Speak", "follow-up"), ("Withdraw", "answered")]


def test_A11_a_question_that_is_deleted_or_asks_nothing_any_more_is_withdrawn() -> None:
    talk, id = waiting()
    talk.delete(id)
    assert talk.last(id) == ("Withdraw", "deleted")
    talk, id = waiting()
    talk.edit(id, "I mount disks by hand")
    assert talk.last(id) == ("Withdraw", "edited")
    talk = Talk()
    id = talk.say("ann", "@bot how do I mount a disk?")
    talk.edit(id, "bob: how do I mount a disk?")
    assert talk.about(id) == [("Speak", "mention"), ("Withdraw", "edited")]


def test_A11_an_answer_goes_on_knowing_that_its_question_was_edited_and_what_its_asker_adds() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot how do I mount a disk?")
    talk.edit(id, "@bot how do I mount an old disk?")
    added = talk.say("ann", "it is a Zip disk")
    assert talk.about(id) == [("Speak", "mention"), ("Tell", "edited"), ("Tell", "asker added")]
    assert talk.last(added) == ("Quiet", "merged into a newer one")


def test_A11_an_answer_is_told_of_more_only_a_few_times() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot how do I mount a disk?")
    for n in range(20):
        talk.say("ann", f"it is disk number {n}")
    assert talk.about(id) == [("Speak", "mention"), *[("Tell", "asker added")] * MAX_TELLS]


def test_A11_when_a_judged_question_is_withdrawn_the_next_one_is_judged() -> None:
    talk = Talk(Manners(ambient=True, grace=0, gate=1.0))
    first = talk.say("ann", QUESTION)
    second = talk.say("bob", "does anybody know how to burn a cd?")
    talk.delete(first)
    assert talk.about(first) == [("Judge", "open question"), ("Withdraw", "deleted")]
    assert talk.last(second) == ("Judge", "open question")


def test_A11_what_is_edited_into_a_call_is_one() -> None:
    talk = Talk()
    id = talk.say("ann", "how do I mount a disk?")
    talk.edit(id, "@bot how do I mount a disk?")
    talk.edit(id, "@bot how do I mount a disk??")
    assert talk.about(id) == [("Quiet", "addressed only"), ("Speak", "mention"), ("Tell", "edited")]


def test_A11_what_is_edited_away_and_back_is_answered_after_all() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot how do I mount a disk?")
    talk.edit(id, "bob: how do I mount a disk?")
    talk.end(id, "withdrawn")
    talk.edit(id, "@bot how do I mount a disk?")
    assert talk.about(id) == [("Speak", "mention"), ("Withdraw", "edited"), ("Speak", "mention")]


def test_A11_ambient_switched_off_takes_back_what_was_going_to_be_said_unasked() -> None:
    talk, id = waiting()
    talk.hear(Ambient(False))
    assert talk.last(id) == ("Withdraw", "addressed only")


def test_A11_stop_before_it_began_withdraws() -> None:
    talk, id = waiting()
    talk.ask("stop", id, user="bob")
    assert talk.last(id) == ("Withdraw", "stopped")
    talk.ask("stop", id, user="bob")
    assert talk.withdrawn == [id]


def test_A11_a_question_to_the_room_waits_also_of_one_who_has_just_been_answered() -> None:
    talk = Talk(Manners(ambient=True))
    talk.here(["ann", "bob", "cy"])
    talk.answer(talk.say("ann", "@bot what is 2+2?"))
    assert talk.last(talk.say("ann", "does anyone know where the printer is?")) == ("Wait", "people first")

"""One reply at a time, and what becomes of those who ask meanwhile."""

from dataclasses import replace
from typing import Literal

import pytest

from syncchat.agent.policy import Manners, Quiet, Said, Speak
from syncchat.agent.policy.memory import MAX_NOTES
from syncchat.agent.policy.turns import MAX_MERGED, MAX_OPEN
from syncchat.testing.talk import Talk


def speaks(talk: Talk) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.id, one.merged) for one in talk.decisions if isinstance(one, Speak)]


def test_A12_who_asks_while_it_writes_waits_and_is_answered_next() -> None:
    talk = Talk()
    first = talk.say("ann", "@bot what is 2+2?")
    second = talk.say("bob", "@bot what is 3+3?")
    assert talk.last(second) == ("Wait", "writing another")
    talk.answer(first)
    talk.answer(second)
    assert speaks(talk) == [(first, ()), (second, ())]


def test_A12_queued_each_question_gets_its_answer_in_order() -> None:
    talk = Talk(Manners(on_newer="queue"))
    ids = [talk.say("ann", f"@bot what is {n}+1?") for n in range(5)]
    for id in ids:
        talk.answer(id)
    assert speaks(talk) == [(id, ()) for id in ids]


def test_A12_merged_one_answer_is_for_all_that_the_same_person_asked_meanwhile() -> None:
    talk = Talk(Manners(on_newer="merge"))
    first, second, third = (talk.say("ann", f"@bot what is {n}+1?") for n in range(3))
    other = talk.say("bob", "@bot and for me?")
    talk.answer(first)
    talk.answer(third)
    talk.answer(other)
    assert speaks(talk) == [(first, ()), (third, (second,)), (other, ())]


def test_A12_replaced_the_newer_question_takes_the_older_one_along() -> None:
    talk = Talk(Manners(on_newer="replace"))
    first = talk.say("ann", "@bot what is 2+2?")
    second = talk.say("ann", "@bot I mean 3+3?")
    other = talk.say("bob", "@bot and for me?")
    assert talk.about(first) == [("Speak", "mention"), ("Withdraw", "replaced by a newer one")]
    assert talk.spoken == [first]
    talk.end(first, "withdrawn")
    talk.answer(second)
    assert speaks(talk) == [(first, ()), (second, (first,)), (other, ())]


def test_A12_an_answer_that_was_finished_before_it_could_be_replaced_is_not_given_again() -> None:
    talk = Talk(Manners(on_newer="replace"))
    first = talk.say("ann", "@bot what is 2+2?")
    second = talk.say("ann", "@bot I mean 3+3?")
    talk.answer(first)
    assert speaks(talk) == [(first, ()), (second, ())]


@pytest.mark.parametrize("on_newer", ["queue", "merge", "replace"])
def test_A12_ten_messages_in_a_second_never_start_two_answers(
    on_newer: Literal["queue", "merge", "replace"],
) -> None:
    talk = Talk(Manners(on_newer=on_newer))
    for n in range(10):
        talk.say(("ann", "bob")[n % 2], f"@bot what is {n}+1?")
        talk.now -= 900
    assert len(talk.spoken) == 1
    for _ in range(10):
        talk.end(talk.spoken[-1], "withdrawn" if talk.spoken[-1] in talk.withdrawn else "done")
    covered = {id for id, merged in speaks(talk) for id in (id, *merged)}
    assert covered == set(talk.heard)


def test_A12_a_question_that_is_deleted_leaves_what_was_merged_with_it() -> None:
    talk = Talk()
    busy = talk.say("cy", "@bot hello")
    first, second = (talk.say("ann", f"@bot what is {n}+1?") for n in range(2))
    talk.end(busy)
    assert speaks(talk)[-1] == (second, (first,))
    talk.delete(second)
    assert talk.last(second) == ("Withdraw", "deleted")
    talk.end(second, "withdrawn")
    assert speaks(talk)[-1] == (first, ())


def test_A12_more_than_can_be_open_is_merged_and_never_dropped() -> None:
    talk = Talk()
    busy = talk.say("zoe", "@bot hello")
    for n in range(4 * MAX_OPEN):
        talk.say(f"user{n}", "@bot hello")
    ended = busy
    for _ in range(MAX_OPEN + 1):
        talk.end(ended)
        ended = talk.spoken[-1]
    told = {
        one.id for one in talk.decisions if isinstance(one, Quiet) and one.rule == "merged into a newer one"
    }
    covered = {id for id, merged in speaks(talk) for id in (id, *merged)}
    assert covered | told == set(talk.heard)
    assert max(len(merged) for _, merged in speaks(talk)) == MAX_MERGED


def test_A12_again_makes_a_new_version_when_it_is_free() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot what is 2+2?")
    answer = talk.answer(id, "5")
    busy = talk.say("bob", "@bot what is 3+3?")
    talk.ask("again", answer, user="cy")
    talk.ask("again", answer, user="cy")
    assert talk.last(id) == ("Wait", "writing another")
    talk.end(busy)
    last = talk.decisions[-1]
    assert isinstance(last, Speak)
    assert (last.id, last.rule.value, last.of) == (id, "again", answer)
    newer = talk.say("bot", "4", re=id)
    talk.end(id)
    talk.ask("again", answer)
    assert len(talk.spoken) == 3
    talk.ask("again", newer)
    assert talk.last(id) == ("Speak", "again")


def test_A12_again_is_an_answer_of_its_own_beside_what_the_same_person_asks() -> None:
    talk = Talk()
    busy = talk.say("bob", "@bot hello")
    first = talk.answer(talk.say("ann", "@bot what is 2+2?"))
    talk.ask("again", first)
    talk.end(busy)
    more = talk.say("ann", "@bot what is 3+3?")
    while talk.policy.deadline is not None or talk.spoken[-1] != more:
        talk.end(talk.spoken[-1])
    assert [one.merged for one in talk.decisions if isinstance(one, Speak)] == [()] * len(talk.spoken)


def test_A12_a_message_that_is_forgotten_is_not_answered_when_it_comes_again() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot what is 2+2?")
    talk.answer(id)
    for n in range(MAX_NOTES + 1):
        talk.say("bob", f"noodles {n}")
    talk.hear(Said(talk.heard[id]))
    assert talk.spoken == [id]
    assert talk.last(id) == ("Quiet", "stale")


def test_A12_again_that_an_earlier_run_has_heard_of_is_not_done_twice() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot what is 2+2?", ago=60)
    first = talk.say("bot", "5", re=id, ago=50)
    newer = talk.heard_by("bot", "4", re=id, ago=40)
    talk.hear(Said(replace(newer, of=first)))
    talk.ask("again", first)
    talk.wait(60)
    assert talk.spoken == []


def test_A12_an_answer_of_another_process_is_not_given_twice() -> None:
    talk = Talk()
    busy = talk.say("bob", "@bot hello")
    id = talk.say("ann", "@bot what is 2+2?")
    talk.say("bot", "4", re=id)
    assert talk.last(id) == ("Withdraw", "answered")
    talk.end(busy, "lost")
    assert talk.spoken == [busy]


def test_A12_hushed_while_it_writes_it_withdraws_and_the_queue_too() -> None:
    talk = Talk()
    first = talk.say("ann", "@bot what is 2+2?")
    second = talk.say("bob", "@bot what is 3+3?")
    talk.ask("hush", seconds=60)
    assert set(talk.withdrawn) == {first, second}
    talk.end(first, "withdrawn")
    assert talk.spoken == [first]


def test_A12_hushed_it_does_not_go_on_with_what_was_merged_either() -> None:
    talk = Talk()
    busy = talk.say("cy", "@bot hello")
    _first, second = (talk.say("ann", f"@bot what is {n}+1?") for n in range(2))
    talk.end(busy)
    talk.delete(second)
    talk.ask("hush", seconds=60)
    talk.end(second, "withdrawn")
    assert talk.spoken == [busy, second]


def test_A12_who_asks_for_quiet_takes_back_what_that_person_asked() -> None:
    talk = Talk()
    busy = talk.say("cy", "@bot hello")
    asked, others = talk.say("ann", "@bot what is 2+2?"), talk.say("bob", "@bot what is 3+3?")
    talk.say("ann", "bot: be quiet")
    assert talk.withdrawn == [asked]
    talk.end(busy)
    assert talk.spoken == [busy, others]


def test_A12_what_was_answered_or_deleted_is_not_answered_for_an_edit() -> None:
    talk = Talk()
    answered = talk.say("ann", "@bot what is 2+2?")
    talk.answer(answered)
    talk.edit(answered, "@bot what is 3+3?")
    deleted = talk.say("ann", "noodles")
    talk.delete(deleted)
    talk.edit(deleted, "@bot what is 4+4?")
    assert talk.spoken == [answered]


def test_A12_who_asks_for_quiet_while_it_writes_for_another_takes_no_answer_away() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot tell me everything")
    assert talk.last(talk.say("bob", "bot: stop")) == ("Quiet", "request for quiet")
    assert talk.withdrawn == []
    talk.say("ann", "bot: stop")
    assert talk.last(id) == ("Withdraw", "request for quiet")


def test_A12_a_request_for_quiet_takes_away_what_nobody_asked_of_it() -> None:
    talk = Talk(Manners(ambient=True, grace=0))
    id = talk.say("ann", "does anybody know what 2+2 is?")
    talk.verdict(id, speak=True)
    assert talk.spoken == [id]
    talk.say("bob", "bot: be quiet")
    assert talk.withdrawn == [id]

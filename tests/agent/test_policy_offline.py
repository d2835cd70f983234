"""After being offline: only what is still open, asked of the agent, and fresh."""

from syncchat.agent.policy import Manners, Said, Tick
from syncchat.testing.talk import Talk


def test_A14_after_an_hour_it_answers_what_it_was_asked_and_nothing_else() -> None:
    talk = Talk(Manners(ambient=True, fresh=7200))
    asked = talk.say("ann", "@bot what is 2+2?", ago=3600)
    opened = talk.say("bob", "how do I mount a disk?", ago=3500)
    assert talk.last(asked) == ("Wait", "catching up")
    assert talk.last(opened) == ("Quiet", "stale")
    talk.wait(10)
    assert talk.spoken == [asked]


def test_A14_an_open_question_that_is_left_to_people_yet_was_not_missed() -> None:
    talk = Talk(Manners(ambient=True, grace=120))
    id = talk.say("bob", "how do I mount a disk?", ago=60)
    talk.wait(60)
    assert talk.last(id) == ("Judge", "open question")


def test_A14_a_request_for_quiet_that_it_missed_is_obeyed() -> None:
    talk = Talk()
    asked = talk.say("ann", "@bot what is 2+2?", ago=60)
    talk.say("bob", "bot: please be quiet", ago=30)
    assert talk.last(asked) == ("Withdraw", "request for quiet")


def test_A14_a_clock_that_was_ahead_and_is_set_right_makes_nothing_late() -> None:
    talk = Talk(Manners(ambient=True))
    waiting = talk.say("ann", "how do I mount a disk?")
    talk.now += 2 * 3600 * 1000
    talk.hear(Tick())
    talk.now -= 2 * 3600 * 1000
    assert talk.last(talk.say("bob", "@bot what is 2+2?")) == ("Speak", "mention")
    assert talk.last(waiting)[0] in ("Judge", "Withdraw")
    talk.ask("hush", seconds=60)
    talk.end(talk.spoken[-1], "withdrawn")
    talk.now -= 3600 * 1000
    talk.hear(Tick())
    talk.wait(61)
    assert talk.policy.quiet_until is None


def test_A14_what_is_not_fresh_any_more_is_left() -> None:
    talk = Talk(Manners(fresh=3600))
    assert talk.last(talk.say("ann", "@bot what is 2+2?", ago=3700)) == ("Quiet", "stale")


def test_A14_what_comes_late_to_an_agent_that_is_there_is_late_too() -> None:
    talk = Talk(Manners(ambient=True, grace=0))
    talk.wait(600)
    assert talk.last(talk.say("ann", "how do I mount a disk?", ago=60)) == ("Quiet", "stale")
    assert talk.last(talk.say("bob", "@bot what is 2+2?", ago=60)) == ("Wait", "catching up")


def test_A14_each_late_message_makes_it_wait_for_the_answer_to_the_ones_before() -> None:
    talk = Talk()
    first = talk.say("ann", "@bot what is 2+2?", ago=60)
    talk.say("cy", "@bot what is 3+3?", ago=50)
    talk.now += 500
    talk.hear(Tick())
    talk.say("bob", "4", re=first, ago=40)
    talk.wait(20)
    assert first not in talk.spoken


def test_A14_what_somebody_has_answered_meanwhile_is_left_in_whatever_order_it_comes() -> None:
    talk = Talk()
    talk.say("bob", "hello", ago=1000)
    first = talk.say("ann", "@bot what is 2+2?", ago=900)
    talk.say("bob", "ann: 4", ago=800)
    assert talk.last(first) == ("Withdraw", "answered")
    second = talk.heard_by("cy", "@bot what is 3+3?", ago=700)
    talk.say("bob", "6", re=second.id, ago=600)
    talk.hear(Said(second))
    assert talk.last(second.id) == ("Quiet", "answered")
    talk.wait(60)
    assert talk.spoken == []


def test_A14_what_an_earlier_run_has_answered_is_left() -> None:
    talk = Talk()
    id = talk.say("ann", "@bot what is 2+2?", ago=20)
    talk.say("bot", "4", re=id, ago=15)
    talk.wait(60)
    assert talk.spoken == []


def test_A14_sixty_messages_of_a_night_get_one_answer_for_each_person() -> None:
    talk = Talk(Manners(on_newer="queue"))
    ids = []
    for n in range(60):
        ids.append(talk.say(("ann", "bob")[n % 2], f"@bot what is {n}+1?", ago=1800 - n))
        talk.now -= 1_000
    for _ in range(5):
        talk.wait(60)
        if talk.spoken:
            talk.end(talk.spoken[-1])
    assert talk.spoken == ids[-2:]


def test_A14_it_waits_until_what_it_missed_is_there_but_not_for_ever() -> None:
    talk = Talk()
    first = talk.say("ann", "@bot what is 2+2?", ago=100)
    for n in range(30):
        talk.say(f"user{n}", "@bot hello", ago=90 - n)
    assert talk.spoken
    assert talk.heard[talk.spoken[0]].at <= talk.heard[first].at + 20_000


def test_A14_what_was_said_before_it_was_there_is_not_heard_in_time() -> None:
    talk = Talk(Manners(ambient=True, grace=0))
    assert talk.last(talk.say("ann", "does anybody know what 2+2 is?", ago=2)) == ("Quiet", "stale")
    talk.now += 60_000
    assert talk.last(talk.say("ann", "does anybody know what 3+3 is?", ago=2)) == ("Judge", "open question")


def test_A14_what_its_asker_has_thanked_another_for_is_answered_no_more() -> None:
    for thanks in ("ta cyd", "thanks", "perfect, thank you"):
        talk = Talk()
        asked = talk.say("ann", "@bot what is 48*3?", ago=60)
        talk.say("cyd", "144", ago=40)
        talk.say("ann", thanks, ago=30)
        assert talk.last(asked) == ("Withdraw", "settled by the asker")


def test_A14_thanks_in_advance_settle_nothing() -> None:
    talk = Talk()
    asked = talk.say("ann", "@bot what is 48*3?", ago=60)
    talk.say("ann", "thanks!", ago=58)
    talk.wait(10)
    assert talk.spoken == [asked]

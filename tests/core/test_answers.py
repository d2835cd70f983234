"""What an answer says beside its text: versions, who stopped it, citations, calls of tools."""

from typing import Any

import pytest

from syncchat.core.answer import MAX_CALLS, MAX_CALLS_JSON, MAX_CITES, are_calls
from syncchat.core.bodies import check_body
from syncchat.core.codec import dump
from syncchat.core.grant import Role
from syncchat.core.ids import format_id
from syncchat.core.message import (
    MAX_PROBLEM,
    BadText,
    Message,
    TextTooLong,
    UnknownMessage,
    draft_body,
    read_body,
)
from syncchat.core.page import draft_row
from syncchat.core.presence import Presence
from syncchat.core.rebuild import Restamping
from syncchat.core.room import Room
from syncchat.core.schema import SERVER, Writer
from syncchat.errors import InvalidName, Refused
from syncchat.testing.agent_world import START, World

ID, EARLIER, ANNS = (format_id(START + n, user, n) for n, user in ((2, "bot"), (1, "bot"), (0, "ann")))
BOT = Writer("bot", Role.AGENT)
CALL: dict[str, Any] = {"name": "search", "args": {"text": "tea"}, "state": "proposed"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bot(world: World) -> Room:
    return world.room("bot", world.presence)


def seen(world: World, id: str) -> Message:
    message = world.ann.message(id)
    assert message is not None
    return message


# While it is written, and when it is finished


def test_what_an_answer_says_is_seen_by_everybody(world: World, bot: Room) -> None:
    asked = world.ann.post("hello?")
    first = bot.stream(re=asked)
    first.finish(text="Hello")
    stream = bot.stream(re=asked, of=first.id)
    assert (seen(world, stream.id).re, seen(world, stream.id).of) == (asked, first.id)
    calls = [CALL | {"state": "done", "result": "2 found"}]
    stream.finish(
        text="Hi [m1]",
        state="stopped",
        stopped_by="ann",
        cites=[("m1", asked)],
        calls=calls,
        problem="x" * 999,
    )
    answer = seen(world, stream.id)
    assert (answer.re, answer.of, answer.state, answer.stopped_by) == (asked, first.id, "stopped", "ann")
    assert (answer.cites, answer.calls) == ((("m1", asked),), tuple(calls))
    assert answer.problem == "x" * MAX_PROBLEM


def test_A25_calls_are_seen_while_the_answer_is_written_and_what_is_open_at_its_end_has_failed(
    world: World, bot: Room
) -> None:
    stream = bot.stream(re=world.ann.post("search tea"))
    deltas: list[object] = []
    world.ann.timeline.listen(deltas.extend)
    assert stream.show(calls=[CALL])
    assert seen(world, stream.id).calls == (CALL,)
    assert len(deltas) == 1
    assert stream.show(calls=[CALL | {"state": "denied", "by": "ann"}, CALL])
    assert [call["state"] for call in seen(world, stream.id).calls] == ["denied", "proposed"]
    stream.finish(state="error")
    assert [call["state"] for call in seen(world, stream.id).calls] == ["denied", "failed"]
    assert list(world.store.table("requests").rows()) == []


def test_who_goes_on_with_an_answer_knows_what_it_answers_and_what_it_called(world: World, bot: Room) -> None:
    asked = world.ann.post("search tea")
    stream = bot.stream(re=asked)
    stream.show(calls=[CALL])
    later = world.room("bot", Presence(12)).reopen(stream.id)
    later.finish(state="interrupted")
    answer = seen(world, stream.id)
    assert (answer.text, answer.re, [call["state"] for call in answer.calls]) == ("", asked, ["failed"])


@pytest.mark.parametrize("how", ["discard", "delete"])
def test_H10_what_was_shown_of_an_answer_goes_with_it(world: World, bot: Room, how: str) -> None:
    stream = bot.stream(re=world.ann.post("search tea"))
    stream.show(calls=[CALL])
    if how == "discard":
        stream.discard()
    else:
        world.ann.admit(Role.MODERATOR)
        world.ann.delete(stream.id)
    assert list(world.store.table("requests").rows()) == []
    assert not stream.show(calls=[CALL])
    assert list(world.store.table("requests").rows()) == []


def test_G10_who_is_no_agent_shows_no_calls(world: World) -> None:
    world.ann.admit(Role.WRITER)
    stream = world.ann.stream()
    stream.show(calls=[CALL])
    assert seen(world, stream.id).calls == ()
    stream.finish(text="hello", calls=[CALL])
    assert seen(world, stream.id).calls == ()


@pytest.mark.parametrize(
    "how",
    [
        {"state": None, "text": " \n"},
        {"cites": [("m1", "no id")]},
        {"cites": [("m" * 41, ANNS)]},
        {"cites": [("m1", ANNS)] * (MAX_CITES + 1)},
        {"calls": [CALL] * (MAX_CALLS + 1)},
        {"calls": [CALL | {"state": "bored"}]},
        {"calls": [CALL | {"args": {"text": "x" * MAX_CALLS_JSON}}]},
        {"stopped_by": "not a name"},
    ],
)
def test_an_answer_that_nobody_could_show_is_not_written(
    world: World, bot: Room, how: dict[str, Any]
) -> None:
    stream = bot.stream()
    with pytest.raises((BadText, InvalidName)):
        stream.finish(**({"text": "hello", "state": "stopped"} | how))
    assert stream.open


def test_results_are_cut_to_what_fits_and_arguments_never(world: World, bot: Room) -> None:
    stream = bot.stream()
    calls = [CALL | {"state": "done", "result": "ä" * 5_000}] * MAX_CALLS
    assert stream.show(calls=calls)
    shown = seen(world, stream.id).calls
    assert are_calls(shown)
    assert all(call["args"] == CALL["args"] and 100 < len(call["result"]) < 5_000 for call in shown)


@pytest.mark.parametrize("state", ["error", "stopped", "interrupted"])
def test_an_answer_without_a_word_has_failed_visibly(world: World, bot: Room, state: str) -> None:
    stream = bot.stream()
    stream.finish(state=state)
    assert (seen(world, stream.id).text, seen(world, stream.id).state) == ("", state)


# Versions


def test_versions_of_an_answer_are_told_oldest_first(world: World, bot: Room) -> None:
    ids: list[str] = []
    for text in ("one", "two", "three"):
        stream = bot.stream(of=ids[-1] if ids else None)
        stream.finish(text=text)
        ids.append(stream.id)
    assert [message.text for message in world.ann.versions(ids[2])] == ["one", "two"]
    assert world.ann.versions(ids[0]) == []
    bot.delete(ids[1])
    assert [message.id for message in world.ann.versions(ids[2])] == ids[1:2]
    assert world.ann.versions("nothing") == []


def test_nobody_replaces_what_somebody_else_wrote_or_what_is_still_to_come(world: World, bot: Room) -> None:
    hers = world.ann.post("hello")
    with pytest.raises(BadText):
        bot.stream(of=hers)
    for id, of in ((ID, ANNS), (EARLIER, ID), (ID, ID)):
        world.store.table("messages").set(id, {"text": "hi", "of": of})
        assert seen(world, id).of is None


def test_an_edit_keeps_all_that_is_not_edited(world: World, bot: Room) -> None:
    asked = world.ann.post("hello?")
    first = bot.stream(re=asked)
    first.finish(text="Hello")
    stream = bot.stream(re=asked, of=first.id)
    stream.finish(text="Hi", cites=[("m1", asked)])
    bot.edit(stream.id, "Hi!")
    answer = seen(world, stream.id)
    assert (answer.text, answer.re, answer.of, answer.cites) == ("Hi!", asked, first.id, (("m1", asked),))


# What may stand in a row


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("of", ["", "x", 7, [ID]]),
        ("stopped_by", ["", "a b", None, 7, "x" * 41]),
        ("cites", ["m1", [["m1"]], [["", ANNS]], [["m1", "x"]], [["m1", ANNS]] * 33, {"m1": ANNS}, None]),
        (
            "calls",
            [
                {},
                None,
                [1],
                [CALL] * 17,
                [CALL | {"state": "bored"}],
                [CALL | {"state": []}],
                [CALL | {"args": 1}],
                [CALL | {"name": ""}],
                [CALL | {"name": "x" * 65}],
                [CALL | {"by": "a b"}],
                [CALL | {"result": 1}],
                [CALL | {"result": "x" * MAX_CALLS_JSON}],
            ],
        ),
        ("problem", [1, None, "x" * 301, ["x"]]),
    ],
)
def test_G6_what_nobody_could_show_is_refused_and_reads_as_not_there(name: str, bad: list[Any]) -> None:
    for value in bad:
        with pytest.raises(Refused) as refused:
            check_body({"text": "x", "agent": True, name: value}, ("messages", ID), BOT)
        assert refused.value.rule == "G6"
        body = read_body({"text": "x", name: value})
        assert body is not None
        assert body._replace(problem=None) == ("x", *body._field_defaults.values())


def test_G10_only_an_agent_proposes_calls() -> None:
    value = {"text": "x", "calls": [CALL]}
    assert not check_body(value, ("messages", ID), BOT)
    assert not check_body(value, ("messages", ID), Writer(SERVER, Role.READER))
    for role in (Role.WRITER, Role.MODERATOR):
        with pytest.raises(Refused) as refused:
            check_body(value, ("messages", ANNS), Writer("ann", role))
        assert refused.value.rule == "G10"


def test_G1_a_version_of_what_somebody_else_wrote_is_refused() -> None:
    assert not check_body({"text": "x", "of": EARLIER}, ("messages", ID), BOT)
    for of in (ANNS, ID, format_id(START + 9, "bot", 1)):
        with pytest.raises(Refused) as refused:
            check_body({"text": "x", "of": of}, ("messages", ID), BOT)
        assert refused.value.rule == "G1"


@pytest.mark.parametrize("about", [None, 1, [], {}, {"re": 1, "of": "x", "calls": [1]}, {"text": 3}])
def test_whatever_somebody_writes_beside_a_stream_its_text_is_shown(about: object) -> None:
    assert draft_body("half", about) == draft_body("half", {})
    assert draft_body("half", {"re": ANNS, "deleted": True, "agent": False}).text == "half"


def test_nobody_says_what_somebody_elses_answer_is_about(world: World, bot: Room) -> None:
    stream = bot.stream()
    row = draft_row(stream.id).replace("|bot", "|ann")
    world.store.table("requests").set(row, {"calls": [CALL]})
    assert seen(world, stream.id).calls == ()


# What is asked


def test_what_is_asked_is_heard_again_when_it_changes_and_only_then(world: World, bot: Room) -> None:
    heard: list[tuple[str, Any]] = []
    bot.listen_asked(lambda news: heard.extend((asked.verb, asked.value) for asked in news))
    id = world.ann.post("hello")
    assert world.ann.ask("approve", id, {"call": 1}) == id
    world.ann.ask("approve", id, {"call": 1})
    world.ann.ask("approve", id, {"call": 2})
    assert heard == [("approve", {"call": 1}), ("approve", {"call": 2})]
    assert [asked.value for asked in bot.asked("approve")] == [{"call": 2}]
    assert list(bot.asked("appro")) == []


def test_what_is_about_no_message_has_a_time_of_its_own(world: World, bot: Room) -> None:
    what = [world.ann.ask("ambient", value="on"), world.ann.ask("ambient", value="off")]
    asked = sorted(bot.asked("ambient"), key=lambda asked: asked.hlc)
    assert [one.what for one in asked] == what
    assert [(one.value, one.user) for one in asked] == [("on", "ann"), ("off", "ann")]
    assert asked[0].hlc >= START


@pytest.mark.parametrize(
    ("verb", "id", "value", "error"),
    [
        ("a|b", ANNS, 1, UnknownMessage),
        ("stop", ANNS, 1, UnknownMessage),
        ("a|b", None, 1, InvalidName),
        ("stop", None, "x" * 20_000, TextTooLong),
        ("stop", None, float("nan"), ValueError),
        ("stop", None, object(), TypeError),
    ],
)
def test_what_cannot_be_asked_is_not_written(
    world: World, verb: str, id: str | None, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        world.ann.ask(verb, id, value)
    assert list(world.store.table("requests").rows()) == []


def test_G9_what_is_stamped_anew_still_points_where_it_did() -> None:
    again = Restamping({EARLIER: ID}, START)
    body = {"text": "x", "of": EARLIER, "cites": [["m1", EARLIER], ["m2", ANNS]]}
    world = World()
    world.store.table("messages").set(ANNS, body)
    world.store.table("requests").set(f"claim|{ANNS}|bot", {"by": "one", "fence": 1, "reply": EARLIER})
    told = again.text(world.store.doc, ("messages", ANNS))
    assert told == dump({"text": "x", "of": ID, "cites": [["m1", ID], ["m2", ANNS]]})
    claim = again.text(world.store.doc, ("requests", f"claim|{ANNS}|bot"))
    assert claim == dump({"by": "one", "fence": 1, "reply": ID})

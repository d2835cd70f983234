"""Steering agents from the screen: which message a key or a command is about, and what is asked of whom."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc
from textual.pilot import Pilot
from textual.widgets import Static

from syncchat.core.grant import Role
from syncchat.core.presence import Entry, Presence, encode
from syncchat.core.store import Store
from syncchat.errors import SyncchatError
from syncchat.paged_room import PagedRoom
from syncchat_tui.app import ChatApp
from syncchat_tui.approval_panel import Approval
from syncchat_tui.catch_up_panel import CatchUpPanel
from syncchat_tui.catching_up import Left, Missed, Point, notice, read_missed
from syncchat_tui.composer import Composer
from syncchat_tui.people import People
from syncchat_tui.reading import BEFORE_ALL
from syncchat_tui.steering import CannotSteer, Steering
from tests.tui.looking import hint, screen, until
from tests.tui.test_app import FakePeer, FakeStatus

pytestmark = pytest.mark.anyio

Enter = Callable[..., PagedRoom]
Scene = tuple[PagedRoom, PagedRoom, Presence]

ALL_KEYS = ("f6", "f7", "f9", "ctrl+g")


@pytest.fixture
async def scene(enter: Enter) -> Scene:
    """The room as alice and as bot, an agent, have it; and alice's presence."""
    store, presence = Store(Doc()), Presence(1)
    return enter(store, presence=presence), enter(store, "bot"), presence


def appear(presence: Presence, state: str, clock: int = 1, **more: object) -> None:
    told = {"user": "bot", "agent": True, "state": state} | more
    presence.apply(encode([Entry(2, clock, json.dumps(told))]))


def answer(bot: PagedRoom, text: str, re: str | None = None, of: str | None = None) -> str:
    stream = bot.stream(re=re, of=of)
    stream.append(text)
    stream.finish()
    return stream.id


def asked(room: PagedRoom, *verbs: str) -> list[tuple[str, str, Any]]:
    return [(a.verb, a.what, a.value) for a in room.asked() if a.verb in verbs]


def steer(room: PagedRoom, selected: str | None = None) -> Steering:
    return Steering(room, lambda: selected)


def keys(app: ChatApp) -> dict[str, str]:
    bound = {key: found.binding for key, found in app.active_bindings.items()}
    return {key: bound[key].description for key in ALL_KEYS if key in bound and "agent" in bound[key].action}


async def write(pilot: Pilot[int], text: str) -> None:
    pilot.app.screen_stack[0].query_one(Composer).insert(text)
    await pilot.press("enter")
    await pilot.pause()


def panel(app: ChatApp) -> str:
    return str(app.screen.query_one("#told", Static).content)


# Which message is meant


async def test_A16_stop_is_about_the_selected_answer_or_the_newest_or_the_question_before_its_first_word(
    scene: Scene,
) -> None:
    alice, bot, presence = scene
    question = alice.post("@bot why?")
    with pytest.raises(CannotSteer):
        steer(alice).stop()
    appear(presence, "writing", re=question)
    steer(alice).stop()
    assert [what for _, what, _ in asked(alice, "stop")] == [question]
    first, second = bot.stream(re=question), bot.stream()
    steer(alice).stop()
    assert {what for _, what, _ in asked(alice, "stop")} == {question, second.id}
    steer(alice, first.id).stop()
    assert {what for _, what, _ in asked(alice, "stop")} == {question, second.id, first.id}


async def test_A16_again_is_about_the_newest_version_of_the_answer_that_is_meant(scene: Scene) -> None:
    alice, bot, _ = scene
    question = alice.post("@bot why?")
    with pytest.raises(CannotSteer):
        steer(alice).again()
    first = answer(bot, "thus", question)
    second = answer(bot, "or thus", question, of=first)
    other = answer(bot, "hello")
    meant = set()
    for selected, what in ((None, other), (first, second), (question, second), (other, other)):
        assert steer(alice, selected).offers("again")
        steer(alice, selected).again()
        meant.add(("again", what, 1))
        assert set(asked(alice, "again")) == meant
    chat = alice.post("a person's")
    assert not steer(alice, chat).offers("again")
    with pytest.raises(CannotSteer):
        steer(alice, chat).again()


async def test_G11_who_may_only_read_is_offered_no_steering(scene: Scene) -> None:
    alice, bot, presence = scene
    question = alice.post("@bot why?")
    bot.stream(re=question).show(calls=[{"name": "f", "args": {}, "state": "proposed"}])
    appear(presence, "waiting", re=question)
    steering = steer(alice)
    assert [steering.offers(verb) for verb in ("stop", "now", "allow")] == [True, True, True]
    alice.admit(Role.READER)
    assert not any(steering.offers(verb) for verb in ("stop", "again", "now", "allow"))
    with pytest.raises(SyncchatError):
        steering.stop()


async def test_A25_only_who_asked_or_a_moderator_is_offered_to_decide_about_tools(
    enter: Enter, scene: Scene
) -> None:
    alice, bot, _ = scene
    bob = enter(alice.page(0).store, "bob")
    question = alice.post("@bot look it up")
    reply = bot.stream(re=question)
    reply.show(calls=[{"name": name, "args": {}, "state": "proposed"} for name in ("f", "g")])
    assert steer(alice).offers("allow")
    assert not steer(bob).offers("allow")
    with pytest.raises(CannotSteer, match="moderator"):
        steer(bob).deny()
    bob.admit(Role.MODERATOR)
    steer(bob).deny()
    assert asked(alice, "deny") == [("deny", reply.id, {"call": [0, 1]})]
    reply.finish(text="without it")
    assert not steer(alice).offers("allow")


@pytest.mark.parametrize(
    ("verb", "words", "value"),
    [
        ("ambient", "on", "on"),
        ("hush", "", 600),
        ("hush", "3", 180),
        ("hush", "0", 0),
        ("summon", "poet", {"agent": "poet"}),
        ("dismiss", "", {"agent": "bot"}),
        ("dismiss", "poet", {"agent": "poet"}),
    ],
)
async def test_A11_A24_what_is_asked_about_the_room(
    scene: Scene, verb: str, words: str, value: object
) -> None:
    alice, _, presence = scene
    appear(presence, "watching")
    assert getattr(steer(alice), verb)(words)
    assert [value for _, _, value in asked(alice, verb)] == [value]


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("ambient", ""),
        ("ambient", "maybe"),
        ("agent", "grace"),
        ("agent", "grace soon"),
        ("agent", "grace -1"),
        ("agent", "grace nan"),
        ("agent", "share 2"),
        ("agent", "newer drop"),
        ("agent", "gate 1"),
        ("hush", "-1"),
        ("hush", "long"),
        ("hush", "99999"),
        ("summon", ""),
        ("summon", "a b"),
        ("dismiss", ""),
        ("should", "sing"),
        ("should", "speak"),
    ],
)
async def test_what_cannot_be_asked_says_why_and_asks_nothing(scene: Scene, verb: str, words: str) -> None:
    alice = scene[0]
    with pytest.raises(SyncchatError):
        getattr(steer(alice), verb)(words)
    assert list(alice.asked()) == []


# On the screen


async def test_A16_the_key_stops_what_is_written_and_then_asks_for_it_again(scene: Scene) -> None:
    alice, bot, _ = scene
    app = ChatApp(alice, FakePeer(), server=True)
    async with app.run_test() as pilot:
        assert keys(app) == {}
        reply = bot.stream(re=alice.post("@bot tell me more"))
        reply.append("once upon")
        await until(lambda: keys(app).get("f6") == "Stop")
        await pilot.press("f6")
        assert asked(bot, "stop") == [("stop", reply.id, 1)]
        reply.finish(state="stopped", stopped_by="alice")
        await until(lambda: "(stopped by alice)" in screen(app))
        await until(lambda: keys(app).get("f6") == "Again")
        await write(pilot, "/again")
        assert asked(bot, "again") == [("again", reply.id, 1)]


async def test_A11_the_time_until_an_agent_may_answer_counts_down_and_a_key_ends_it(
    scene: Scene,
) -> None:
    alice, _, presence = scene
    now = 1_000_000
    app = ChatApp(alice, FakePeer(), server=True)
    app.conversation.now = lambda: now
    async with app.run_test() as pilot:
        question = alice.post("does anybody know?")
        appear(presence, "waiting", mode="ambient", re=question, until=now + 118_000)
        await until(lambda: hint(app) == "bot can answer in 118 s (F7: now)")
        people = str(app.query_one(People).content).splitlines()
        assert people[-3:] == ["bot ✦", "  ambient", "  waiting…"]
        now += 9_500
        await until(lambda: hint(app) == "bot can answer in 109 s (F7: now)")
        await pilot.press("f7")
        assert asked(alice, "now") == [("now", question, 1)]
        appear(presence, "watching", 2)
        await until(lambda: hint(app) == "")
        await until(lambda: "f7" not in keys(app))
        await write(pilot, "/now")
        assert app.query_one(Composer).text == "/now"


async def test_A25_what_a_tool_is_given_is_shown_whole_before_it_is_allowed(scene: Scene) -> None:
    alice, bot, _ = scene
    app = ChatApp(alice, FakePeer(), server=True)
    long = "words " * 200
    async with app.run_test() as pilot:
        reply = bot.stream(re=alice.post("@bot look it up"))
        calls = [
            {"name": "read", "args": {}, "state": "done"},
            {"name": "send", "args": {"text": f"{long}\x1b[2J and the end"}, "state": "proposed"},
        ]
        reply.show(calls=calls)
        await until(lambda: keys(app).get("f9") == "Allow")
        assert "and the end" not in screen(app)
        await pilot.press("f9")
        assert isinstance(app.screen, Approval)
        shown = " ".join(str(static.content) for static in app.screen.query(Static))
        assert "and the end" in shown
        assert "\x1b" not in shown
        await pilot.press("escape")
        assert asked(bot, "approve", "deny") == []
        await write(pilot, "/allow")
        await pilot.press("f9")
        await pilot.pause()
        assert asked(bot, "approve", "deny") == [("approve", reply.id, {"call": [1]})]


async def test_A22_why_is_asked_about_the_selected_message_and_answered_in_words(scene: Scene) -> None:
    alice, bot, presence = scene
    peer = FakePeer()
    peer.status = FakeStatus(online=True)
    app = ChatApp(alice, peer, server=True)
    async with app.run_test() as pilot:
        appear(presence, "watching")
        first = alice.post("hello")
        alice.post("another")
        await pilot.press("ctrl+up", "ctrl+up")
        await write(pilot, "/why")
        assert asked(bot, "why") == [("why", first, 1)]
        assert "Why? alice's “hello”" in panel(app)
        bot.ask(
            "because", first, {"decision": "quiet", "rule": "acknowledgement", "inputs": {"user": "alice"}}
        )
        await until(lambda: "bot stayed quiet: the message thanks or agrees" in panel(app))
        await pilot.press("escape")
        await write(pilot, "/why")
        assert asked(bot, "why") == [("why", first, 2)]
        await pilot.press("escape")
        await write(pilot, "/should speak")
        assert asked(bot, "should") == [("should", first, "speak")]


async def test_A23_usage_shows_the_answer_to_this_question_and_no_other(scene: Scene) -> None:
    alice, bot, _ = scene
    app = ChatApp(alice, FakePeer(), server=True)
    async with app.run_test() as pilot:
        bot.ask("spent", value={"re": "old", "mine": {"calls": 77}})
        await write(pilot, "/usage")
        assert "not reached" in panel(app)
        [(_, what, _)] = asked(bot, "usage")
        bot.ask(
            "spent", value={"re": what, "mine": {"calls": 2, "tokens_in": 10, "tokens_out": 3}, "left": 8}
        )
        await until(lambda: "for you: 2 calls, 10 tokens in, 3 tokens out" in panel(app))
        assert "77" not in panel(app)
        assert "calls left today: 8" in panel(app)


async def test_A16_a_key_leads_from_a_new_version_to_the_earlier_one_and_back(scene: Scene) -> None:
    alice, bot, _ = scene
    first = answer(bot, "thus", alice.post("@bot why?"))
    steering = steer(alice)
    assert not steering.offers("cited")
    with pytest.raises(CannotSteer):
        steering.go_cited()
    second = answer(bot, "or thus", of=first)
    assert steer(alice).offers("cited")
    assert steer(alice).go_cited() == first
    assert steer(alice, second).go_cited() == first


async def test_A6_a_key_leads_to_what_an_answer_cites_one_after_the_other_and_back(scene: Scene) -> None:
    alice, bot, _ = scene
    app = ChatApp(alice, FakePeer(), server=True)
    ids = [alice.post(f"message {number}") for number in range(60)]
    reply = bot.stream(re=ids[-1])
    reply.append("as said [m1] and [m2]")
    reply.finish(cites=[("m1", ids[3]), ("m2", ids[20]), ("m1", ids[3])])
    async with app.run_test() as pilot:
        await until(lambda: keys(app).get("ctrl+g") == "Cited")
        led: list[str | None] = [None]
        for _ in range(4):
            await pilot.press("ctrl+g")
            await until(lambda: app.transcript.selected != led[-1])
            led.append(app.transcript.selected)
        assert led == [None, ids[3], ids[20], reply.id, ids[3]]
        assert "message 3" in screen(app)


# Catch me up


class Told:
    """What a daemon would tell."""

    def __init__(self, points: list[Point]) -> None:
        self.points = points
        self.asked: list[Left | None] = []

    async def ask(self, room: str, left: Left | None, /) -> Missed:
        assert room == "lobby"
        self.asked.append(left)
        return Missed(self.points, 9, 2)


async def test_A26_what_was_missed_is_told_in_points_and_enter_leads_to_their_messages(scene: Scene) -> None:
    alice = scene[0]
    ids = [alice.post(f"message {number}") for number in range(60)]
    points = [
        Point("was late", ("bob",), (ids[5],)),
        Point("brought\x1b cake", ("ann", "bob"), (ids[7], ids[9])),
    ]
    peer = FakePeer()
    told = Told(points)
    app = ChatApp(alice, peer, server=True, catching_up=told)
    async with app.run_test() as pilot:
        await write(pilot, "/catchup")
        assert not isinstance(app.screen, CatchUpPanel)
        peer.become(FakeStatus(online=True))
        await write(pilot, "/catchup")
        assert isinstance(app.screen, CatchUpPanel)
        await until(
            lambda: "from 9 messages; the oldest 2" in str(app.screen.query_one("#about", Static).content)
        )
        await pilot.press("down", "enter")
        await until(lambda: app.transcript.selected == ids[7])
        await write(pilot, "/catchup")
        assert told.asked == [Left(BEFORE_ALL), Left(ids[7])]


def test_A26_of_what_a_daemon_tells_only_what_can_be_shown_is_read() -> None:
    id = "0000000001.bob.00000000"
    good = {"text": "late", "users": ["bob", 3, "a b"], "messages": [id, "x", None]}
    told = {"points": [good, {"text": ""}, None, 5], "messages": 3, "left_out": 0, "late": -4}
    assert read_missed(told) == Missed([Point("late", ("bob",), (id,))], 3, 0)
    assert read_missed({"points": 3}) is None
    assert read_missed([]) is None


def test_A26_how_many_came_late_and_are_not_told_of_is_said() -> None:
    assert notice(Missed([], 0, 0, 2)).endswith("since then; 2 more came late, further up, and are not in it")
    assert notice(Missed([], 3, 0)) == "nothing of note in 3 messages"

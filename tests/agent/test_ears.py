"""What an agent hears of a room: each message once, edits and deletions, requests and who is there."""

from collections.abc import Iterator

import pytest

from syncchat.agent.ears import TYPING, Ears
from syncchat.agent.policy import Ambient, Asked, Edited, Event, Gone, Here, Said, Typing
from syncchat.testing.agent_world import START, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def heard(world: World) -> Iterator[list[Event]]:
    """What was heard since the room is listened to; who is there at first was heard before."""
    told: list[Event] = []
    with Ears(world.bot, told.append, now=lambda: world.now).listening():
        told.clear()
        yield told


def kinds(told: list[Event]) -> list[type[Event]]:
    return [type(event) for event in told]


def test_a_message_is_told_once_and_then_its_edits_and_its_end(world: World, heard: list[Event]) -> None:
    id = world.ann.post("hello")
    world.bob.react(id, "+")
    world.ann.edit(id, "hello, all")
    world.ann.delete(id)
    assert kinds(heard) == [Said, Edited, Gone]
    said, edited, gone = heard
    assert isinstance(said, Said)
    assert isinstance(edited, Edited)
    assert (said.heard.id, said.heard.text, said.heard.user, said.heard.agent) == (id, "hello", "ann", False)
    assert edited.heard.text == "hello, all"
    assert gone == Gone(id)


def test_a_message_is_heard_when_it_is_finished_and_one_that_is_taken_back_before_is_not(
    world: World, heard: list[Event]
) -> None:
    stream, other = world.ann.stream(agent=False), world.bob.stream(agent=False)
    for piece in ("hel", "lo"):
        stream.append(piece)
        other.append(piece)
    other.discard()
    assert heard == []
    stream.finish()
    assert [event.heard.text for event in heard if isinstance(event, Said)] == ["hello"]


def test_a_page_that_is_closed_takes_no_message_away(world: World, heard: list[Event]) -> None:
    world.ann.post("hello")
    world.bot.detach(0)
    assert kinds(heard) == [Said]
    world.bot.attach(0, world.store)
    assert kinds(heard) == [Said]


def test_history_that_is_scrolled_to_is_not_told() -> None:
    world = World()
    late = world.room("late", now=lambda: START - 3_600_000)
    world.ann.post("the first that is shown")
    told: list[Event] = []
    with Ears(world.bot, told.append, now=lambda: world.now).listening():
        late.post("from an hour ago")
    assert [event.heard.user for event in told if isinstance(event, Said)] == ["ann"]


def test_what_was_there_is_told_first_oldest_first(world: World) -> None:
    first, second = world.ann.post("one"), world.bob.post("two")
    world.ann.ask("ambient", value="on")
    world.ann.ask("ambient", value="off")
    world.bob.ask("stop", first)
    told: list[Event] = []
    with Ears(world.bot, told.append, now=lambda: world.now).listening():
        pass
    assert kinds(told[:3]) == [Here, Said, Said]
    assert [event.heard.id for event in told if isinstance(event, Said)] == [first, second]
    assert [event for event in told if isinstance(event, Ambient)] == [Ambient(True), Ambient(False)]
    assert Asked("stop", first, "bob") in told


def test_a_hush_has_what_is_left_of_it(world: World) -> None:
    for seconds in (600, 60, 0):
        world.ann.ask("hush", value=seconds)
    world.ann.ask("hush", value="for ever")
    world.now += 100_000
    told: list[Event] = []
    with Ears(world.bot, told.append, now=lambda: world.now).listening():
        pass
    assert [event.seconds for event in told if isinstance(event, Asked)] == [500, 0]


def test_only_what_a_policy_decides_about_is_told(world: World, heard: list[Event]) -> None:
    id = world.ann.post("hello")
    for verb in ("why", "claim", "ambient", "stop", "now", "again"):
        world.bob.ask(verb, id)
    assert [event.verb for event in heard if isinstance(event, Asked)] == ["stop", "now", "again"]
    assert kinds(heard) == [Said, Asked, Asked, Asked]


def test_who_is_there_and_who_types_is_told_when_it_changes(world: World, heard: list[Event]) -> None:
    world.bot.set_presence(agent=True, state="watching")
    assert [event.people for event in heard if isinstance(event, Here)] == []
    world.bob.set_presence(state="writing")
    world.bob.set_presence(mood="fine")
    world.bob.set_presence(state=None)
    assert heard == [Typing("bob", START + TYPING), Typing("bob", START - 1)]
    world.room("carl").set_presence(name="Carl")
    here = heard[-1]
    assert isinstance(here, Here)
    assert [who.name for who in here.people] == ["ann", "bob", "Carl"]

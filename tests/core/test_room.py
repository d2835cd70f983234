"""A room as its user writes it: posts, edits, reactions, requests, streams, people."""

from collections.abc import Callable

import pytest
from pycrdt import Doc

from syncchat.core.ids import MAX_AHEAD, Hlc, format_id, parse_id
from syncchat.core.message import MAX_TEXT, BadText, TextTooLong, UnknownMessage
from syncchat.core.people import Person
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.errors import InvalidName, Refused, SyncchatError

NOW = 1_700_000_000_000


class Copy:
    """One user's copy of a room, its clock standing still."""

    def __init__(self, user: str) -> None:
        self.store = Store(Doc())
        self.presence = Presence(self.store.doc.client_id)
        self.rand = iter(range(10_000))
        self.room = Room(
            "lobby",
            user,
            hlc=Hlc(lambda: NOW),
            rand=lambda: next(self.rand),
            presence=self.presence,
            is_waiting=lambda doc, root, key: False,
        )
        self.room.attach(0, self.store)

    def take(self, other: "Copy") -> None:
        with self.store.transaction():
            self.store.doc.apply_update(other.store.doc.get_update(self.store.doc.get_state()))


def shared() -> tuple[Copy, Copy, str]:
    """Ann's and Bob's copies of a room with one message of Ann's."""
    ann, bob = Copy("ann"), Copy("bob")
    id = ann.room.post("hello")
    bob.take(ann)
    return ann, bob, id


def test_O1_a_post_is_there_at_once() -> None:
    ann = Copy("ann")
    id = ann.room.post("hello 📊", re=None)
    message = ann.room.message(id)
    assert message is not None
    assert (message.id, message.user, message.text, message.hlc) == (id, "ann", "hello 📊", NOW)
    assert (message.streaming, message.deleted, message.agent, message.edited) == (False, False, False, None)
    assert list(ann.room.timeline) == [message]


def test_O1_an_answer_knows_what_it_answers() -> None:
    ann, bob, id = shared()
    answer = bob.room.post("hello back", re=id)
    ann.take(bob)
    message = ann.room.message(answer)
    assert message is not None
    assert message.re == id


def test_T4_a_post_is_one_update_and_so_is_finishing_a_stream() -> None:
    ann = Copy("ann")
    updates: list[bytes] = []
    ann.store.doc.observe(lambda event: updates.append(event.update))
    ann.room.post("hello")
    stream = ann.room.stream()
    stream.append("hello")
    assert len(updates) == 3
    stream.finish()
    assert len(updates) == 4
    assert ann.store.table("messages").get(stream.id) == {"text": "hello", "agent": True}
    assert list(ann.store.texts("streams").rows()) == []


@pytest.mark.parametrize("text", ["", "  \n", "\ud800", None, 7])
def test_a_message_without_a_readable_text_is_refused(text: str) -> None:
    ann, _, id = shared()
    for write in (ann.room.post, lambda text: ann.room.edit(id, text)):
        with pytest.raises(BadText):
            write(text)
    assert len(ann.room.timeline) == 1


def test_G6_a_text_may_have_16_kib_of_utf8_and_no_more() -> None:
    ann, _, id = shared()
    ann.room.post("é" * (MAX_TEXT // 2))
    for write in (ann.room.post, lambda text: ann.room.edit(id, text)):
        with pytest.raises(TextTooLong, match=f"a message may have {MAX_TEXT}"):
            write("é" * (MAX_TEXT // 2) + "x")
        with pytest.raises(TextTooLong, match="control characters"):
            write("\x01" * MAX_TEXT)
    assert len(ann.room.timeline) == 2


def test_G7_odd_names_and_ids_are_refused() -> None:
    ann, _, id = shared()
    with pytest.raises(InvalidName, match="room"):
        Room("../x", "ann", hlc=Hlc(lambda: 0), rand=int, presence=ann.presence, is_waiting=lambda *_: False)
    with pytest.raises(InvalidName, match="no message id"):
        ann.room.post("hello", re="nonsense")
    with pytest.raises(InvalidName, match="verb"):
        ann.room.ask("a|b", id)


def test_a_room_without_a_page_says_so() -> None:
    ann = Copy("ann")
    ann.room.detach(0)
    with pytest.raises(SyncchatError, match="no page attached"):
        ann.room.post("hello")


def test_I1_a_post_has_an_id_of_its_time_its_author_and_chance() -> None:
    ann = Copy("ann")
    ids = [ann.room.post("hello") for _ in range(3)]
    assert [parse_id(id) for id in ids] == [(NOW + n, "ann", f"0000000{n}") for n in range(3)]


def test_I2_what_is_posted_after_reading_a_message_stands_behind_it() -> None:
    ann, bob, _ = shared()
    for _ in range(5):
        ann.room.post("faster")
    bob.take(ann)
    assert bob.room.timeline.index(bob.room.post("slower")) == 6


def test_I2_a_message_from_the_far_future_drags_nobody_along() -> None:
    ann, bob, _ = shared()
    for hlc in (NOW + MAX_AHEAD * 2, 32**10 - 1):
        ann.store.table("messages").set(format_id(hlc, "ann", 0), {"text": "from the future"})
    bob.take(ann)
    assert parse_id(bob.room.post("now")).hlc < NOW + MAX_AHEAD


# Editing and deleting


def test_G1_somebody_elses_message_can_be_neither_edited_nor_deleted() -> None:
    _, bob, id = shared()
    for write in (
        lambda: bob.room.edit(id, "mine now"),
        lambda: bob.room.delete(id),
        lambda: bob.room.reopen(id),
    ):
        with pytest.raises(Refused) as caught:
            write()
        assert (caught.value.rule, caught.value.rows) == ("G1", (("messages", id),))
    message = bob.room.message(id)
    assert message is not None
    assert message.text == "hello"


def test_an_edit_changes_the_text_and_tells_when() -> None:
    ann, bob, id = shared()
    answer = ann.room.post("answer", re=id)
    ann.room.edit(answer, "better answer")
    bob.take(ann)
    message = bob.room.message(answer)
    assert message is not None
    assert (message.text, message.re, message.edited) == ("better answer", id, NOW + 2)


def test_a_delete_takes_the_text_back_and_stays() -> None:
    ann, bob, id = shared()
    ann.room.delete(id)
    ann.room.delete(id)
    bob.take(ann)
    message = bob.room.message(id)
    assert message is not None
    assert (message.deleted, message.text) == (True, "")
    assert ann.store.table("messages").get(id) == {"deleted": True}
    with pytest.raises(UnknownMessage, match="deleted"):
        ann.room.edit(id, "back again")


def test_what_is_not_there_is_named_in_the_error() -> None:
    ann = Copy("ann")
    gone = format_id(1, "ann", 1)
    writes: list[Callable[[], object]] = [
        lambda: ann.room.edit(gone, "x"),
        lambda: ann.room.delete(gone),
        lambda: ann.room.react(gone, "👍"),
        lambda: ann.room.ask("stop", gone),
        lambda: ann.room.reopen(gone),
    ]
    for write in writes:
        with pytest.raises(UnknownMessage, match=gone):
            write()
    assert ann.room.message(gone) is None


# Streams


def test_A3_a_stream_grows_by_appending_and_finishes_as_one_message() -> None:
    ann, bob, id = shared()
    stream = bob.room.stream(re=id)
    assert stream.append("Zoë ")
    assert stream.append("📊")
    ann.take(bob)
    growing = ann.room.message(stream.id)
    assert growing is not None
    assert (
        (growing.text, growing.streaming, growing.agent)
        == (stream.text, True, True)
        == ("Zoë 📊", True, True)
    )
    assert stream.finish(state="stopped")
    assert not stream.open
    ann.take(bob)
    finished = ann.room.message(stream.id)
    assert finished is not None
    assert (finished.text, finished.streaming, finished.re, finished.state) == (
        "Zoë 📊",
        False,
        id,
        "stopped",
    )


def test_A4_a_stream_that_somebody_deleted_says_so_and_stays_deleted() -> None:
    here, there = Copy("bot"), Copy("bot")
    stream = here.room.stream()
    stream.append("I was about to")
    there.take(here)
    there.room.delete(stream.id)
    here.take(there)
    assert not stream.append(" say")
    assert not stream.finish()
    assert not stream.discard()
    assert (stream.text, stream.open) == ("", False)
    message = here.room.message(stream.id)
    assert message is not None
    assert message.deleted


def test_A3_a_late_token_has_no_effect_on_a_finished_message() -> None:
    here, there = Copy("bot"), Copy("bot")
    stream = here.room.stream()
    stream.append("done")
    there.take(here)
    late = there.room.reopen(stream.id)
    stream.finish()
    late.append(" and more")
    there.take(here)
    here.take(there)
    for copy in (here, there):
        message = copy.room.message(stream.id)
        assert message is not None
        assert (message.text, message.streaming, len(copy.room.timeline)) == ("done", False, 1)


def test_A3_a_discarded_stream_leaves_nothing() -> None:
    bot = Copy("bot")
    stream = bot.room.stream()
    stream.append("hm")
    assert stream.discard()
    assert len(bot.room.timeline) == 0


@pytest.mark.parametrize("agent", [True, False])
def test_A3_G10_a_stream_left_behind_by_a_crash_can_be_gone_on_with(agent: bool) -> None:
    bot = Copy("bot")
    id = bot.room.stream(agent=agent).id
    again = bot.room.reopen(id, agent=agent)
    again.append("here I am again")
    assert again.finish(state="interrupted")
    message = bot.room.message(id)
    assert message is not None
    assert (message.text, message.state) == ("here I am again", "interrupted")
    assert message.agent is agent
    with pytest.raises(UnknownMessage, match="finished"):
        bot.room.reopen(id)


def test_A3_a_text_given_at_the_end_replaces_what_was_streamed() -> None:
    bot = Copy("bot")
    stream = bot.room.stream(agent=False)
    stream.append("draft")
    assert stream.finish(text="final")
    message = bot.room.message(stream.id)
    assert message is not None
    assert (message.text, message.agent) == ("final", False)


def test_G6_a_stream_is_no_longer_than_a_message_may_be() -> None:
    bot = Copy("bot")
    stream = bot.room.stream()
    assert stream.append("x" * MAX_TEXT)
    with pytest.raises(TextTooLong):
        stream.append("x")
    with pytest.raises(TextTooLong):
        stream.finish(text="x" * (MAX_TEXT + 1))
    with pytest.raises(BadText, match="interrupted, stopped"):
        stream.finish(state="bored")
    assert len(stream.text) == MAX_TEXT


# Reactions


def test_reactions_are_grouped_by_emoji_and_everybody_takes_back_their_own() -> None:
    ann, bob, id = shared()
    for copy, emoji in ((bob, "👍"), (ann, "👍"), (bob, "👩‍🚀")):
        copy.room.react(id, emoji)
    ann.room.react(id, "👍")
    ann.take(bob)
    message = ann.room.message(id)
    assert message is not None
    assert dict(message.reactions) == {"👍": ("ann", "bob"), "👩‍🚀": ("bob",)}
    ann.room.react(id, "👍", on=False)
    ann.room.react(id, "🎉", on=False)
    message = ann.room.message(id)
    assert message is not None
    assert dict(message.reactions) == {"👍": ("bob",), "👩‍🚀": ("bob",)}


@pytest.mark.parametrize("emoji", ["", "a|b", "x" * 33, "\n", "\ud800"])
def test_G6_an_emoji_that_could_not_be_read_back_is_refused(emoji: str) -> None:
    ann, _, id = shared()
    with pytest.raises(BadText, match="no reaction"):
        ann.room.react(id, emoji)


# People and the cover


def test_P2_people_are_users_however_many_connections_they_have() -> None:
    ann = Copy("ann")
    other, third = Presence(7), Presence(8)
    heard: list[list[Person]] = []
    subscription = ann.room.listen_people(heard.append)
    ann.room.set_presence(name="Ann")
    other.set_local({"user": "bob", "name": "Bob", "typing": True})
    third.set_local({"user": "bob", "away": True})
    ann.presence.apply(other.announce())
    ann.presence.apply(third.announce())
    assert [(person.user, person.name) for person in ann.room.people] == [("ann", "Ann"), ("bob", "Bob")]
    assert ann.room.people[1].state == {"user": "bob", "name": "Bob", "typing": True, "away": True}
    assert heard[-1] == ann.room.people
    subscription.cancel()
    ann.room.set_presence(typing=True)
    assert len(heard) == 3


def test_what_was_said_of_oneself_stays_until_it_is_taken_back() -> None:
    ann = Copy("ann")
    ann.room.set_presence(name="Ann", typing=True)
    ann.room.set_presence(typing=None, user="somebody else")
    assert ann.presence.local == {"user": "ann", "name": "Ann"}


@pytest.mark.parametrize("state", [{}, {"user": 7}, {"user": "a b"}, {"user": None, "name": "x"}])
def test_a_malformed_presence_state_is_nobody(state: dict[str, object]) -> None:
    ann = Copy("ann")
    other = Presence(7)
    other.set_local(state)
    ann.presence.apply(other.announce())
    assert ann.room.people == []


def test_a_person_without_a_readable_name_is_shown_by_id() -> None:
    ann = Copy("ann")
    for client, name in ((7, " "), (8, 9)):
        other = Presence(client)
        other.set_local({"user": f"user{client}", "name": name})
        ann.presence.apply(other.announce())
    assert [person.name for person in ann.room.people] == ["user7", "user8"]


def test_H1_title_and_topic_are_read_from_the_cover_if_there_is_one() -> None:
    ann = Copy("ann")
    assert (ann.room.title, ann.room.topic) == ("", "")
    cover = Store(Doc())
    ann.room.attach_cover(cover)
    cover.table("about").set("title", "The lobby")
    cover.table("about").set("topic", 7)
    assert (ann.room.title, ann.room.topic) == ("The lobby", "")

"""The timeline of a room: in order, over all pages, told by deltas, never handed out whole."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from syncchat.core.deltas import Added, Changed, Delta, Removed, apply_deltas
from syncchat.core.ids import MAX_AHEAD, Hlc, format_id, parse_id
from syncchat.core.message import Message
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store

NOW = 1_700_000_000_000


class Copy:
    """One user's copy of a room of two pages; which rows wait for the server is up to the test."""

    def __init__(self, user: str = "ann", pages: int = 1) -> None:
        self.stores = [Store(Doc()) for _ in range(pages)]
        self.waiting: set[tuple[str, str, str]] = set()
        rand = iter(range(100_000))
        self.room = Room(
            "lobby",
            user,
            hlc=Hlc(lambda: NOW),
            rand=lambda: next(rand),
            presence=Presence(1),
            is_waiting=lambda doc, root, key: (doc, root, key) in self.waiting,
        )
        for number, store in enumerate(self.stores):
            self.room.attach(number, store)

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.room.timeline]

    def hear(self) -> list[list[Delta]]:
        heard: list[list[Delta]] = []
        self.room.timeline.listen(heard.append)
        return heard

    def take(self, other: "Copy") -> None:
        for mine, theirs in zip(self.stores, other.stores, strict=True):
            with mine.transaction():
                mine.doc.apply_update(theirs.doc.get_update(mine.doc.get_state()))


IDS = [format_id(NOW + n, user, 1) for n, user in ((0, "ann"), (0, "bob"), (1, "ann"))]
BODIES: list[Any] = [
    {"text": "é"},
    {"text": ""},
    {"deleted": True},
    {"text": 7},
    [],
    None,
    {"text": "x", "re": "?"},
]
ids = st.sampled_from([*IDS, "no id"])
Write = tuple[str, int, str, Any]
writes = st.one_of(
    st.tuples(st.just("finish"), st.integers(0, 1), ids, st.sampled_from(BODIES)),
    st.tuples(st.just("remove"), st.integers(0, 1), ids, st.none()),
    st.tuples(st.just("create"), st.integers(0, 1), ids, st.text(max_size=2)),
    st.tuples(st.just("append"), st.integers(0, 1), ids, st.text(max_size=2)),
    st.tuples(st.just("discard"), st.integers(0, 1), ids, st.none()),
    st.tuples(st.just("react"), st.integers(0, 1), ids, st.sampled_from(["👍", "🎉"])),
    st.tuples(st.just("unreact"), st.integers(0, 1), ids, st.sampled_from(["👍", "🎉"])),
)
page_turns = st.tuples(st.sampled_from(["attach", "detach"]), st.integers(0, 1))
transactions = st.lists(st.lists(writes, min_size=1, max_size=4) | page_turns, max_size=15)


def write(store: Store, verb: str, id: str, value: Any) -> None:
    reaction = f"{id}|bob|{value}"
    steps: dict[str, Callable[[], object]] = {
        "finish": lambda: store.table("messages").set(id, value),
        "remove": lambda: store.table("messages").delete(id),
        "create": lambda: store.texts("streams").create(id, value),
        "append": lambda: store.texts("streams").append(id, value),
        "discard": lambda: store.texts("streams").delete(id),
        "react": lambda: store.table("reactions").set(reaction, 1),
        "unreact": lambda: store.table("reactions").delete(reaction),
    }
    steps[verb]()


def turn(copy: Copy, verb: str, number: int, attached: set[int]) -> None:
    if verb == "attach" and number not in attached:
        copy.room.attach(number, copy.stores[number])
        attached.add(number)
    elif verb == "detach":
        copy.room.detach(number)
        attached.discard(number)


def anew(copy: Copy, attached: set[int]) -> list[Message]:
    """What a room that is opened only now shows."""
    fresh = Copy(pages=0)
    for number in attached:
        fresh.room.attach(number, Store(copy.stores[number].doc))
    return list(fresh.room.timeline)


@given(transactions)
def test_T3_a_timeline_equals_one_computed_anew_and_its_deltas_lead_there(
    transactions: list[list[Write] | tuple[str, int]],
) -> None:
    copy, attached = Copy(pages=2), {0, 1}
    followed: list[str] = []
    texts: dict[str, str] = {}

    def follow(deltas: list[Delta]) -> None:
        apply_deltas(followed, deltas)
        for delta in deltas:
            text = delta.appended if isinstance(delta, Changed) else None
            message = copy.room.message(delta.row)
            texts[delta.row] = texts[delta.row] + text if text else message.text if message else ""

    copy.room.timeline.listen(follow)
    for steps in transactions:
        if isinstance(steps, tuple):
            turn(copy, *steps, attached)
        else:
            with copy.stores[0].transaction(), copy.stores[1].transaction():
                for verb, page, id, value in steps:
                    write(copy.stores[page], verb, id, value)
        shown = list(copy.room.timeline)
        assert shown == anew(copy, attached)
        assert followed == copy.ids == sorted(copy.ids)
        assert [texts[message.id] for message in shown] == [message.text for message in shown]
        assert [copy.room.timeline.index(id) for id in followed] == list(range(len(followed)))


def test_H2_messages_stand_in_the_order_of_their_ids_whenever_they_arrive() -> None:
    ann, bob = Copy("ann"), Copy("bob")
    late = bob.room.post("written offline, first")
    early = ann.room.post("one")
    ann.room.post("two")
    heard = ann.hear()
    ann.take(bob)
    assert early < late < ann.ids[2]
    assert heard == [[Added(1, late)]]
    assert ann.ids == sorted(ann.ids)


def test_H1_a_room_shows_all_attached_pages_and_writes_to_the_newest() -> None:
    copy = Copy(pages=2)
    new = copy.room.post("on page 1")
    assert new in copy.stores[1].table("messages")
    copy.room.detach(1)
    old = copy.room.post("on page 0")
    assert copy.ids == [old]
    heard = copy.hear()
    copy.room.attach(1, copy.stores[1])
    assert heard == [[Added(0, new)]]
    copy.room.edit(old, "still on page 0")
    copy.room.react(old, "👍")
    assert old not in copy.stores[1].table("messages")
    assert len(copy.stores[1].table("reactions")) == 0
    with pytest.raises(ValueError, match="attached already"):
        copy.room.attach(1, copy.stores[1])
    copy.room.detach(7)


def test_H1_an_id_on_two_pages_is_one_message_as_the_newest_page_has_it() -> None:
    copy = Copy(pages=2)
    id = format_id(NOW, "ann", 1)
    for store, text in zip(copy.stores, ("old", "new"), strict=True):
        store.texts("streams").create(id, text)
    heard = copy.hear()
    copy.stores[0].texts("streams").append(id, " page")
    assert heard == [[Changed(0, id)]]
    assert [message.text for message in copy.room.timeline] == ["new"]
    for store, text in zip(copy.stores, ("old", "new"), strict=True):
        store.table("messages").set(id, {"text": text + " body"})
    assert [message.text for message in copy.room.timeline] == ["new body"]
    copy.room.detach(1)
    assert [message.text for message in copy.room.timeline] == ["old body"]


def test_A3_what_is_finished_is_shown_finished_though_its_stream_is_still_there() -> None:
    copy = Copy()
    stream = copy.room.stream()
    stream.append("half")
    heard = copy.hear()
    copy.stores[0].table("messages").set(stream.id, {"text": "whole"})
    stream.append(" more")
    assert [(message.text, message.streaming) for message in copy.room.timeline] == [("whole", False)]
    assert heard == [[Changed(0, stream.id)], [Changed(0, stream.id)]]


def test_T5_a_token_is_told_by_itself_and_no_other_message_is_made_anew() -> None:
    ann, bot = Copy("ann"), Copy("bot")
    ann.room.post("a question")
    bot.take(ann)
    stream = bot.room.stream()
    ann.take(bot)
    before = ann.room.timeline[0]
    heard = ann.hear()
    for token, text in (("Zoë", "Zoë"), (" 📊", "Zoë 📊")):
        stream.append(token)
        ann.take(bot)
        assert ann.room.timeline[1].text == text
    assert heard == [[Changed(1, stream.id, "Zoë")], [Changed(1, stream.id, " 📊")]]
    assert ann.room.timeline[0] is before
    assert ann.room.timeline[1] is ann.room.timeline[1]


def test_T5_a_thousand_tokens_read_the_stream_from_the_doc_no_further_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = Copy()
    stream = copy.room.stream()
    reads: list[Text] = []

    def read(text: Text) -> str:
        reads.append(text)
        return ""

    monkeypatch.setattr(Text, "__str__", read)
    for _ in range(1000):
        stream.append("x")
    assert len(copy.room.timeline[0].text) == 1000
    assert reads == []


@pytest.mark.parametrize(
    "stored",
    [
        "{",
        "[" * 100_000,
        "[]",
        "7",
        '{"text": 7}',
        '{"text": null}',
        "{}",
        7,
        None,
        b"x",
        Map({"a": "1"}),
        Text("x"),
        Array([]),
    ],
    ids=lambda stored: type(stored).__name__,
)
def test_H2_a_malformed_message_is_left_out_and_comes_in_when_it_is_mended(stored: object) -> None:
    copy = Copy()
    id = format_id(NOW, "bob", 1)
    heard = copy.hear()
    with copy.stores[0].transaction():
        copy.stores[0].root("messages")[id] = stored
    with copy.stores[0].transaction():
        copy.stores[0].root("streams")[id] = Map({"no": "text"})
    assert copy.ids == []
    copy.stores[0].table("messages").set(id, {"text": "mended"})
    assert heard == [[Added(0, id)]]


def test_I3_the_author_is_read_from_the_id_whatever_the_row_says() -> None:
    copy = Copy()
    copy.stores[0].table("messages").set(format_id(NOW, "bob", 1), {"text": "x", "user": "ann"})
    assert [message.user for message in copy.room.timeline] == ["bob"]


def test_H2_rows_whose_keys_are_no_ids_are_left_out() -> None:
    copy = Copy()
    for key in ("", "x", "a|b", "../../x", format_id(NOW, "bob", 1) + "x", format_id(NOW, "bob", 1).upper()):
        copy.stores[0].table("messages").set(key, {"text": "x"})
        copy.stores[0].texts("streams").create(key, "x")
        for emoji in ("👍", "|", ""):
            copy.stores[0].table("reactions").set(f"{key}|bob|{emoji}", 1)
    assert copy.ids == []


def test_what_is_odd_beside_the_text_reads_as_not_there() -> None:
    copy = Copy()
    id = format_id(NOW, "bob", 1)
    body = {"text": "x\ud800", "re": "?", "edited": True, "deleted": 1, "agent": "yes", "state": ["error"]}
    copy.stores[0].table("messages").set(id, body)
    copy.stores[0].table("reactions").set(f"{id}|a b|👍", 1)
    message = copy.room.timeline[0]
    assert message.text == "x\ufffd"
    assert (message.re, message.edited, message.deleted, message.agent, message.state) == (
        None,
        None,
        False,
        False,
        None,
    )
    assert dict(message.reactions) == {}


def test_a_reaction_is_told_as_a_change_of_its_message() -> None:
    copy = Copy()
    copy.room.post("one")
    id = copy.room.post("two")
    heard = copy.hear()
    copy.room.react(id, "👍")
    copy.stores[0].table("reactions").set(f"{format_id(1, 'ann', 1)}|ann|👍", 1)
    assert heard == [[Changed(1, id)]]
    with copy.stores[0].transaction():
        copy.room.edit(id, "three")
        copy.room.react(id, "👍", on=False)
        copy.room.react(id, "🎉")
    copy.room.react(id, "🎉", on=False)
    copy.room.react(id, "👍")
    assert heard[1:] == [[Changed(1, id)]] * 3
    assert dict(copy.room.timeline[1].reactions) == {"👍": ("ann",)}


def test_O7_a_message_tells_whether_it_is_local_or_durable() -> None:
    copy = Copy()
    id = format_id(NOW, "ann", 1)
    copy.waiting.add(("lobby/0", "messages", id))
    copy.stores[0].table("messages").set(id, {"text": "x"})
    assert not copy.room.timeline[0].durable
    heard = copy.hear()
    copy.waiting.clear()
    copy.room.acknowledged("lobby/1", [("messages", id)])
    assert heard == []
    copy.room.acknowledged("lobby/0", [("messages", id), ("reactions", "x"), ("messages", "unknown")])
    assert heard == [[Changed(0, id)]]
    assert copy.room.timeline[0].durable


def test_O7_a_message_is_not_durable_before_it_is_finished() -> None:
    copy = Copy()
    stream = copy.room.stream()
    stream.append("hello")
    assert not copy.room.timeline[0].durable
    stream.finish()
    assert copy.room.timeline[0].durable


def test_I2_ones_own_times_never_go_back_though_the_clock_did() -> None:
    here, there = Copy("ann"), Copy("ann")
    ahead = format_id(NOW + 10 * MAX_AHEAD, "ann", 1)
    there.stores[0].table("messages").set(ahead, {"text": "written before the clock was set back"})
    here.take(there)
    assert parse_id(here.room.post("now")).hlc == NOW + 10 * MAX_AHEAD + 1


def test_T3_a_timeline_is_read_like_a_list() -> None:
    copy = Copy()
    first, second, third = (copy.room.post(text) for text in ("a", "b", "c"))
    timeline = copy.room.timeline
    assert [message.text for message in timeline[1:]] == ["b", "c"]
    assert timeline[-1].id == third
    assert [message.id for message in reversed(timeline)] == [third, second, first]
    before = timeline[0]
    assert before in timeline
    copy.room.edit(first, "z")
    assert timeline[0] in timeline
    assert before not in timeline
    assert timeline.index(timeline[1]) == timeline.index(second) == 1
    with pytest.raises(ValueError, match="no message 'x'"):
        timeline.index("x")
    with pytest.raises(ValueError, match="not between"):
        timeline.index(first, 1)
    with pytest.raises(IndexError):
        timeline[3]


def test_T3_a_page_that_is_detached_takes_its_messages_along() -> None:
    copy = Copy()
    first, second = copy.room.post("a"), copy.room.post("b")
    heard = copy.hear()
    copy.room.detach(0)
    copy.stores[0].table("messages").set(format_id(NOW, "bob", 1), {"text": "unheard"})
    assert heard == [[Removed(1, second), Removed(0, first)]]
    assert copy.ids == []


def test_a_listener_of_the_timeline_that_fails_stops_no_other() -> None:
    copy = Copy()

    def fail(_: object) -> None:
        raise RuntimeError("mine")

    copy.room.timeline.listen(fail)
    heard = copy.hear()
    with pytest.raises(ExceptionGroup):
        copy.room.post("hello")
    assert len(heard) == 1
    assert len(copy.room.timeline) == 1

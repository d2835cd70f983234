"""What an update brings to a page: messages that begin, that are finished, that are marked."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from syncchat.core.arrivals import Arrival, Arrived, News, arrivals_on, mark_of, new_rows, news_of
from syncchat.core.ids import format_id
from syncchat.core.plan import Plan
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode

ONE, TWO = format_id(1, "ann", 1), format_id(2, "ann", 2)


class Scribe:
    """A page whose updates are planned, each upon those before."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.messages, self.streams, self.marks = (
            self.doc.get(root, type=Map) for root in ("messages", "streams", "marks")
        )
        self._index = StructIndex()
        self._state = self.doc.get_state()

    def write(self, id: str, text: str) -> None:
        """Finish a message."""
        self.messages[id] = json.dumps({"text": text})

    def plan(self) -> Plan:
        """What was written since the last one."""
        update, self._state = self.doc.get_update(self._state), self.doc.get_state()
        plan = self._index.plan(decode(update))
        self._index.extend(plan)
        return plan


def test_H6_H7_messages_that_were_not_there_are_found_and_no_others() -> None:
    page = Scribe()
    page.write(ONE, "hello @bob")
    page.streams[TWO] = Text("so")
    news = news_of(new_rows([page.plan()]))
    assert news == News([Arrival(ONE, frozenset({"bob"}))], [Arrival(TWO)], [])
    assert sorted(news.standing) == [Arrival(ONE, frozenset({"bob"})), Arrival(TWO)]
    page.write(ONE, "edited @cy")
    page.streams[TWO] += " far"
    assert news_of(new_rows([page.plan()])) == News([], [], [])
    page.write(TWO, "so far")
    del page.streams[TWO]
    assert news_of(new_rows([page.plan()])) == News([Arrival(TWO)], [], [])


def test_H6_what_is_begun_and_finished_at_once_is_one_message() -> None:
    page = Scribe()
    page.streams[ONE] = Text("@bob")
    first = page.plan()
    page.write(ONE, "@bob")
    assert news_of(new_rows([first, page.plan()])).standing == [Arrival(ONE, frozenset({"bob"}))]


def test_H7_of_what_was_written_and_edited_at_once_the_last_counts() -> None:
    page = Scribe()
    page.write(ONE, "@one")
    first = page.plan()
    page.write(ONE, "@two")
    assert news_of(new_rows([first, page.plan()])).finished == [Arrival(ONE, frozenset({"two"}))]


def test_H6_a_mark_tells_whom_its_message_mentions() -> None:
    page = Scribe()
    late = Arrival(ONE, frozenset({"bob", "ann"}))
    page.marks[ONE] = json.dumps(mark_of(late, 3, 7))
    page.marks[TWO] = json.dumps(mark_of(Arrival(TWO), 3, 8))
    assert json.loads(page.marks[ONE]) == {"page": 3, "at": 7, "to": ["ann", "bob"]}
    news = news_of(new_rows([page.plan()]))
    assert sorted(news.marked) == [late, Arrival(TWO)]
    assert news.standing == []


def test_H6_a_mark_of_a_message_on_the_same_page_counts_nothing() -> None:
    page = Scribe()
    page.marks[ONE] = json.dumps(mark_of(Arrival(ONE, frozenset({"bob"})), None, 7))
    assert json.loads(page.marks[ONE]) == {"at": 7}
    assert news_of(new_rows([page.plan()])).marked == []


ARRIVALS = st.lists(
    st.builds(
        lambda time, to: Arrival(format_id(time, "ann", 0), frozenset(to)),
        st.integers(0, 30),
        st.sets(st.sampled_from(["x", "y"])),
    ),
    unique_by=lambda arrival: arrival.id,
)


@given(ARRIVALS, ARRIVALS, st.integers(0, 31))
@settings(deadline=None)
def test_H7_what_has_arrived_is_counted_once_and_found_by_where_it_stands(
    messages: list[Arrival], late: list[Arrival], time: int
) -> None:
    arrived, at = Arrived(), format_id(time, "ann", 0)
    for message in messages:
        assert arrived.add([message]) == [message]
        assert arrived.add([message]) == []
    known = {message.id for message in messages}
    assert arrived.mark(late) == [one for one in late if one.id not in known]
    everything = {**{one.id: one for one in late}, **{one.id: one for one in messages}}
    assert arrived.ids == sorted(everything)
    assert arrived.standing == len(messages)
    assert arrived.first == min(known, default="")
    assert arrived.last == max(everything, default="")
    assert arrived.after(at) == sorted(id for id in everything if id > at)
    mentioning = sorted(one.id for one in everything.values() if one.id > at and "x" in one.to)
    assert arrived.mentioning_after("x", at) == mentioning


def test_H7_rows_that_nobody_can_read_are_no_arrivals() -> None:
    messages = {ONE: '{"text": "@bob"}', "no id": '{"text": "x"}', TWO: None}
    marks = {TWO: '{"page": 0, "to": ["cy", 7]}', ONE: "no JSON"}
    assert arrivals_on(messages, marks) == (
        [Arrival(ONE, frozenset({"bob"}))],
        [Arrival(TWO, frozenset({"cy"}))],
    )

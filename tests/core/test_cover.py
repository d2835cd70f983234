"""The cover: what the server writes there is read as it was meant, stays small, and never goes back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from syncchat.core.cover import MAX_WRITES, Cover, CoverWriter, ReadMark, Unread
from syncchat.core.ids import format_id
from syncchat.core.store import Store


def make() -> tuple[CoverWriter, Cover]:
    """A cover that is written, and what somebody sees who is sent every change of it."""
    ours, theirs = Store(Doc()), Store(Doc())
    ours.doc.observe(lambda event: theirs.doc.apply_update(event.update))
    return CoverWriter(ours), Cover(theirs)


def test_H1_a_cover_that_nobody_wrote_is_that_of_a_young_room() -> None:
    cover = Cover(Store(Doc()))
    assert not cover.is_written
    assert (cover.newest, cover.first, cover.messages, cover.mentions("ada")) == (0, 0, 0, 0)
    assert cover.read("ada") is None
    assert cover.unread("ada") == Unread(0, 0)


def test_H3_the_newest_page_only_rises() -> None:
    writer, seen = make()
    for page in (0, 1, 5, 3, 5):
        writer.open_page(page)
    writer.save()
    assert not writer.save(), "nothing is left"
    assert seen.is_written
    assert seen.newest == 5
    writer.drop_before(3)
    writer.drop_before(2)
    writer.save()
    assert seen.first == 3


def test_H7_who_writes_has_read_what_it_wrote_and_others_have_not() -> None:
    writer, seen = make()
    writer.open_page(0)
    writer.mark_read("ada", ReadMark(format_id(1, "bob", 1), 0, 0))
    for user, mentioned in (("bob", ["ada"]), ("ada", ["bob"]), ("bob", [])):
        writer.arrived(user, mentioned)
    assert not seen.is_written
    assert writer.save()
    assert seen.messages == 3
    assert seen.unread("ada") == Unread(2, 1)
    assert seen.unread("bob") == Unread(3, 1), "of whom nothing is known, everything is unread"
    writer.mark_read("ada", ReadMark(format_id(9, "bob", 1), 3, 1))
    writer.save()
    assert seen.unread("ada") == Unread(0, 0)


def test_H7_counts_know_what_was_before_the_newest_page() -> None:
    writer, seen = make()
    writer.open_page(0)
    for _ in range(4):
        writer.arrived("bob", ["ada"])
    writer.open_page(1)
    writer.arrived("bob", ["ada"])
    writer.save()
    assert seen.count("messages") == (5, 4)
    assert seen.count("to|ada") == (5, 4)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)), max_size=20))
@settings(max_examples=50, deadline=None)
def test_H7_a_read_mark_never_goes_back(marks: list[tuple[int, int, int]]) -> None:
    writer, seen = make()
    before = ReadMark("", 0, 0)
    for time, messages, mentions in marks:
        writer.mark_read("ada", ReadMark(format_id(time, "bob", 1), messages, mentions))
        writer.save()
        now = seen.read("ada")
        assert now is not None
        assert (now.id, now.messages) >= (before.id, before.messages)
        assert now.messages >= before.messages
        assert now.mentions >= before.mentions
        before = now


def test_H4_a_cover_stays_small_however_much_was_written_in_it() -> None:
    writer, seen = make()
    sizes = []
    for number in range(1, 8 * MAX_WRITES):
        writer.open_page(number // 256)
        writer.arrived(f"user{number % 5}", ["user1"] if number % 9 == 0 else ())
        writer.save()
        if number % (2 * MAX_WRITES) == 0:
            copy: Doc[Any] = Doc()
            copy.apply_update(writer.store.doc.get_update())
            sizes.append(len(copy.get_update()))
    assert seen.messages == 8 * MAX_WRITES - 1
    assert max(sizes) < 2 * 14 * MAX_WRITES


def test_H7_of_many_read_marks_some_wait_for_the_next_time() -> None:
    writer, seen = make()
    writer.arrived("bob")
    for number in range(5):
        writer.mark_read(f"user{number}", ReadMark(format_id(1, "bob", number), 1, 0))
    writer.arrived("user4")
    writer.save(marks=2)
    assert seen.messages == 2
    assert [seen.read(f"user{number}") is not None for number in range(5)] == [True, True, False, False, True]
    writer.save(marks=2)
    assert writer.is_saved
    assert all(seen.read(f"user{number}") for number in range(5))


def test_H7_G6_who_has_read_the_least_far_is_forgotten_when_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("syncchat.core.cover.MAX_READERS", 32)
    writer, seen = make()
    for number in reversed(range(33)):
        writer.mark_read(f"user{number}", ReadMark(format_id(number, "bob", 1), 0, 0))
    writer.save()
    assert [number for number in range(33) if seen.read(f"user{number}") is None] == [0, 1]


def test_H7_G6_of_too_many_names_only_those_of_readers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncchat.core.cover.MAX_NAMED", 2)
    writer, seen = make()
    writer.mark_read("ada", ReadMark(format_id(1, "bob", 1), 0, 0))
    writer.arrived("bob", ["one"])
    writer.arrived("bob", ["two", "one"])
    writer.arrived("bob", ["three", "one", "ada"])
    writer.save()
    assert [seen.mentions(user) for user in ("one", "two", "three", "ada")] == [3, 1, 0, 1]


@pytest.mark.parametrize(
    "cells",
    [
        {"page": -1, "first": "x", "messages": [1]},
        {"page": None, "messages": [1, 2], "read|ada": ["no id", 1, 1], "to|ada": 7},
        {"page": [3], "messages": {"a": 1}, "read|ada": {"id": 1}},
    ],
)
def test_H1_malformed_cells_read_as_not_there(cells: dict[str, object]) -> None:
    store = Store(Doc())
    store.cells("live").set_row("now", cells)
    cover = Cover(store)
    assert (cover.newest, cover.first, cover.messages, cover.mentions("ada")) == (0, 0, 0, 0)
    assert cover.read("ada") is None

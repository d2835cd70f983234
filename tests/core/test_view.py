"""Views: T3, equal to their definition computed anew, and told by deltas that turn the old into the new."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from syncchat.core.changes import Change
from syncchat.core.deltas import Added, Changed, Delta, Moved, Removed, apply_deltas
from syncchat.core.store import Store
from syncchat.core.view import View, order_of

names = st.sampled_from("abcdefg")
odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, -1.5, True, "", "z", "é", [], [1, "a"], [[]], {}, {"n": 1}, "deleted"]
)
writes = st.tuples(st.sampled_from(["set", "set", "set", "delete"]), names, odd_values)
transactions = st.lists(st.lists(writes, min_size=1, max_size=4), max_size=12)

Where = Callable[[Any], bool] | None
Key = Callable[[Any], Any] | None
WHERES: list[Where] = [None, lambda value: value != "z", lambda value: value["n"] == 1]
KEYS: list[Key] = [None, lambda value: value, lambda value: value["n"], lambda value: [len(value), value]]


def write(store: Store, steps: list[tuple[str, str, Any]]) -> None:
    table = store.table("todo")
    with store.transaction():
        for verb, row, value in steps:
            if verb == "set":
                table.set(row, value)
            else:
                table.delete(row)


def anew(store: Store, where: Where, key: Key, descending: bool) -> list[str]:
    """The view's definition, word by word."""

    def place(value: Any) -> list[tuple[Any, ...]]:
        try:
            shown = where is None or where(value)
            return [order_of(None if key is None else key(value))] if shown else []
        except (LookupError, TypeError, ValueError, AttributeError):
            return []

    kept = [(order, row) for row, value in store.table("todo").items() for order in place(value)]
    return [row for _, row in sorted(kept, reverse=descending)]


@given(
    transactions,
    transactions,
    st.sampled_from(range(len(WHERES))),
    st.sampled_from(range(len(KEYS))),
    st.booleans(),
)
def test_T3_a_view_equals_its_definition_and_its_deltas_lead_there(
    before: list[list[tuple[str, str, Any]]],
    after: list[list[tuple[str, str, Any]]],
    which_where: int,
    which_key: int,
    descending: bool,
) -> None:
    where, key = WHERES[which_where], KEYS[which_key]
    store = Store(Doc())
    for steps in before:
        write(store, steps)
    view = View(store.table("todo"), where=where, key=key, descending=descending)
    followed = list(view)

    def follow(deltas: list[Delta]) -> None:
        check_indexes(followed, deltas)
        assert followed == list(view)

    view.listen(follow)
    assert followed == anew(store, where, key, descending)
    for steps in after:
        write(store, steps)
        assert list(view) == followed == anew(store, where, key, descending)
        assert [view.index(row) for row in view] == list(range(len(view)))


def check_indexes(rows: list[str], deltas: list[Delta]) -> None:
    """Do the deltas, and see that each of them names the row that stands where it says."""
    for delta in deltas:
        if not isinstance(delta, Added):
            assert rows[delta.index] == delta.row
        apply_deltas(rows, [delta])


def test_T3_each_kind_of_delta() -> None:
    store = Store(Doc())
    cells = store.cells("todo")
    view = View(cells, where=lambda task: not task["done"], key=lambda task: task["title"])
    heard: list[list[Delta]] = []
    view.listen(heard.append)
    cells.set_row("1", {"title": "milk", "done": False})
    cells.set_row("2", {"title": "bread", "done": False})
    cells.set_cell("1", "note", "oat")
    cells.set_cell("2", "title", "rolls")
    cells.set_cell("2", "title", "rye")
    cells.set_cell("1", "done", True)
    cells.set_cell("1", "note", "out of sight")
    assert heard == [
        [Added(0, "1")],
        [Added(0, "2")],
        [Changed(1, "1")],
        [Moved(0, 1, "2")],
        [Changed(1, "2")],
        [Removed(0, "1")],
    ]
    assert list(view) == ["2"]


def test_T3_a_transaction_is_told_once_with_all_its_deltas() -> None:
    store = Store(Doc())
    view = View(store.table("todo"), descending=True)
    heard: list[list[Delta]] = []
    view.listen(heard.append)
    write(store, [("set", "a", 1), ("set", "c", 1), ("set", "b", 1)])
    assert len(heard) == 1
    rows: list[str] = []
    apply_deltas(rows, heard[0])
    assert rows == list(view) == ["c", "b", "a"]


def test_T3_a_view_is_read_like_a_list() -> None:
    store = Store(Doc())
    for row in "dacb":
        store.table("todo").set(row, row)
    rising, falling = View(store.table("todo")), View(store.table("todo"), descending=True)
    assert [rising[0], rising[-1], falling[0], falling[-1]] == ["a", "d", "d", "a"]
    assert rising[1:3] == ["b", "c"]
    assert falling[::-2] == ["a", "c"]
    assert "a" in rising
    assert "x" not in rising
    assert falling.index("d") == 0
    with pytest.raises(ValueError, match="no row 'x'"):
        rising.index("x")
    with pytest.raises(ValueError, match="not between"):
        rising.index("a", 1)
    with pytest.raises(IndexError):
        rising[4]


def test_T3_a_malformed_row_is_left_out_and_comes_in_when_it_is_mended() -> None:
    store = Store(Doc())
    with store.transaction():
        store.root("todo")["bad"] = "{"
        store.root("todo")["deep"] = "[" * 100 + "]" * 100
    view = View(store.table("todo"), key=lambda value: value)
    heard: list[list[Delta]] = []
    view.listen(heard.append)
    assert list(view) == []
    store.table("todo").set("bad", "good")
    assert heard == [[Added(0, "bad")]]
    with store.transaction():
        store.root("todo")["bad"] = "{"
    assert heard[1:] == [[Removed(0, "bad")]]


def test_T3_a_key_that_is_no_json_value_is_an_error_of_who_made_the_view() -> None:
    store = Store(Doc())
    store.table("todo").set("a", 1)
    with pytest.raises(TypeError, match="sorts by JSON values, not by set"):
        View(store.table("todo"), key=lambda value: {value})


@given(st.lists(odd_values | st.floats()))
def test_T3_any_two_keys_compare(keys: list[Any]) -> None:
    orders = sorted(order_of(key) for key in keys)
    assert all(not later < earlier for earlier, later in pairwise(orders))


def test_T5_a_growing_text_is_one_delta_with_what_was_added() -> None:
    store = Store(Doc())
    texts = store.texts("streams")
    texts.create("b", "text")
    texts.create("a")
    view = View(texts)
    heard: list[list[Delta]] = []
    view.listen(heard.append)
    texts.append("b", " more")
    assert heard == [[Changed(1, "b", " more")]]


def test_T5_a_text_that_moves_as_it_grows_is_told_as_moved() -> None:
    store = Store(Doc())
    texts = store.texts("streams")
    texts.create("b", "bb")
    texts.create("a", "a")
    view = View(texts, key=len, where=lambda text: len(text) < 5)
    heard: list[list[Delta]] = []
    view.listen(heard.append)
    texts.append("a", "!")
    texts.append("b", "!")
    texts.append("a", "!!")
    texts.append("b", "!!")
    assert heard == [
        [Changed(0, "a", "!")],
        [Changed(1, "b", "!")],
        [Moved(0, 1, "a")],
        [Removed(0, "b")],
    ]


def test_a_closed_view_follows_no_more() -> None:
    store = Store(Doc())
    view = View(store.table("todo"))
    view.close()
    store.table("todo").set("a", 1)
    assert list(view) == []


def test_a_view_listener_that_fails_does_not_stop_the_table_being_followed() -> None:
    store = Store(Doc())
    view = View(store.table("todo"))
    heard: list[list[Change]] = []

    def fail(_: object) -> None:
        raise RuntimeError("mine")

    view.listen(fail)
    store.listen(heard.append)
    with pytest.raises(ExceptionGroup):
        store.table("todo").set("a", 1)
    with pytest.raises(ExceptionGroup):
        store.table("todo").set("b", 1)
    assert list(view) == ["a", "b"]
    assert len(heard) == 2

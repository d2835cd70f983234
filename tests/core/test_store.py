"""Tables of rows, cells and texts: T1, and what others write malformed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from syncchat.core.changes import Change
from syncchat.core.store import Store

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def new_store() -> Store:
    return Store(Doc())


def sync(source: Store, target: Store) -> None:
    with target.transaction():
        target.doc.apply_update(source.doc.get_update(target.doc.get_state()))


def hear(store: Store, **place: str) -> list[list[Change]]:
    heard: list[list[Change]] = []
    store.listen(heard.append, **place)
    return heard


@given(json_values)
def test_T1_a_row_reads_back_as_it_was_written_here_and_elsewhere(value: Any) -> None:
    here, there = new_store(), new_store()
    here.table("todo").set("row", value)
    sync(here, there)
    for store in (here, there):
        assert json.dumps(store.table("todo").get("row", "nothing")) == json.dumps(value)


@given(st.dictionaries(st.text(alphabet="abcdé", min_size=1), json_values, max_size=5))
def test_T1_a_row_of_cells_reads_back_as_it_was_written(row: dict[str, Any]) -> None:
    here, there = new_store(), new_store()
    here.cells("todo").set_row("row", {"old": 1})
    here.cells("todo").set_row("row", row)
    sync(here, there)
    assert json.dumps(there.cells("todo").get_row("row"), sort_keys=True) == json.dumps(row, sort_keys=True)


def test_T1_integers_stay_integers() -> None:
    store = new_store()
    store.values.set("count", 2**60)
    assert store.values.get("count") == 2**60
    assert isinstance(store.values.get("count"), int)


def test_T1_a_lone_surrogate_in_a_value_is_kept_and_does_not_harm() -> None:
    store = new_store()
    store.values.set("odd", "\ud800")
    assert store.values.get("odd") == "\ud800"


def test_T1_cells_written_at_once_on_two_replicas_merge() -> None:
    here, there = new_store(), new_store()
    here.cells("todo").set_row("row", {"title": "milk", "done": False})
    sync(here, there)
    here.cells("todo").set_cell("row", "title", "oat milk")
    there.cells("todo").set_cell("row", "done", True)
    sync(here, there)
    sync(there, here)
    for store in (here, there):
        assert store.cells("todo").get_row("row") == {"title": "oat milk", "done": True}


def test_T1_rewriting_a_row_writes_only_the_cells_that_differ() -> None:
    store = new_store()
    cells = store.cells("todo")
    cells.set_row("row", {"title": "milk", "done": False, "due": None})
    heard = hear(store)
    cells.set_row("row", {"title": "milk", "done": True})
    assert heard == [[Change("todo", "row", "done", "changed"), Change("todo", "row", "due", "removed")]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes", object()])
def test_T1_what_is_no_json_is_refused_and_nothing_is_written(value: object) -> None:
    store = new_store()
    with pytest.raises((TypeError, ValueError)):
        store.table("todo").set("row", value)
    with pytest.raises((TypeError, ValueError)):
        store.cells("todo").set_row("row", {"fine": 1, "bad": value})
    assert len(store.table("todo")) == 0


def test_T1_a_name_that_no_utf8_can_carry_is_refused_before_pycrdt_panics() -> None:
    store = new_store()
    texts = store.texts("texts")
    texts.create("row")
    for write in (
        lambda: store.table("todo").set("\ud800", 1),
        lambda: store.cells("todo").set_cell("row", "\ud800", 1),
        lambda: texts.append("row", "\ud800"),
        lambda: texts.create("\ud800"),
        lambda: store.table("\ud800"),
    ):
        with pytest.raises(ValueError, match="surrogate"):
            write()


def test_a_table_is_asked_like_a_container() -> None:
    table = new_store().table("todo")
    table.set("a", 1)
    table.set("b", None)
    assert len(table) == 2
    assert "a" in table
    assert "c" not in table
    assert 1 not in table
    assert dict(table.items()) == {"a": 1, "b": None}
    assert table.get("b", "default") is None
    assert table.get("c", "default") == "default"
    assert table.delete("a")
    assert not table.delete("a")
    assert list(table.rows()) == ["b"]


def test_cells_are_removed_one_by_one_and_the_row_stays() -> None:
    cells = new_store().cells("todo")
    cells.set_cell("row", "title", "milk")
    assert cells.delete_cell("row", "title")
    assert not cells.delete_cell("row", "title")
    assert not cells.delete_cell("nobody", "title")
    assert cells.get_row("row") == {}
    assert cells.get_row("nobody") is None
    assert cells.get_cell("row", "title", "default") == "default"


@pytest.mark.parametrize(
    "stored",
    [
        "{",
        "",
        "NaN",
        "[" * 100_000,
        7,
        True,
        None,
        b"x",
        {"any": 1},
        Map({"a": "{", "b": 1}),
        Text("hi"),
        Array([1]),
    ],
    ids=lambda stored: type(stored).__name__,
)
def test_what_others_wrote_malformed_never_raises(stored: object) -> None:
    store = new_store()
    store.root("todo")["row"] = stored
    for table in (store.table("todo"), store.cells("todo"), store.texts("todo")):
        assert list(table.rows()) == ["row"]
        assert len(list(table.items())) in (0, 1)
    assert store.table("todo").get("row", "default") == "default"
    assert not store.cells("todo").get_row("row")
    assert store.cells("todo").get_cell("row", "a", "default") == "default"
    assert store.texts("todo").append("row", "x") == isinstance(stored, Text)
    store.cells("todo").set_cell("row", "a", 1)
    assert store.cells("todo").get_row("row") == {"a": 1}


def test_a_root_that_somebody_wrote_as_a_text_reads_as_an_empty_table() -> None:
    other: Doc[Any] = Doc()
    text = other.get("todo", type=Text)
    text += "no map"
    store = new_store()
    heard = hear(store, table="todo")
    with store.transaction():
        store.doc.apply_update(other.get_update())
    assert dict(store.table("todo").items()) == {}
    assert heard == [] or all(isinstance(change, Change) for change in heard[0])


def test_types_nested_in_cells_are_changes_of_their_cell() -> None:
    store = new_store()
    with store.transaction():
        store.root("todo")["row"] = Map({"notes": Text("a"), "list": Array([1])})
    heard = hear(store, table="todo")
    row = store.root("todo")["row"]
    with store.transaction():
        row["notes"].insert(0, "b")
    with store.transaction():
        row["list"].append(2)
    assert heard == [[Change("todo", "row", "notes")], [Change("todo", "row", "list")]]

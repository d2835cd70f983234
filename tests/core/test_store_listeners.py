"""Who hears what of a store's transactions: T2, T4, T5."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from syncchat.core.changes import Change
from syncchat.core.store import Store
from syncchat.errors import SyncchatError


def new_store() -> Store:
    return Store(Doc())


def sync(source: Store, target: Store) -> None:
    with target.transaction():
        target.doc.apply_update(source.doc.get_update(target.doc.get_state()))


def hear(store: Store, **place: str) -> list[list[Change]]:
    heard: list[list[Change]] = []
    store.listen(heard.append, **place)
    return heard


def test_T2_listeners_hear_exactly_the_table_row_or_cell_they_asked_for() -> None:
    store = new_store()
    store.table("other")
    everything, table = hear(store), hear(store, table="todo")
    row, cell = hear(store, table="todo", row="a"), hear(store, table="todo", row="a", cell="done")
    store.table("other").set("x", 1)
    store.cells("todo").set_row("b", {"done": True})
    store.cells("todo").set_row("a", {"title": "milk"})
    store.cells("todo").set_cell("a", "done", True)
    store.cells("todo").set_cell("a", "title", "tea")
    added_b, added_a = Change("todo", "b", None, "added"), Change("todo", "a", None, "added")
    done, title = Change("todo", "a", "done", "added"), Change("todo", "a", "title", "changed")
    assert everything == [[Change("other", "x", None, "added")], [added_b], [added_a], [done], [title]]
    assert table == [[added_b], [added_a], [done], [title]]
    assert row == [[added_a], [done], [title]]
    assert cell == [[done]]


def test_T2_a_cell_that_comes_and_goes_with_its_row_is_heard_of() -> None:
    store = new_store()
    cells = store.cells("todo")
    heard = hear(store, table="todo", row="a", cell="done")
    cells.set_row("a", {"done": 1, "title": "milk"})
    store.table("todo").set("a", "no cells any more")
    cells.set_row("a", {"title": "milk"})
    cells.delete("a")
    assert heard == [[Change("todo", "a", "done", "added")], [Change("todo", "a", "done", "removed")]]


def test_T2_one_call_for_each_transaction_however_many_tables_it_changed() -> None:
    store = new_store()
    heard = hear(store)
    with store.transaction():
        store.table("a").set("x", 1)
        with store.transaction():
            store.table("b").set("y", 1)
            assert heard == []
        assert heard == []
        store.table("a").set("x", 2)
    assert heard == [[Change("a", "x", None, "added"), Change("b", "y", None, "added")]]


def test_T2_what_comes_from_others_is_heard_of_in_the_same_way() -> None:
    here, there = new_store(), new_store()
    heard = hear(there, table="todo")
    here.table("todo").set("a", 1)
    sync(here, there)
    here.table("todo").delete("a")
    sync(here, there)
    assert heard == [[Change("todo", "a", None, "added")], [Change("todo", "a", None, "removed")]]


def test_T2_a_cancelled_listener_hears_nothing_even_if_cancelled_by_another_listener() -> None:
    store = new_store()
    heard: list[object] = []
    store.listen(lambda _: second.cancel())
    second = store.listen(heard.append)
    store.table("todo").set("a", 1)
    second.cancel()
    store.table("todo").set("a", 2)
    assert heard == []


def test_T2_a_row_without_its_table_is_refused() -> None:
    store = new_store()
    with pytest.raises(ValueError, match="a row needs its table"):
        store.listen(print, row="a")
    with pytest.raises(ValueError, match="a cell its row"):
        store.listen(print, table="todo", cell="a")


def test_T2_a_listener_may_write_and_everybody_hears_in_order() -> None:
    store = new_store()
    first = hear(store)
    last: list[list[Change]] = []

    def answer(changes: list[Change]) -> None:
        if changes[0].row == "question":
            store.table("todo").set("answer", 42)

    store.listen(answer)
    store.listen(last.append)
    store.table("todo").set("question", 1)
    assert first == last == [[Change("todo", row, None, "added")] for row in ("question", "answer")]


def test_T2_a_listener_that_fails_stops_no_other_and_is_not_silent() -> None:
    store = new_store()

    def fail(_: object) -> None:
        raise KeyError("mine")

    store.listen(fail)
    heard = hear(store)
    with pytest.raises(ExceptionGroup) as caught:
        store.table("todo").set("a", 1)
    assert [type(error) for error in caught.value.exceptions] == [KeyError]
    assert len(heard) == 1
    assert store.table("todo").get("a") == 1


def test_T2_listeners_that_answer_each_other_for_ever_are_stopped() -> None:
    store = new_store()
    table = store.table("todo")
    store.listen(lambda _: table.set("n", table.get("n", 0) + 1))
    with pytest.raises(ExceptionGroup) as caught:
        table.set("n", 0)
    assert "rounds" in str(caught.value.exceptions[0])


def test_rows_are_told_before_listeners_and_right_after_each_transaction() -> None:
    store = new_store()
    told: list[object] = []
    store.listen_rows(told.append)

    def answer(changes: list[Change]) -> None:
        told.append("heard")
        if len(changes) == 2:
            store.table("todo").set("b", 1)

    store.listen(answer)
    with store.transaction():
        store.table("todo").set("a", 1)
        store.cells("done").set_row("x", {"y": 1})
    assert told == [(("done", "x"), ("todo", "a")), "heard", (("todo", "b"),), "heard"]


# T4: transactions


def test_T4_a_transaction_is_one_update() -> None:
    store = new_store()
    updates: list[bytes] = []
    store.doc.observe(lambda event: updates.append(event.update))
    with store.transaction():
        store.table("a").set("x", 1)
        store.texts("b").create("y", "text")
        store.texts("b").append("y", " and more")
        store.cells("c").set_row("z", {"cell": 1})
    assert len(updates) == 1


def test_T4_an_exception_leaves_what_was_written_before_it_and_listeners_hear_that() -> None:
    store = new_store()
    heard = hear(store)

    def write_half() -> None:
        with store.transaction():
            store.table("todo").set("a", 1)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert store.table("todo").get("a") == 1
    assert heard == [[Change("todo", "a", None, "added")]]
    store.table("todo").set("b", 1)
    assert len(heard) == 2


def test_T4_what_is_written_and_taken_back_inside_is_no_change() -> None:
    store = new_store()
    heard = hear(store)
    with store.transaction():
        store.table("todo").set("a", 1)
        store.table("todo").delete("a")
    assert heard == []


def test_T4_a_transaction_of_the_doc_itself_is_told_of_by_deliver() -> None:
    store = new_store()
    heard = hear(store, table="todo")
    root = store.root("todo")
    with store.doc.transaction():
        root["a"] = "1"
    assert heard == []
    store.deliver()
    store.deliver()
    assert heard == [[Change("todo", "a", None, "added")]]


def test_a_closed_store_hears_nothing_and_lets_its_doc_go() -> None:
    store = new_store()
    heard = hear(store, table="todo")
    root = store.root("todo")
    store.close()
    root["a"] = "1"
    store.deliver()
    assert heard == []
    with pytest.raises(SyncchatError, match="closed"):
        store.table("todo").set("b", 1)
    assert list(root.keys()) == ["a"]


# T5: texts


@given(st.lists(st.text(min_size=1), min_size=1))
def test_T5_a_text_is_told_by_what_was_added(tokens: list[str]) -> None:
    here, there = new_store(), new_store()
    here.texts("streams").create("row", "é")
    sync(here, there)
    heard_here, heard_there = hear(here), hear(there)
    there.texts("streams")
    for token in tokens:
        assert here.texts("streams").append("row", token)
        sync(here, there)
    expected = [[Change("streams", "row", None, "changed", token)] for token in tokens]
    assert heard_here == heard_there == expected
    assert there.texts("streams").get("row") == "é" + "".join(tokens)
    assert there.texts("streams").size("row") == len(("é" + "".join(tokens)).encode())


def test_T5_what_is_no_plain_append_is_not_told_as_one() -> None:
    store = new_store()
    store.texts("streams").create("row", "middle")
    text = store.root("streams")["row"]
    heard = hear(store, table="streams")

    def insert_at_both_ends() -> None:
        text.insert(0, "both ")
        text.insert(len(text), " ends")

    writes: list[Callable[[], None]] = [
        lambda: text.insert(0, "start "),
        lambda: text.insert(3, "é"),
        lambda: text.format(0, 2, {"bold": True}),
        lambda: text.insert(len(text), "end", {"bold": True}),
        lambda: text.__delitem__(slice(0, 2)),
        insert_at_both_ends,
    ]
    for write in writes:
        with store.transaction():
            write()
    assert [[change.appended for change in changes] for changes in heard] == [[None]] * len(writes)


def test_T5_a_token_that_others_may_have_read_already_is_not_told_as_added() -> None:
    store = new_store()
    texts = store.texts("streams")
    copy: dict[str, str] = {}

    def write_on(changes: list[Change]) -> None:
        if changes[0].kind == "added":
            texts.append("row", " more")

    def follow(changes: list[Change]) -> None:
        for change in changes:
            added = change.appended
            copy[change.row] = texts.get(change.row) or "" if added is None else copy[change.row] + added

    store.listen(write_on)
    store.listen(follow)
    texts.create("row", "text")
    assert copy == {"row": "text more"}
    texts.append("row", " yet")
    assert copy == {"row": "text more yet"}


def test_appending_to_a_text_that_somebody_removed_says_so() -> None:
    here, there = new_store(), new_store()
    here.texts("streams").create("row")
    sync(here, there)
    there.texts("streams").delete("row")
    sync(there, here)
    assert not here.texts("streams").append("row", "lost")
    assert here.texts("streams").get("row") is None
    assert here.texts("streams").size("row") is None


def test_appending_nothing_writes_nothing() -> None:
    store = new_store()
    store.texts("streams").create("row")
    heard = hear(store)
    assert store.texts("streams").append("row", "")
    assert heard == []

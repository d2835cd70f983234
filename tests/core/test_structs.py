"""The index of structs: it says what the doc says, whether it grew with the doc or was loaded from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from syncchat.core.lib0 import decode_state
from syncchat.core.ranges import Ranges, Run
from syncchat.core.structs import StructIndex, touched_rows
from syncchat.core.update import ANY, STRING, TYPE, decode
from syncchat.errors import MalformedUpdate
from syncchat.testing.updates import gc, item, skip, text, update, values

CLOCKS = st.integers(0, 40)


@given(st.lists(st.tuples(CLOCKS, st.integers(1, 8))), CLOCKS, st.integers(1, 20))
def test_G1_ranges_are_a_set(added: list[tuple[int, int]], start: int, length: int) -> None:
    ranges = Ranges()
    numbers: set[int] = set()
    for first, size in added:
        ranges.add(first, first + size)
        numbers |= set(range(first, first + size))
    assert numbers == {number for number in range(60) if number in ranges}
    assert all(end < later for end, later in zip(ranges.ends, ranges.starts[1:], strict=False))
    holes = list(ranges.holes(start, start + length))
    assert {n for a, b in holes for n in range(a, b)} == set(range(start, start + length)) - numbers
    assert all(a < b for a, b in holes)


@given(CLOCKS, st.lists(st.tuples(st.integers(1, 5), st.sampled_from("abc")), min_size=2), st.data())
def test_G1_runs_are_a_list(start: int, parts: list[tuple[int, str]], data: st.DataObject) -> None:
    wanted = [value for size, value in parts for _ in range(size)]
    split = data.draw(st.integers(1, len(parts) - 1))
    run: Run[str] = Run(start)
    for size, value in parts[:split]:
        run.append(run.end + size, value)
    rest: Run[str] = Run(run.end)
    for size, value in parts[split:]:
        rest.append(rest.end + size, value)
    run.extend(rest)
    assert [run.at(number) for number in range(start, run.end)] == wanted
    first = data.draw(st.integers(0, len(wanted) - 1))
    last = data.draw(st.integers(first + 1, len(wanted)))
    assert set(run.over(start + first, start + last)) == set(wanted[first:last])
    assert all(a != b for a, b in zip(run.values, run.values[1:], strict=False))


def page() -> tuple[Doc[Any], list[bytes]]:
    """A doc in which a stream was written and finished, and what was sent while it was."""
    doc: Doc[Any] = Doc(client_id=7)
    told: list[bytes] = []
    subscription = doc.observe(lambda event: told.append(event.update))
    messages = doc.get("messages", type=Map)
    streams = doc.get("streams", type=Map)
    streams["s"] = Text()
    stream = streams["s"]
    for token in ("one ", "📊 two", " three"):
        stream += token
    messages["m"] = '"x"'
    messages["m"] = '"y"'
    with doc.transaction():
        messages["s"] = '"one 📊 two three"'
        del streams["s"]
    doc.unobserve(subscription)
    return doc, told


def test_G1_the_index_knows_the_row_of_every_update_and_the_clocks_of_the_doc() -> None:
    doc, told = page()
    index = StructIndex()
    rows = []
    for data in told:
        plan = index.plan(decode(data))
        rows.append(plan.rows)
        index.extend(plan, "alice")
        assert index.rows(decode(data)) == rows[-1]
    stream, first, message = ("streams", "s"), ("messages", "m"), ("messages", "s")
    assert rows == [{stream}, {stream}, {stream}, {stream}, {first}, {first}, {message, stream}]
    assert index.state() == decode_state(doc.get_state())
    assert index.owner == {7: "alice"}


def test_G1_a_loaded_index_has_the_same_clocks_and_finds_nothing_new_in_what_was_sent() -> None:
    doc, told = page()
    index = StructIndex.load(doc.get_update(), lambda row: "alice")
    assert index.state() == decode_state(doc.get_state())
    assert index.owner == {7: "alice"}
    for data in told:
        plan = index.plan(decode(data))
        assert not plan.placed
        assert not plan.removed


def test_G5_of_a_client_id_with_rows_of_nobody_no_owner_is_derived() -> None:
    doc, _ = page()
    assert StructIndex.load(doc.get_update(), lambda row: None).owner == {}


def test_G1_a_stream_costs_one_range_however_many_tokens() -> None:
    doc: Doc[Any] = Doc(client_id=7)
    streams = doc.get("streams", type=Map)
    index = StructIndex()
    streams["s"] = Text()
    stream = streams["s"]
    index.extend(index.plan(decode(doc.get_update())))
    for _ in range(50):
        before = doc.get_state()
        stream += "token "
        index.extend(index.plan(decode(doc.get_update(before))))
    assert index.state() == {7: 301}
    assert len(index._layer.runs[7].values) == 2


def test_O7_an_update_names_rows_by_itself_where_it_can() -> None:
    _, told = page()
    assert [touched_rows(data) for data in told[:2] + told[4:5] + told[6:]] == [
        {("streams", "s")},
        set(),
        {("messages", "m")},
        {("messages", "s")},
    ]
    with pytest.raises(MalformedUpdate):
        touched_rows(b"\x01")


BASE = update(
    (
        7,
        0,
        [
            item(TYPE, b"\x02", parent="streams", key="s"),
            item(STRING, text("a📊b"), parent=(7, 0)),
            item(ANY, values('"x"'), parent="messages", key="m"),
        ],
    )
)


def based() -> StructIndex:
    return StructIndex.load(BASE)


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (update((7, 9, [gc(1)])), (7, 6)),
        (update((8, 0, [skip(2), gc(1)])), (8, 0)),
        (update((8, 0, [item(STRING, text("x"), origin=(7, 6))])), (7, 6)),
        (update((8, 0, [item(STRING, text("x"), right=(9, 0))])), (9, 0)),
        (update((8, 0, [item(STRING, text("x"), parent=(9, 4))])), (9, 4)),
        (update((8, 0, [item(STRING, text("x"), origin=(7, 8))]), (7, 9, [gc(1)])), (7, 8)),
        (update(deletes=[(7, [(5, 2)])]), (7, 6)),
        (update(deletes=[(9, [(0, 2)])]), (9, 1)),
    ],
)
def test_S5_what_is_missing_is_named(data: bytes, missing: tuple[int, int]) -> None:
    assert based().plan(decode(data)).missing == missing


def test_S5_structs_that_need_one_another_are_placed_in_causal_order() -> None:
    chain = update(
        (9, 0, [item(STRING, text("3"), origin=(8, 1)), item(STRING, text("5"), origin=(8, 2))]),
        (8, 0, [item(STRING, text("12"), origin=(7, 1)), item(STRING, text("4"), origin=(9, 0))]),
        deletes=[(9, [(1, 1)])],
    )
    plan = based().plan(decode(chain))
    assert plan.missing is None
    assert [struct.content for struct, _, _ in plan.placed] == ["12", "3", "4", "5"]
    assert plan.rows == {("streams", "s")}


def test_G4_a_long_chain_through_many_clients_needs_no_deep_stack() -> None:
    structs = [(c, 0, [item(STRING, text("x"), origin=(c + 1, 0))]) for c in range(10, 20_000)]
    chain = update(*structs, (20_000, 0, [item(STRING, text("x"), parent=(7, 0))]))
    assert len(based().plan(decode(chain)).placed) == 19_991


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(update((8, 0, [item(STRING, text("x"), origin=(8, 0))])), id="needs itself"),
        pytest.param(
            update(
                (8, 0, [item(STRING, text("x"), origin=(9, 0))]),
                (9, 0, [item(STRING, text("x"), origin=(8, 0))]),
            ),
            id="a circle",
        ),
        pytest.param(update((8, 0, [item(STRING, text("x"), parent=(7, 5))])), id="parent is a value"),
        pytest.param(update((8, 0, [item(STRING, text("x"), origin=(7, 1), right=(7, 5))])), id="two rows"),
        pytest.param(update((8, 0, [item(STRING, text("x"), origin=(7, 0), right=(7, 1))])), id="two levels"),
        pytest.param(update((7, 5, [item(ANY, values("1", "2"), parent="messages", key="z")])), id="regrown"),
        pytest.param(update((8, 0, [item(STRING, text("x"), origin=(7, 2))])), id="left cuts a character"),
        pytest.param(update((8, 0, [item(STRING, text("x"), right=(7, 3))])), id="right cuts a character"),
        pytest.param(update(deletes=[(7, [(3, 1)])]), id="a delete cuts a character"),
        pytest.param(update(deletes=[(7, [(1, 2)])]), id="a delete ends in a character"),
        pytest.param(
            update((8, 0, [item(STRING, text("📊"), parent=(7, 0))]), deletes=[(8, [(0, 1)])]),
            id="a delete cuts a new character",
        ),
    ],
)
def test_G4_an_update_that_contradicts_itself_or_the_doc_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        based().plan(decode(data))


def test_G4_yrs_would_write_a_state_that_it_cannot_read_if_a_character_were_cut() -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(BASE)
    doc.apply_update(update(deletes=[(7, [(3, 1)])]))
    with pytest.raises(MalformedUpdate, match="without a length"):
        decode(doc.get_update())


def test_S2_of_a_struct_that_is_known_in_part_only_the_rest_is_new() -> None:
    grown = update((7, 1, [item(STRING, text("a📊bcd"), parent=(7, 0))]))
    known = update(
        (7, 0, [item(TYPE, b"\x02", parent="streams", key="s"), item(STRING, text("a📊b"), parent=(7, 0))])
    )
    index = StructIndex.load(known)
    plan = index.plan(decode(grown))
    assert [(start, place and place.row) for _, start, place in plan.placed] == [(5, ("streams", "s"))]
    index.extend(plan)
    assert index.state() == {7: 7}


def test_G1_a_plan_that_is_not_taken_in_changes_nothing() -> None:
    index = based()
    data = decode(update((8, 0, [item(ANY, values('"x"'), parent="messages", key="z"), gc(3)])))
    index.plan(data)
    assert index.state() == {7: 6}
    assert len(index._layer.places) == 3
    assert index.rows(data) == {("messages", "z")}


def test_L2_what_is_deleted_is_learnt_from_the_doc_once_and_without_reading_the_rest_of_it() -> None:
    """A delete of somebody else's costs its sender one frame: it must not cost us the doc each time."""
    doc, _ = page()
    asked: list[bytes] = []

    def source(state: bytes | None = None) -> bytes:
        asked.append(doc.get_update(state))
        return asked[-1]

    index = StructIndex.load(doc.get_update(), source=source)
    assert index.refresh()
    assert not index.refresh()
    assert decode(asked[0]).structs == {}
    assert decode(asked[0]).deletes == decode(doc.get_update()).deletes
    index.extend(index.plan(decode(update((8, 0, [gc(1)])))))
    assert index.refresh()
    assert len(asked) == 2


def test_G4_a_state_that_lacks_a_part_of_itself_is_no_state() -> None:
    with pytest.raises(MalformedUpdate):
        StructIndex.load(update((7, 3, [gc(1)])))

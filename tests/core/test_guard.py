"""The guard: what hostile updates are refused for, and what must not be refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from syncchat.core.grant import Role
from syncchat.core.guard import Accept, Gap, judge
from syncchat.core.ids import format_id
from syncchat.core.schema import COVER, KIB, OPEN, PAGE, SERVER, Schema
from syncchat.core.structs import StructIndex
from syncchat.core.update import ANY, BINARY, DELETED, DOC, STRING, TYPE, decode
from syncchat.errors import MalformedUpdate, Refused
from syncchat.testing import updates as raw
from syncchat.testing.updates import gc, item, number, skip, text, update, values

ALICE, BOB = 7, 8
ROW = format_id(1, "alice", 1)
STREAM = format_id(2, "alice", 2)
BOBS = format_id(3, "bob", 3)
MINE = format_id(4, "mallory", 4)
MY_STREAM = format_id(5, "mallory", 5)
MALLORY = 666

BASE = update(
    (
        ALICE,
        0,
        [
            item(ANY, values('"x"'), parent="messages", key=ROW),
            item(TYPE, b"\x02", parent="streams", key=STREAM),
            item(STRING, text("one 📊 two"), parent=(ALICE, 1)),
            item(ANY, values('"1"'), parent="reactions", key=f"{ROW}|alice|x"),
        ],
    ),
    (BOB, 0, [item(ANY, values('"y"'), parent="messages", key=BOBS)]),
)


def index_of(*told: bytes, schema: Schema = PAGE) -> StructIndex:
    doc: Doc[Any] = Doc()
    for data in told:
        doc.apply_update(data)
    return StructIndex.load(doc.get_update(), schema.owner_of, doc.get_update)


def written(data: bytes, index: StructIndex, user: str, schema: Schema = PAGE) -> Accept | Gap:
    """What the guard says of an update that is `user`'s, who may write."""
    return judge(decode(data), index, user=user, role=Role.WRITER, schema=schema)


def by_mallory(data: bytes, schema: Schema = PAGE, *told: bytes) -> Accept | Gap:
    return written(data, index_of(BASE, *told, schema=schema), "mallory", schema)


def mine(*structs: bytes, deletes: tuple[tuple[int, list[tuple[int, int]]], ...] = ()) -> bytes:
    return update((MALLORY, 0, structs), deletes=deletes)


FOREIGN = {
    "a new row": mine(item(ANY, values('"z"'), parent="messages", key=format_id(9, "alice", 9))),
    "an overwrite by its key": mine(item(ANY, values('"z"'), parent="messages", key=ROW)),
    "an overwrite by its origin": mine(item(ANY, values('"z"'), origin=(ALICE, 0))),
    "an insert before it": mine(item(ANY, values('"z"'), right=(ALICE, 0))),
    "a deleted struct in it": mine(item(DELETED, number(1), origin=(ALICE, 0))),
    "a token at its end": mine(item(STRING, text("!"), origin=(ALICE, 11))),
    "a token at its start": mine(item(STRING, text("!"), right=(ALICE, 2))),
    "a token by its type": mine(item(STRING, text("!"), parent=(ALICE, 1))),
    "an attribute of its type": mine(item(ANY, values("1"), parent=(ALICE, 1), key="k")),
    "a delete of a message": update(deletes=[(ALICE, [(0, 1)])]),
    "a delete of tokens": update(deletes=[(ALICE, [(2, 4)])]),
    "a delete of everything": update(deletes=[(ALICE, [(0, 13)]), (BOB, [(0, 1)])]),
    "a delete behind own ones": mine(gc(2), deletes=((MALLORY, [(0, 2)]), (BOB, [(0, 1)]))),
    "a reaction": mine(item(ANY, values('"1"'), parent="reactions", key=f"{BOBS}|alice|x")),
    "a request": mine(item(ANY, values('"1"'), parent="requests", key=f"stop|{BOBS}|alice")),
    "through a chain of two clients": update(
        (MALLORY, 0, [item(ANY, values('"z"'), origin=(MALLORY + 1, 0))]),
        (MALLORY + 1, 0, [item(ANY, values('"z"'), origin=(ALICE, 0))]),
    ),
    "no key": mine(item(ANY, values('"z"'), parent="messages")),
    "a key that is no id": mine(item(ANY, values('"z"'), parent="messages", key="mallory")),
    "a reaction to no message": mine(item(ANY, values('"1"'), parent="reactions", key="x|mallory|x")),
    "a reaction in two parts": mine(item(ANY, values('"1"'), parent="reactions", key=f"{BOBS}|mallory")),
    "a request of nobody": mine(item(ANY, values('"1"'), parent="requests", key=f"stop|{BOBS}|a b")),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_G1_other_peoples_rows_are_refused(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        by_mallory(FOREIGN[name])
    assert refusal.value.rule == "G1"
    assert refusal.value.rows


def test_G8_a_refusal_names_all_foreign_rows() -> None:
    with pytest.raises(Refused) as refusal:
        by_mallory(FOREIGN["a delete of everything"])
    assert refusal.value.rows == (
        ("messages", ROW),
        ("messages", BOBS),
        ("reactions", f"{ROW}|alice|x"),
        ("streams", STREAM),
    )


def test_G2_unknown_roots_are_refused() -> None:
    with pytest.raises(Refused, match="no root 'secrets'") as refusal:
        by_mallory(mine(item(ANY, values('"z"'), parent="secrets", key=MINE)))
    assert refusal.value.rule == "G2"


@pytest.mark.parametrize("user", ["mallory", "server", SERVER[1:]])
def test_G3_marks_and_covers_are_the_servers(user: str) -> None:
    for schema, root in ((PAGE, "marks"), (COVER, "newest"), (COVER, "anything")):
        data = mine(item(ANY, values('"1"'), parent=root, key="k"))
        index = StructIndex()
        with pytest.raises(Refused) as refusal:
            written(data, index, user, schema)
        assert refusal.value.rule == "G3"
        verdict = judge(decode(data), index, user=user, role=Role.WRITER, schema=schema, server=True)
        assert isinstance(verdict, Accept)


STOLEN = {
    "garbage": update((ALICE, 13, [gc(100)])),
    "an own row": update((ALICE, 13, [item(ANY, values('"z"'), parent="messages", key=MINE)])),
    "a struct that is known in part": update((ALICE, 12, [gc(100)])),
    "garbage beside own rows": update(
        (MALLORY, 0, [item(ANY, values('"z"'), parent="messages", key=MINE)]), (BOB, 1, [gc(1)])
    ),
}


@pytest.mark.parametrize("name", STOLEN)
def test_G5_nobody_advances_the_clock_of_another(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        by_mallory(STOLEN[name])
    assert refusal.value.rule == "G5"


def test_G5_a_client_id_belongs_to_the_first_who_wrote_under_it() -> None:
    index = StructIndex()
    first = written(update((1, 0, [gc(1)])), index, "alice")
    assert isinstance(first, Accept)
    index.extend(first.plan, "alice")
    second = update((1, 1, [gc(1)]))
    with pytest.raises(Refused, match="G5"):
        written(second, index, "mallory")
    assert isinstance(written(second, index, "alice"), Accept)


GAPS = {
    "own clock": update((MALLORY, 1, [gc(1)])),
    "another's clock": update((ALICE, 20, [gc(1)])),
    "own skip": mine(skip(3), item(ANY, values('"z"'), parent="messages", key=MINE)),
    "another's skip": update((ALICE, 13, [skip(3), gc(1)])),
    "origin": mine(item(ANY, values('"z"'), origin=(99, 0))),
    "right origin": mine(item(ANY, values('"z"'), right=(ALICE, 13))),
    "parent": mine(item(STRING, text("z"), parent=(99, 0))),
    "a delete": update(deletes=[(99, [(0, 1)])]),
}


@pytest.mark.parametrize("name", GAPS)
def test_S5_an_update_with_missing_predecessors_is_a_gap(name: str) -> None:
    assert isinstance(by_mallory(GAPS[name]), Gap)


@pytest.mark.parametrize("name", raw.ODD_CONTENTS)
@pytest.mark.parametrize(("root", "key"), [("messages", MINE), ("streams", MY_STREAM)])
def test_G6_rows_of_a_page_hold_one_kind_of_content(root: str, key: str, name: str) -> None:
    kind, content = raw.ODD_CONTENTS[name]
    with pytest.raises(Refused) as refusal:
        by_mallory(mine(item(kind, content, parent=root, key=key)))
    assert refusal.value.rule == "G6"
    assert refusal.value.rows == ((root, key),)


@pytest.mark.parametrize("name", raw.ODD_CONTENTS)
def test_G6_a_stream_is_plain_text(name: str) -> None:
    kind, content = raw.ODD_CONTENTS[name]
    stream = item(TYPE, b"\x02", parent="streams", key=MY_STREAM)
    for key in (None, "k"):
        with pytest.raises(Refused, match="without formatting"):
            by_mallory(mine(stream, item(kind, content, parent=(MALLORY, 0), key=key)))


def test_G6_a_message_is_no_text_type_and_holds_none() -> None:
    with pytest.raises(Refused, match="G6"):
        by_mallory(mine(item(TYPE, b"\x02", parent="messages", key=MINE)))


def test_G6_large_rows_and_updates_are_refused() -> None:
    fits = '{"text":"' + "x" * (63 * KIB) + '"}'
    assert by_mallory(mine(item(ANY, values(fits), parent="messages", key=MINE)))
    with pytest.raises(Refused, match="more than 65536 bytes") as refusal:
        by_mallory(mine(item(ANY, values(fits + " " * 2 * KIB), parent="messages", key=MINE)))
    assert refusal.value.rows == (("messages", MINE),)
    with pytest.raises(Refused, match=f"more than {PAGE.max_update} bytes"):
        by_mallory(mine(*[item(ANY, values(fits), parent="messages", key=MINE)] * 67))
    with pytest.raises(Refused, match="G6"):
        by_mallory(mine(item(ANY, values('"1"'), parent="reactions", key=f"{BOBS}|mallory|{'x' * 1024}")))


def test_G6_a_stream_grows_to_its_limit_in_one_update_or_many() -> None:
    index = StructIndex()
    start = update((MALLORY, 0, [item(TYPE, b"\x02", parent="streams", key=MY_STREAM)]))
    verdict = written(start, index, "mallory")
    assert isinstance(verdict, Accept)
    index.extend(verdict.plan, "mallory")
    token = item(STRING, text("x" * KIB), parent=(MALLORY, 0))
    for at in range(64):
        verdict = written(update((MALLORY, 1 + at * KIB, [token])), index, "mallory")
        assert isinstance(verdict, Accept)
        index.extend(verdict.plan, "mallory")
    with pytest.raises(Refused, match="characters"):
        written(update((MALLORY, 1 + 64 * KIB, [token])), index, "mallory")
    many = update((MALLORY, 0, [item(TYPE, b"\x02", parent="streams", key=MY_STREAM), *[token] * 65]))
    with pytest.raises(Refused, match="characters"):
        written(many, StructIndex(), "mallory")


def test_G6_shared_types_do_not_nest_without_end() -> None:
    def nested(depth: int) -> bytes:
        inner = [item(TYPE, b"\x01", parent=(MALLORY, at), key="k") for at in range(depth)]
        return mine(item(TYPE, b"\x01", parent="rows", key="k"), *inner)

    assert isinstance(by_mallory(nested(16), OPEN), Accept)
    for depth in (17, 20_000):
        with pytest.raises(Refused, match="deep"):
            by_mallory(nested(depth), OPEN)


def test_G6_an_open_doc_takes_any_root_but_no_docs() -> None:
    for name, (kind, content) in raw.ODD_CONTENTS.items():
        data = mine(item(kind, content, parent="anything", key="k"))
        if kind == DOC:
            with pytest.raises(Refused, match="a doc inside a doc"):
                by_mallory(data, OPEN)
        else:
            assert isinstance(by_mallory(data, OPEN), Accept), name


def test_S2_what_is_known_is_accepted_from_everybody_and_is_no_news() -> None:
    verdict = by_mallory(BASE)
    assert isinstance(verdict, Accept)
    assert not verdict.is_news
    assert verdict.rows == frozenset()


def test_G1_deleting_what_is_deleted_already_is_harmless() -> None:
    deleted = update(deletes=[(ALICE, [(1, 11)])])
    wider = update(deletes=[(ALICE, [(0, 12)])])
    verdict = by_mallory(deleted, PAGE, deleted)
    assert isinstance(verdict, Accept)
    assert not verdict.is_news
    with pytest.raises(Refused) as refusal:
        by_mallory(wider, PAGE, deleted)
    assert refusal.value.rows == (("messages", ROW),)


def test_G1_what_a_conflict_deleted_is_learnt_from_the_doc() -> None:
    """Two processes of alice edit one message; the loser's deletion is in no update of hers."""
    doc: Doc[Any] = Doc()
    index = StructIndex(doc.get_update)
    for data in (
        BASE,
        update((20, 0, [item(ANY, values('"a"'), origin=(ALICE, 0))]), deletes=[(ALICE, [(0, 1)])]),
        update((21, 0, [item(ANY, values('"b"'), origin=(ALICE, 0))])),
    ):
        verdict = written(data, index, "alice", OPEN)
        assert isinstance(verdict, Accept)
        doc.apply_update(data)
        index.extend(verdict.plan, "alice")
    bobs: Doc[Any] = Doc()
    bobs.apply_update(doc.get_update())
    told = bobs.get_update()
    assert (20, 0, 1) in decode(told).deletes
    verdict = written(told, index, "bob")
    assert isinstance(verdict, Accept)
    assert not verdict.is_news


def test_A3_a_late_token_into_a_finished_stream_is_accepted() -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(BASE)
    live = index_of(BASE)
    finish = update(
        (ALICE, 13, [item(ANY, values('{"text":"done"}'), parent="messages", key=STREAM)]),
        deletes=[(ALICE, [(1, 11)])],
    )
    verdict = written(finish, live, "alice")
    assert isinstance(verdict, Accept)
    assert verdict.rows == {("messages", STREAM), ("streams", STREAM)}
    live.extend(verdict.plan, "alice")
    for index in (live, index_of(BASE, finish)):
        for late in (
            item(STRING, text("late"), origin=(ALICE, 11)),
            item(STRING, text("late"), parent=(ALICE, 1)),
            item(STRING, text("late"), origin=(ALICE, 5), right=(ALICE, 9)),
        ):
            for client, clock in ((ALICE, 14), (99, 0)):
                data = update((client, clock, [late]))
                assert isinstance(written(data, index, "alice"), Accept)


def test_G1_a_late_token_of_another_is_refused_or_becomes_garbage() -> None:
    finish = update(deletes=[(ALICE, [(1, 11)])])
    late = mine(item(STRING, text("late"), origin=(ALICE, 11)))
    doc: Doc[Any] = Doc()
    for data in (BASE, finish, late):
        doc.apply_update(data)
    assert doc.get("streams", type=Map).to_py() == {}
    assert isinstance(by_mallory(late, PAGE, finish), Accept)
    live = index_of(BASE)
    live.extend(live.plan(decode(finish)))
    with pytest.raises(Refused, match="G1"):
        written(late, live, "mallory")


def test_O4_an_honest_step_2_with_garbage_of_earlier_client_ids_is_accepted() -> None:
    whole: Doc[Any] = Doc()
    whole.apply_update(BASE)
    for at in range(3):
        session: Doc[Any] = Doc()
        session.apply_update(whole.get_update())
        streams = session.get("streams", type=Map)
        key = format_id(100 + at, "mallory", at)
        streams[key] = Text()
        stream = streams[key]
        stream += "some 📊 text"
        with session.transaction():
            session.get("messages", type=Map)[key] = '{"text":"some text"}'
            del streams[key]
        whole.apply_update(session.get_update())
    data = whole.get_update()
    assert {struct.kind for run in decode(data).structs.values() for struct in run} >= {0, DELETED}
    verdict = by_mallory(data)
    assert isinstance(verdict, Accept)
    assert {root for root, _ in verdict.rows} == {"messages", "streams"}


KINDS = st.sampled_from([ANY, STRING, TYPE, DELETED, BINARY])
CONTENTS = {
    ANY: values('"x"'),
    STRING: text("x📊"),
    TYPE: b"\x02",
    DELETED: number(3),
    BINARY: number(1) + b"x",
}
CLIENTS = st.sampled_from([ALICE, BOB, MALLORY, MALLORY + 1])
IDS = st.tuples(CLIENTS, st.integers(0, 14))
PARENTS = st.one_of(IDS, st.sampled_from(["messages", "streams", "marks", "other"]))
KEYS = st.sampled_from([None, ROW, STREAM, MINE, MY_STREAM, "k"])


@st.composite
def structs(draw: st.DrawFn) -> bytes:
    kind = draw(KINDS)
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from([gc, skip]))(draw(st.integers(1, 4)))
    origin, right = draw(st.one_of(st.none(), IDS)), draw(st.one_of(st.none(), IDS))
    return item(kind, CONTENTS[kind], origin=origin, right=right, parent=draw(PARENTS), key=draw(KEYS))


@settings(max_examples=150)
@given(
    st.dictionaries(
        CLIENTS, st.tuples(st.sampled_from([0, 0, 1, 13]), st.lists(structs(), min_size=1, max_size=4))
    ),
    st.dictionaries(CLIENTS, st.tuples(st.integers(0, 14), st.integers(1, 4))),
)
def test_G1_whatever_is_accepted_leaves_the_rows_of_others_as_they_were(
    put: dict[int, tuple[int, list[bytes]]], deleted: dict[int, tuple[int, int]]
) -> None:
    data = update(
        *((client, clock, run) for client, (clock, run) in put.items()),
        deletes=[(client, [place]) for client, place in deleted.items()],
    )
    doc: Doc[Any] = Doc()
    doc.apply_update(BASE)
    index = index_of(BASE)
    with suppress(Refused, MalformedUpdate):
        verdict = written(data, index, "mallory")
        if isinstance(verdict, Accept):
            doc.apply_update(data)
            index.extend(verdict.plan, "mallory")
    roots = {n: doc.get(n, type=Map).to_py() or {} for n in ("messages", "streams", "reactions", "marks")}
    assert roots["messages"][ROW] == '"x"'
    assert roots["messages"][BOBS] == '"y"'
    assert roots["streams"][STREAM] == "one 📊 two"
    assert roots["reactions"] == {f"{ROW}|alice|x": '"1"'}
    assert roots["marks"] == {}
    assert index.state() == StructIndex.load(doc.get_update()).state()

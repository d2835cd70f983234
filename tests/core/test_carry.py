"""Rows written again in another doc, and what of a doc is news to another."""

import random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlFragment

from syncchat.core import carry
from syncchat.core.places import Row
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode

Page = Doc[Map[Any]]


def page(root: str = "messages", **rows: object) -> Page:
    doc: Page = Doc()
    with doc.transaction():
        doc.get(root, type=Map).update(rows)
    return doc


def copy_of(doc: Page) -> Page:
    twin: Page = Doc()
    twin.apply_update(doc.get_update())
    return twin


def write(row: Row, source: Page, target: Page) -> bool:
    with target.transaction():
        return carry.carry(row, source, target)


@pytest.mark.parametrize(
    "value",
    ["text", 7, None, True, {"a": [1]}, Text("grown"), Map({"a": 1, "b": Text("t")}), Array([1, Map({})])],
)
def test_G14_whatever_kind_a_row_is_of_it_is_written_again_as_it_was(value: object) -> None:
    source, target = page(key=value), page()
    assert write(("messages", "key"), source, target)
    assert carry.content(target.get("messages", type=Map)["key"]) == carry.content(
        source.get("messages", type=Map)["key"]
    )
    assert not write(("messages", "key"), source, target), "it is so already"


def test_G14_what_cannot_be_written_again_is_said_and_nothing_is_written() -> None:
    source, target = page(key=Map({"a": 1, "x": XmlFragment()})), page()
    with pytest.raises(carry.CannotCarry, match="XmlFragment"):
        write(("messages", "key"), source, target)
    assert list(target.get("messages", type=Map).keys()) == []


def test_G14_a_row_that_is_gone_is_taken_out() -> None:
    target = page(key=1)
    assert write(("messages", "key"), page(), target)
    assert not write(("messages", "key"), page(), target)
    assert len(target.get("messages", type=Map)) == 0


def test_G14_cells_and_characters_of_others_stay() -> None:
    source = page(cells=Map({"a": 1}), text=Text("gräße und 🎉 end"))
    target = copy_of(source)
    source.get("messages", type=Map)["cells"]["a"] = 2
    source.get("messages", type=Map)["text"].insert(len("gräße und 🎉 end".encode()), "!")
    theirs = copy_of(target)
    theirs.get("messages", type=Map)["cells"]["b"] = 3
    theirs.get("messages", type=Map)["text"].insert(0, "the ")
    for key in ("cells", "text"):
        write(("messages", key), source, target)
    target.apply_update(theirs.get_update())
    assert carry.content(target.get("messages", type=Map)["cells"]) == ("map", {"a": 2, "b": 3})
    assert str(target.get("messages", type=Map)["text"]) == "the gräße und 🎉 end!"


@pytest.mark.parametrize("seed", range(20))
def test_G14_a_text_becomes_the_other_whatever_they_have_in_common(seed: int) -> None:
    rng = random.Random(seed)
    one, other = ("".join(rng.choices("aä🎉", k=rng.randrange(12))) for _ in range(2))
    source = page("streams", key=Text(one))
    target = copy_of(source)
    del target.get("streams", type=Map)["key"][:]
    target.get("streams", type=Map)["key"].insert(0, other)
    write(("streams", "key"), source, target)
    assert str(target.get("streams", type=Map)["key"]) == one


def test_G14_a_message_and_its_stream_are_written_together() -> None:
    rows = [("messages", "a"), ("reactions", "a"), ("streams", "b"), ("streams", "a")]
    assert carry.groups(rows) == [
        [("messages", "a"), ("streams", "a")],
        [("reactions", "a")],
        [("streams", "b")],
    ]


def test_G14_what_a_row_says_is_for_a_person_to_read() -> None:
    doc = page(json='{"text": "hello"}', plain="words", number=7, text=Text("grown"), cells=Map({"a": 1}))
    said = {key: carry.text_of(doc, ("messages", key)) for key in ("json", "plain", "number", "text", "gone")}
    assert said == {"json": "hello", "plain": "words", "number": "7.0", "text": "grown", "gone": ""}
    assert carry.text_of(doc, ("messages", "cells")) == '["map",{"a":1.0}]'


def test_G14_a_deletion_alone_is_something_beyond() -> None:
    doc = page(key=1)
    twin = copy_of(doc)
    assert not carry.is_beyond(twin, doc)
    del twin.get("messages", type=Map)["key"]
    assert carry.is_beyond(twin, doc)
    assert not carry.is_beyond(doc, twin)


@pytest.mark.parametrize("seed", range(60))
def test_G14_S5_an_update_fits_where_nothing_is_missing_and_nowhere_else(seed: int) -> None:
    rng = random.Random(seed)
    docs = [page(), page(), page()]
    updates: list[bytes] = []
    subscriptions = [doc.observe(lambda event: updates.append(event.update)) for doc in docs]
    for _ in range(12):
        doc = rng.choice(docs)
        rows = doc.get("messages", type=Map)
        key = rng.choice("abc")
        match rng.randrange(5):
            case 0:
                rows[key] = Text("t")
            case 1 if isinstance(rows.get(key), Text):
                rows[key].insert(0, "more")
            case 2 if key in rows:
                del rows[key]
            case 3:
                doc.apply_update(rng.choice(docs).get_update(doc.get_state()))
            case _:
                rows[key] = rng.randrange(9)
    late = copy_of(rng.choice(docs))
    index = StructIndex.load(late.get_update())
    for update in updates:
        assert carry.fits(update, late) == (index.plan(decode(update)).missing is None)
    for doc, subscription in zip(docs, subscriptions, strict=True):
        doc.unobserve(subscription)


def test_G14_D5_of_a_log_that_lost_a_part_all_rows_may_be_news() -> None:
    doc, torn = page(a=1), page(b=1)
    state, known = doc.get_state(), torn.get_state()
    doc.get("messages", type=Map)["c"] = 2
    assert carry.rows_since(state, doc) == {("messages", "c")}
    assert carry.rows_since(known, torn) == set()
    torn.apply_update(doc.get_update(state))
    assert carry.rows_since(known, torn) >= {("messages", "b")}

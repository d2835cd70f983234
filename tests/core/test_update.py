"""The update decoder: it agrees with yrs on honest updates and refuses what would hurt yrs."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlFragment

from syncchat.core.lib0 import decode_state
from syncchat.core.update import ANY, DELETED, EMBED, FORMAT, STRING, TYPE, check_json, decode
from syncchat.errors import MalformedUpdate
from syncchat.testing import updates as raw
from syncchat.testing.updates import item, number, text, update, values

TEXTS = st.text(st.sampled_from('aé漢📊"\\[{'), min_size=1, max_size=6)


def state_of(data: bytes) -> dict[int, int]:
    return {client: run[-1].clock + run[-1].len for client, run in decode(data).structs.items()}


def rich_doc() -> Doc[Any]:
    doc: Doc[Any] = Doc(client_id=2**40 + 7)
    rows = doc.get("rows", type=Map)
    rows["text"] = Text("aé📊")
    rows["text"].insert(0, "bold", {"bold": True, "font": {"size": 3}})
    rows["text"].insert_embed(0, {"image": "x"})
    rows["array"] = Array([1, 2.5, None, True, "x", b"\x00\xff", {"a": [1, {"b": []}]}])
    rows["map"] = Map({"a": Map({"b": "c"})})
    rows["gone"] = "x"
    del rows["gone"]
    rows["map"] = "overwritten"
    doc.get("xml", type=XmlFragment)
    return doc


def test_G4_every_kind_of_content_that_yrs_writes_is_read_with_its_length() -> None:
    doc = rich_doc()
    data = doc.get_update()
    assert state_of(data) == decode_state(doc.get_state())
    kinds = {struct.kind for run in decode(data).structs.values() for struct in run}
    assert {DELETED, STRING, EMBED, FORMAT, TYPE, ANY} <= kinds


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=8))
def test_G4_lengths_agree_with_yrs(edits: list[tuple[str, bool]]) -> None:
    doc: Doc[Any] = Doc()
    row = doc.get("rows", type=Map)
    told: list[bytes] = []
    subscription = doc.observe(lambda event: told.append(event.update))
    row["text"] = Text()
    stream = row["text"]
    for added, clear in edits:
        stream += added
        if clear:
            stream.clear()
    doc.unobserve(subscription)
    ends: dict[int, int] = {}
    for data in told:
        ends.update(state_of(data))
    assert ends == decode_state(doc.get_state())
    assert state_of(doc.get_update()) == ends


def test_G4_a_truncated_update_is_refused_at_every_byte() -> None:
    data = rich_doc().get_update()
    for size in range(len(data)):
        with pytest.raises(MalformedUpdate):
            decode(data[:size])


@pytest.mark.parametrize("name", raw.EMPTY_STRUCTS)
def test_G4_structs_without_a_length_are_refused(name: str) -> None:
    with pytest.raises(MalformedUpdate, match="without a length"):
        decode(update((1, 0, [raw.EMPTY_STRUCTS[name]])))


HOSTILE = {
    "no bytes": b"",
    "bytes behind the end": update() + b"\x00",
    "a client id twice": update((1, 0, [raw.gc(1)]), (1, 0, [raw.gc(1)])),
    "a client id without structs": update((1, 0, []), deletes=[(1, [(0, 1)]), (2, [(0, 1)])]),
    "more clients than bytes": number(2**31),
    "more structs than bytes": number(1) + number(2**31) + number(1) + number(0) + bytes(8),
    "more values than bytes": update((1, 0, [item(ANY, number(2**31), parent="r", key="k")])),
    "a text longer than the bytes": update((1, 0, [item(STRING, number(2**40), parent="r", key="k")])),
    "a client id over 2**53": b"\x01\x01" + b"\xff" * 7 + b"\x7f" + b"\x00\x00\x01\x00",
    "a clock yrs cannot hold": update((1, 2**31 - 1, [raw.gc(1)])),
    "a length yrs cannot hold": update((1, 0, [raw.gc(2**31)])),
    "a sum yrs cannot hold": update((1, 0, [raw.gc(2**30), raw.gc(2**30)])),
    "a delete of nothing": update(deletes=[(1, [(0, 0)])]),
    "deletes out of order": update(deletes=[(1, [(3, 1), (1, 1)])]),
    "deletes that overlap": update(deletes=[(1, [(1, 3), (2, 3)])]),
    "deletes of a client id twice": update(deletes=[(1, [(0, 1)]), (1, [(5, 1)])]),
    "deletes yrs cannot hold": update(deletes=[(1, [(2**31, 2**31)])]),
    "the outdated JSON": update((1, 0, [item(2, number(1) + text('"a"'), parent="r", key="k")])),
    "a move": update((1, 0, [item(11, bytes(8), parent="r", key="k")])),
    "an unknown kind": update((1, 0, [item(12, bytes(8), parent="r", key="k")])),
    "a kind with a stray bit": update((1, 0, [item(16 | STRING, text("x"), parent="r", key="k")])),
    "garbage with an origin": update((1, 0, [item(0, number(1), origin=(2, 0))])),
    "a weak link": update((1, 0, [item(TYPE, b"\x07" + bytes(8), parent="r", key="k")])),
    "a hook, as Yjs writes it": update((1, 0, [item(TYPE, b"\x05" + text("p"), parent="r", key="k")])),
    "a hook, as yrs reads it": update((1, 0, [item(TYPE, b"\x05", parent="r", key="k")])),
    "an odd parent": update((1, 0, [bytes([STRING]) + number(2) + text("r") + text("x")])),
    "no UTF-8": update((1, 0, [item(STRING, b"\x02\xff\xfe", parent="r", key="k")])),
    "a deep value": update((1, 0, [item(ANY, number(1) + b"\x75\x01" * 20_000 + b"\x7e", parent="r")])),
    "a deep embed": update((1, 0, [item(EMBED, text("[" * 20_000 + "]" * 20_000), parent="r")])),
    "a format without JSON": update((1, 0, [item(FORMAT, text("b") + text("yes"), parent="r")])),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_G4_what_no_honest_encoder_writes_is_refused(name: str) -> None:
    with pytest.raises(MalformedUpdate):
        decode(HOSTILE[name])


@pytest.mark.parametrize("name", HOSTILE)
def test_G4_the_same_cut_off_anywhere_raises_nothing_else(name: str) -> None:
    data = HOSTILE[name][:200]
    for size in range(len(data)):
        with suppress(MalformedUpdate):
            decode(data[:size])


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_G4_random_bytes_raise_nothing_else(data: bytes) -> None:
    with suppress(MalformedUpdate):
        decode(data)


@pytest.mark.parametrize("number_of", range(20))
@pytest.mark.parametrize("behind", [b"", text("p"), text("p") * 2])
def test_G4_of_a_shared_type_we_read_as_many_bytes_as_yrs_or_refuse_it(number_of: int, behind: bytes) -> None:
    """Whoever reads other bytes than yrs judges another update than the one that is applied."""
    kind = bytes([number_of]) + behind
    data = update(
        (1, 0, [item(TYPE, kind, parent="r", key="k"), item(ANY, values("1"), parent="r", key="z")])
    )
    with suppress(MalformedUpdate):
        told = state_of(data)
        doc: Doc[Any] = Doc()
        doc.apply_update(data)
        assert told == decode_state(doc.get_state())


@settings(max_examples=300)
@given(st.data())
def test_G4_what_the_decoder_passes_yrs_can_decode(data: st.DataObject) -> None:
    good = bytearray(rich_doc().get_update())
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(good))
    except MalformedUpdate:
        return
    with suppress(RuntimeError):  # "must be deleted or shared ref type": for the guard's plan to refuse
        Doc().apply_update(bytes(good))


@pytest.mark.parametrize(
    "good",
    ['"[[[["', "1", "-1.5e3", "null", '{"a":["\\ud83d\\ude00"]}', ' {"a": {}}\n', "{}", "[" * 64 + "]" * 64],
)
def test_G4_json_passes(good: str) -> None:
    check_json(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "{",
        "{}}",
        "{}{}",
        '{"a":NaN}',
        "NaN",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        "[" * 65 + "]" * 65,
        '["[",' * 65,
        "1" * 5000,
    ],
)
def test_G4_what_is_not_everybodys_json_does_not(bad: str) -> None:
    with pytest.raises(MalformedUpdate):
        check_json(bad)


def test_S12_a_struct_tells_where_it_is_and_what_it_holds() -> None:
    data = update((7, 3, [item(ANY, values('"x"'), parent="rows", key="k")]), deletes=[(7, [(1, 2)])])
    read = decode(data)
    (struct,) = read.structs[7]
    assert (struct.client, struct.clock, struct.len, struct.kind) == (7, 3, 1, ANY)
    assert (struct.parent, struct.key, struct.content) == ("rows", "k", ['"x"'])
    assert (read.deletes, read.size) == ([(7, 1, 2)], len(data))

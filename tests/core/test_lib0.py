"""lib0's encoding: what is written reads back, and garbage raises one error only."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from syncchat.core import lib0
from syncchat.core.lib0 import Reader
from syncchat.errors import MalformedUpdate


@given(st.integers(0, lib0.MAX_INT))
def test_S12_unsigned_integers_read_back(number: int) -> None:
    buffer = bytearray()
    lib0.write_var_uint(buffer, number)
    reader = Reader(bytes(buffer))
    assert reader.var_uint() == number
    assert reader.done


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_S12_texts_and_bytes_read_back(text: str, data: bytes) -> None:
    buffer = bytearray()
    lib0.write_var_string(buffer, text)
    lib0.write_var_bytes(buffer, data)
    buffer += b"rest"
    reader = Reader(bytes(buffer))
    assert (reader.var_string(), reader.var_bytes(), reader.rest()) == (text, data, b"rest")
    assert reader.done


def test_S12_the_length_of_a_text_is_in_bytes() -> None:
    buffer = bytearray()
    lib0.write_var_string(buffer, "Zoë")
    assert bytes(buffer) == b"\x04Zo\xc3\xab"


@pytest.mark.parametrize(
    ("data", "number"),
    [(b"\x00", 0), (b"\x40", 0), (b"\x41", -1), (b"\x3f", 63), (b"\x80\x01", 64), (b"\xc0\x01", -64)],
)
def test_S12_signed_integers_are_lib0s(data: bytes, number: int) -> None:
    assert Reader(data).var_int() == number


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x7f", None),
        (b"\x7e", None),
        (b"\x7d\x41", -1),
        (b"\x7c\x3f\x80\x00\x00", 1.0),
        (b"\x7b\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5),
        (b"\x7a\xff\xff\xff\xff\xff\xff\xff\xff", -1),
        (b"\x79", False),
        (b"\x78", True),
        (b"\x77\x02\xc3\xab", "ë"),
        (b"\x76\x01\x01a\x75\x02\x7e\x78", {"a": [None, True]}),
        (b"\x74\x02\x00\xff", b"\x00\xff"),
    ],
)
def test_S12_any_reads_every_type(data: bytes, value: lib0.Any) -> None:
    reader = Reader(data)
    assert reader.any() == value
    assert reader.done


@pytest.mark.parametrize("data", [b"\x80" * 8 + b"\x01", b"\xff" * 7 + b"\x7f", b"\x80", b""])
def test_G4_integers_too_long_too_large_or_cut_off_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        Reader(data).var_uint()
    with pytest.raises(MalformedUpdate):
        Reader(data).var_int()


@pytest.mark.parametrize("data", [b"\x02\xff\xfe", b"\x05ab", b"\x03\xed\xa0\x80"])
def test_G4_texts_that_are_no_utf8_or_cut_off_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        Reader(data).var_string()


def test_G4_a_value_nested_too_deep_is_refused_and_the_limit_is_not() -> None:
    assert Reader(b"\x75\x01" * lib0.MAX_DEPTH + b"\x7e").any() is not None
    with pytest.raises(MalformedUpdate):
        Reader(b"\x75\x01" * (lib0.MAX_DEPTH + 1) + b"\x7e").any()
    with pytest.raises(MalformedUpdate):
        Reader(b"\x75\x01" * 20_000 + b"\x7e").any()


def test_G4_a_count_larger_than_the_bytes_is_refused() -> None:
    for tag in (b"\x75", b"\x76", b"\x74", b"\x77"):
        with pytest.raises(MalformedUpdate):
            Reader(tag + b"\xff\xff\xff\xff\x0f").any()


@given(st.binary(max_size=40))
def test_G4_random_bytes_raise_nothing_else(data: bytes) -> None:
    for method in (Reader.any, Reader.var_int, Reader.var_uint, Reader.var_string, Reader.var_bytes):
        reader = Reader(data)
        with suppress(MalformedUpdate):  # most are refused; any other error fails the test
            method(reader)
            assert 0 < reader.pos <= len(data), "what was read is there"


@given(st.dictionaries(st.integers(0, lib0.MAX_INT), st.integers(0, lib0.MAX_INT)))
def test_S12_state_vectors_read_back(state: dict[int, int]) -> None:
    assert lib0.decode_state(lib0.encode_state(state)) == state


def test_S12_state_vectors_are_those_of_pycrdt() -> None:
    doc: Doc[Map[str]] = Doc(client_id=2**31 + 5)
    doc.get("rows", type=Map)["a"] = "b"
    assert lib0.decode_state(doc.get_state()) == {2**31 + 5: 1}
    assert lib0.encode_state({2**31 + 5: 1}) == doc.get_state()


@pytest.mark.parametrize("data", [b"", b"\x01\x05", b"\x02\x05\x01\x05\x02", b"\x00\x00", b"\xff\xff\x03"])
def test_G4_a_bad_state_vector_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        lib0.decode_state(data)


@pytest.mark.parametrize("number", [-1, 2**53])
def test_S12_what_does_not_fit_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="between"):
        lib0.write_var_uint(bytearray(), number)

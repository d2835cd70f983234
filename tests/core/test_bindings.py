"""The owners of client ids as bytes: what was bound first holds, and garbage raises one error only."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.bindings import decode_bindings, encode_bindings
from syncchat.core.lib0 import MAX_INT
from syncchat.errors import MalformedUpdate

OWNERS = st.dictionaries(st.integers(0, MAX_INT), st.text("abcZ-_9", min_size=1, max_size=40), max_size=8)


@given(st.lists(OWNERS, max_size=4))
def test_G5_of_all_entries_the_first_binding_of_each_client_id_holds(entries: list[dict[int, str]]) -> None:
    wanted: dict[int, str] = {}
    for owners in entries:
        wanted = owners | wanted
    assert decode_bindings(encode_bindings(owners) for owners in entries) == wanted


@given(st.binary(max_size=40))
def test_G5_garbage_is_no_entry(data: bytes) -> None:
    with suppress(MalformedUpdate):
        decode_bindings([data])


def test_G5_an_entry_ends_where_it_says() -> None:
    with pytest.raises(MalformedUpdate):
        decode_bindings([encode_bindings({1: "ann"}) + b"\x00"])

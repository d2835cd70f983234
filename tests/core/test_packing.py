"""Updates packed for those who ask for it: the same on the other side, and nothing that could be a bomb."""

import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.dialect import BadFrame, Frame, HocuspocusDialect
from syncchat.core.lib0 import write_var_bytes
from syncchat.core.messages import Awareness, Message, Stateless, Status, Step1, Step2, Update
from syncchat.core.packing import LEAST, MOST, PACKED, PackingDialect, UnpackingDialect

SERVER, CLIENT, STOCK = PackingDialect(), UnpackingDialect(), HocuspocusDialect()
SIZES = st.one_of(
    st.integers(0, 3 * LEAST), st.sampled_from([LEAST - 1, LEAST, MOST - 1, MOST, MOST + 1, 2 * MOST])
)
CONTENTS = st.builds(
    lambda seed, kinds, size: bytes(random.Random(seed).choices(range(kinds), k=size)),
    st.integers(0, 5),
    st.sampled_from([1, 2, 30, 256]),
    SIZES,
)
OTHERS = st.sampled_from(
    [Step1(bytes(5000)), Awareness(bytes(5000)), Stateless("x" * 5000), Status(True)]  # nothing of a doc
)


def packed(kind: int, content: bytes) -> bytes:
    buffer = bytearray((*b"\x04room", PACKED, kind))
    write_var_bytes(buffer, content)
    return bytes(buffer)


@given(st.one_of(st.builds(Step2, CONTENTS), st.builds(Update, CONTENTS), OTHERS))
def test_S14_what_is_said_comes_out_the_same_and_never_longer(message: Message) -> None:
    frame, plain = SERVER.encode("room", message), STOCK.encode("room", message)
    assert frame is not None
    assert plain is not None
    assert CLIENT.decode(frame) == CLIENT.decode(plain) == Frame("room", message)
    assert len(frame) <= len(plain)
    size = len(message.update) if isinstance(message, Step2 | Update) else 0
    if not LEAST <= size <= MOST:
        assert frame == plain


@pytest.mark.parametrize("kinds", [1, 2, 3, 30])
@pytest.mark.parametrize("size", [LEAST, MOST - 1, MOST])
def test_S14_an_update_of_any_allowed_size_is_unpacked(size: int, kinds: int) -> None:
    update = Update(bytes(random.Random(kinds).choices(range(kinds), k=size)))
    frame = SERVER.encode("room", update)
    assert frame is not None
    assert len(frame) < size
    assert CLIENT.decode(frame) == Frame("room", update)


def test_S14_a_page_of_what_people_write_is_halved() -> None:
    text = (Path(__file__).parents[2] / "SPEC.md").read_bytes()[:30_000]
    frame = SERVER.encode("room", Step2(text))
    assert frame is not None
    assert len(frame) < len(text) / 2


@pytest.mark.parametrize(
    "frame",
    [
        packed(1, zlib.compress(bytes(MOST + 1))),
        packed(1, zlib.compress(bytes(1 << 26))),
        packed(1, zlib.compress(bytes(5000))[:-1]),
        packed(1, zlib.compress(bytes(5000)) + b"\0"),
        packed(1, b"no zlib"),
        packed(1, b""),
        packed(0, zlib.compress(bytes(5000))),
        packed(3, zlib.compress(bytes(5000))),
        packed(1, zlib.compress(bytes(5000)))[:-1],
        b"\x04room" + bytes((PACKED,)),
    ],
)
def test_S3_S14_a_bomb_and_rubbish_end_the_link_of_who_hears_them(frame: bytes) -> None:
    with pytest.raises(BadFrame) as caught:
        CLIENT.decode(frame)
    assert caught.value.key == "room"


def test_S3_S14_nobody_packs_what_a_server_has_to_unpack() -> None:
    frame = packed(2, zlib.compress(bytes(5000)))
    assert CLIENT.decode(frame) == Frame("room", Update(bytes(5000)))
    for dialect in (SERVER, STOCK):
        with pytest.raises(BadFrame, match="unknown message type"):
            dialect.decode(frame)

"""Both dialects: known frames byte by byte, round trips, and bytes that are no frames."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncchat.core.dialect import (
    MAX_KEY,
    BadFrame,
    Dialect,
    Frame,
    HocuspocusDialect,
    YDialect,
    doc_of_key,
)
from syncchat.core.lib0 import write_var_string, write_var_uint
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Awareness,
    Close,
    Denied,
    Message,
    Ping,
    Pong,
    QueryAwareness,
    Stateless,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.errors import CloseCode

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_KEY)
SYNC = st.one_of(*(st.builds(kind, st.binary()) for kind in (Step1, Step2, Update, Awareness)))
Y_MESSAGES = st.one_of(SYNC, st.builds(QueryAwareness), st.builds(Denied, TEXTS))
MESSAGES = st.one_of(
    Y_MESSAGES,
    st.builds(Status, st.booleans()),
    *(st.builds(kind, TEXTS) for kind in (Auth, Authenticated, Stateless, Close)),
)
NOTHING = (Auth("t"), Authenticated("s"), Status(True), Close(""), Ping(), Pong())

HOCUSPOCUS = HocuspocusDialect()
Y = YDialect("room")

# As the stock providers and servers write them: key, type, body.
HOCUSPOCUS_FRAMES = [
    (b"\x04room\x00\x00\x01\x00", Step1(b"\x00")),
    (b"\x04room\x00\x01\x02\x00\x00", Step2(b"\x00\x00")),
    (b"\x04room\x00\x02\x02\x00\x00", Update(b"\x00\x00")),
    (b"\x04room\x01\x03abc", Awareness(b"abc")),
    (b"\x04room\x02\x00\x03tok", Auth("tok")),
    (b"\x04room\x02\x01\x02no", Denied("no")),
    (b"\x04room\x02\x02\x0aread-write", Authenticated("read-write")),
    (b"\x04room\x03", QueryAwareness()),
    (b"\x04room\x05\x02{}", Stateless("{}")),
    (b"\x04room\x07\x03bye", Close("bye")),
    (b"\x04room\x08\x01", Status(True)),
    (b"\x04room\x08\x00", Status(False)),
]
Y_FRAMES = [
    (b"\x00\x00\x01\x00", Step1(b"\x00")),
    (b"\x00\x01\x02\x00\x00", Step2(b"\x00\x00")),
    (b"\x00\x02\x02\x00\x00", Update(b"\x00\x00")),
    (b"\x01\x03abc", Awareness(b"abc")),
    (b"\x02\x00\x02no", Denied("no")),
    (b"\x03", QueryAwareness()),
]


@pytest.mark.parametrize(("frame", "message"), HOCUSPOCUS_FRAMES)
def test_S11_hocuspocus_frames_byte_by_byte(frame: bytes, message: Message) -> None:
    assert HOCUSPOCUS.encode("room", message) == frame
    assert HOCUSPOCUS.decode(frame) == Frame("room", message)


@pytest.mark.parametrize(("frame", "message"), Y_FRAMES)
def test_S11_y_websocket_frames_byte_by_byte(frame: bytes, message: Message) -> None:
    assert Y.encode("room", message) == frame
    assert Y.decode(frame) == Frame("room", message)


def test_S11_a_ping_is_one_byte_about_no_doc() -> None:
    assert (HOCUSPOCUS.encode("", Ping()), HOCUSPOCUS.encode("room", Pong())) == (b"\x09", b"\x0a")
    assert HOCUSPOCUS.decode(b"\x09") == Frame(None, Ping())
    assert HOCUSPOCUS.decode(b"\x0a") == Frame(None, Pong())


def test_S11_what_only_stock_peers_say_is_understood() -> None:
    with_version = b"\x04room\x02\x00\x03tok\x054.8.0"
    assert HOCUSPOCUS.decode(with_version) == Frame("room", Auth("tok"))
    assert HOCUSPOCUS.decode(b"\x04room\x04\x01\x01\x00") == Frame("room", Step2(b"\x00"))
    assert HOCUSPOCUS.decode(b"\x04room\x07") == Frame("room", Close(""))
    assert HOCUSPOCUS.decode(b"\x04room\x09") == Frame("room", Ping())


def test_S11_a_routing_key_is_a_doc_and_perhaps_a_session() -> None:
    frame = HOCUSPOCUS.encode("lobby/0\0session-1", QueryAwareness())
    assert frame is not None
    decoded = HOCUSPOCUS.decode(frame)
    assert decoded is not None
    assert decoded.key == "lobby/0\0session-1"
    assert [doc_of_key(key) for key in (decoded.key, "lobby/0", "\0x")] == ["lobby/0", "lobby/0", ""]


@pytest.mark.parametrize(
    ("text", "size"),
    [("Zoë", 4), ("📊", 4), ("👩‍🔬", 11), ("e\u0301", 3), ("x" * 200, 200), ("", 0), ("ü" * 64, 128)],
)
def test_S12_lengths_are_those_of_utf8(text: str, size: int) -> None:
    assert HOCUSPOCUS.encode("d", Stateless(text)) == b"\x01d\x05" + _uint(size) + text.encode()
    encoded = HOCUSPOCUS.encode(text, QueryAwareness())
    assert encoded == _uint(size) + text.encode() + b"\x03"


@given(KEYS, MESSAGES)
@example("Zoë 📊", Stateless("Zoë 📊"))
def test_S11_S12_hocuspocus_messages_survive_the_wire(key: str, message: Message) -> None:
    frame = HOCUSPOCUS.encode(key, message)
    assert frame is not None
    assert HOCUSPOCUS.decode(frame) == Frame(key, message)


@given(Y_MESSAGES)
def test_S11_S12_y_websocket_messages_survive_the_wire(message: Message) -> None:
    frame = Y.encode("room", message)
    assert frame is not None
    assert Y.decode(frame) == Frame("room", message)


@pytest.mark.parametrize("message", NOTHING)
def test_S11_y_websocket_has_no_word_for_the_rest(message: Message) -> None:
    assert Y.encode("room", message) is None


def test_G8_y_websocket_hears_a_refusal_as_the_one_text_it_shows() -> None:
    frame = Y.encode("room", Stateless("why"))
    assert frame == b"\x02\x00\x03why"
    assert Y.decode(frame) == Frame("room", Denied("why"))


@given(KEYS, MESSAGES.filter(lambda message: not isinstance(message, Close)))  # its reason may be left out
def test_S3_a_hocuspocus_frame_cut_short_is_none(key: str, message: Message) -> None:
    frame = HOCUSPOCUS.encode(key, message)
    assert frame is not None
    for end in (0, *range(2, len(frame))):  # a single byte may be a ping
        _expect_bad(HOCUSPOCUS, frame[:end])


@given(Y_MESSAGES)
def test_S3_a_y_websocket_frame_cut_short_or_with_more_behind_is_none(message: Message) -> None:
    frame = Y.encode("room", message)
    assert frame is not None
    for end in range(len(frame)):
        _expect_bad(Y, frame[:end])
    _expect_bad(Y, frame + b"\x00")


@given(st.sampled_from([HOCUSPOCUS, Y]), st.binary(max_size=200))
@example(HOCUSPOCUS, b"")
@example(Y, b"")
@example(HOCUSPOCUS, b"\xff" * 20)
@example(Y, b"\x00\x02\xff\xff\xff\xff\xff\xff\xff\x0f")
@example(HOCUSPOCUS, b"\x01\xff\x03")
def test_S3_rubbish_is_a_bad_frame_and_nothing_else(dialect: Dialect, rubbish: bytes) -> None:
    with suppress(BadFrame):
        dialect.decode(rubbish)


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        (b"\x04room\x0b", "room"),
        (b"\x04room\x06\x01x", "room"),  # BroadcastStateless is for servers among themselves
        (b"\x04room\x00\x03\x00", "room"),
        (b"\x04room\x02\x03\x00", "room"),
        (b"\x04room", "room"),
        (b"\x04roo", None),
        (b"\x02\xff\xfe\x03", None),
    ],
)
def test_S3_a_bad_frame_names_the_doc_it_was_about(frame: bytes, key: str | None) -> None:
    with pytest.raises(BadFrame) as error:
        HOCUSPOCUS.decode(frame)
    assert error.value.key == key
    assert error.value.code == CloseCode.BAD_FRAME


def test_S3_a_key_is_bounded_and_a_longer_one_names_no_doc() -> None:
    key = bytearray()
    write_var_string(key, "ü" * MAX_KEY)
    assert HOCUSPOCUS.decode(bytes(key) + b"\x03") == Frame("ü" * MAX_KEY, QueryAwareness())
    longer = bytearray()
    write_var_string(longer, "u" * (MAX_KEY + 1))
    with pytest.raises(BadFrame) as error:
        HOCUSPOCUS.decode(bytes(longer) + b"\x03")
    assert error.value.key is None


def _expect_bad(dialect: Dialect, frame: bytes) -> None:
    with pytest.raises(BadFrame):
        dialect.decode(frame)


def _uint(number: int) -> bytes:
    buffer = bytearray()
    write_var_uint(buffer, number)
    return bytes(buffer)

"""Frames are cut from a stream as they were sent, however the network cuts it; the rest is the library's."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from syncchat_server.framing import PLAIN, Frames

MOST = 70_000

payloads = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, MOST]).map(
    lambda size: bytes([size % 251]) * size
)
frames = st.lists(
    st.tuples(st.sampled_from([Opcode.BINARY, Opcode.TEXT, Opcode.PING]), payloads, st.booleans()), max_size=6
)


class Heard:
    """Keeps what it was told, in order: payloads of plain frames, and bytes of all else."""

    def __init__(self, *, goes_on: bool = True) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.goes_on = goes_on
        self.stream = Frames(lambda data: self.told.append(("plain", data)), self.other, most=MOST)

    def other(self, data: bytes) -> bool:
        self.told.append(("other", data))
        return self.goes_on

    def receive(self, data: bytes, *cuts: int) -> None:
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for start, end in pairwise(edges):
            self.stream.receive(data[start:end])


def wire(opcode: Opcode, payload: bytes, *, whole: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, payload, whole).serialize(mask=mask)


@given(frames, st.lists(st.integers(0, 1 << 20), max_size=12))
def test_S3_each_frame_is_told_once_in_its_turn_however_the_stream_is_cut(
    sent: list[tuple[Opcode, bytes, bool]], cuts: list[int]
) -> None:
    heard, expected, stream = Heard(), list[tuple[str, bytes]](), b""
    for opcode, payload, whole in sent:
        small = payload[:125] if opcode is Opcode.PING else payload
        data = wire(opcode, small, whole=whole or opcode is Opcode.PING)
        expected.append(("plain", small) if data[0] == PLAIN else ("other", data))
        stream += data
    heard.receive(stream, *cuts)
    assert heard.told == expected


def test_S3_a_frame_over_the_limit_is_the_librarys_before_it_is_there_and_so_is_all_behind_it() -> None:
    heard = Heard()
    large, next_one = wire(Opcode.BINARY, bytes(MOST + 1)), wire(Opcode.BINARY, b"next")
    heard.stream.receive(large[:14])
    assert heard.told == [("other", large[:14])]
    heard.stream.receive(large[14:] + next_one)
    assert heard.told[1:] == [("other", large[14:] + next_one)]


def test_S3_where_the_library_is_in_the_middle_of_something_it_gets_everything() -> None:
    heard = Heard(goes_on=False)
    begun, rest = (
        wire(Opcode.BINARY, b"be", whole=False),
        wire(Opcode.CONT, b"gun") + wire(Opcode.BINARY, b"next"),
    )
    heard.stream.receive(begun + rest)
    assert heard.told == [("other", begun), ("other", rest)]


def test_S3_a_frame_without_a_mask_is_for_the_library_to_refuse() -> None:
    heard = Heard()
    heard.stream.receive(wire(Opcode.BINARY, b"bare", mask=False))
    assert [kind for kind, _ in heard.told] == ["other"]

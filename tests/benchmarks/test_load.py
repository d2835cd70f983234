"""The load generator: its frames, its numbers, and what it takes for a failure."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from benchmarks.cases import CASES
from benchmarks.load import history, updates
from benchmarks.load.meter import quantiles
from benchmarks.load.websocket import FrameReader, handshake, masked, server_frame
from benchmarks.load.wire import SyncWire, YWire
from benchmarks.peers import PEERS, peers
from benchmarks.peers.catalogue import Peer
from benchmarks.peers.server import DidNotStart, running
from benchmarks.runner import plan
from syncchat.core.messages import Step2, Update

payloads = st.one_of(st.binary(max_size=200), st.integers(65_000, 70_000).map(bytes), st.just(bytes(126)))


def parsed(data: bytes, *, mask: bool) -> Frame:
    """What a websocket library reads."""
    stream = StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    try:
        next(Frame.parse(stream.read_exact, mask=mask, max_size=None))
    except StopIteration as end:
        frame: Frame = end.value
        return frame
    raise AssertionError("it waits for more")


@given(payloads)
def test_a_websocket_library_reads_our_frames(payload: bytes) -> None:
    for data, mask in ((masked(payload), True), (server_frame(payload), False)):
        frame = parsed(data, mask=mask)
        assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.BINARY, True, payload)


@given(st.lists(payloads, max_size=5), st.data())
def test_frames_come_out_whole_however_the_bytes_are_cut(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(server_frame(payload) for payload in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = FrameReader()
    heard = [
        frame
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in reader.feed(stream[start:end])
    ]
    assert heard == [(2, payload) for payload in sent]
    assert reader.empty


def test_the_handshake_names_path_and_host() -> None:
    first, host = handshake("ws://127.0.0.1:9/y/lobby/0?user=ada").split(b"\r\n")[:2]
    assert (first, host) == (b"GET /y/lobby/0?user=ada HTTP/1.1", b"Host: 127.0.0.1:9")


@pytest.mark.parametrize("wire", [SyncWire(), YWire()])
def test_who_hears_a_frame_knows_which_tokens_are_in_it(wire: SyncWire | YWire) -> None:
    begin, appends, _ = updates.stream(20)
    doc: Doc[Map[object]] = Doc()
    for update in (begin, *appends):
        doc.apply_update(update)
    for update, numbers in ((appends[7], (1, 7, 7)), (doc.get_update(), (20, 0, 19)), (begin, (0, 0, 0))):
        frame = wire.frame("lobby/0", Update(update))
        ((_, payload),) = FrameReader().feed(unmasked(frame))
        assert wire.hear(payload)[2:] == numbers
        assert wire.hear(payload) is wire.hear(payload)
    step = wire.frame("lobby/0", Step2(doc.get_update()))
    assert isinstance(wire.hear(FrameReader().feed(unmasked(step))[0][1]).message, Step2)


def unmasked(frame: bytes) -> bytes:
    """A client's frame as a server would have sent it; the mask is zero."""
    head = 2 + {126: 2, 127: 8}.get(frame[1] & 0x7F, 0)
    return struct.pack("!BB", frame[0], frame[1] & 0x7F) + frame[2:head] + frame[head + 4 :]


def test_the_work_says_what_it_is_meant_to() -> None:
    begin, appends, end = updates.stream(3)
    told = updates.said_by([begin, *appends])
    assert list(told["streams"].values()) == ["~000000~000001~000002"]
    told = updates.said_by([begin, *appends, end])
    assert not told["streams"]
    assert list(told["messages"].values()) == ['{"text":"~000000~000001~000002"}']
    [chapter] = history.Book(paged=False).write(1200, 500)
    assert len(updates.said_by(chapter.updates)["messages"]) == 1200


def test_quantiles_are_of_the_sorted_delays() -> None:
    found = quantiles([float(number) for number in range(1000)])
    assert found == {"p50_ms": 500.0, "p99_ms": 990.0, "p999_ms": 999.0, "max_ms": 999.0}
    assert quantiles([]) == {}


def test_rounds_are_interleaved_and_begin_with_another_peer_each_time() -> None:
    case = next(case for case in CASES if case.rounds is None and case.only is None)
    steps = list(plan([case], PEERS[:3], 3))
    assert [(step.round, PEERS.index(step.peer)) for step in steps] == [
        *((0, peer) for peer in (0, 1, 2)),
        *((1, peer) for peer in (1, 2, 0)),
        *((2, peer) for peer in (2, 0, 1)),
    ]


def test_an_unknown_peer_is_no_peer() -> None:
    with pytest.raises(KeyError):
        peers("syncchat,nobody")


def test_a_peer_that_ends_at_once_is_named_with_its_last_words() -> None:
    broken = Peer("broken", "broken", "y", ("sh", "-c", "echo no such port; exit 3"), "none")
    with pytest.raises(DidNotStart, match="no such port"), running(broken):
        raise AssertionError("it runs")


def test_a_peer_that_is_not_installed_says_how_to_get_it() -> None:
    absent = Peer("absent", "absent", "y", ("/nowhere/at/all",), "none")
    assert "make bench-peers" in str(absent.missing())

"""Blocks follow a timeline: after any deltas they are what a timeline shown anew would be."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from syncchat.core.deltas import Delta
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.core.stream import Stream
from syncchat_tui.blocks import Blocks

Enter = Callable[[Store], Room]


def lines(blocks: Blocks) -> list[str]:
    return ["".join(span.text for span in blocks.line(line)[1]) for line in range(blocks.height)]


def follow(room: Room) -> tuple[Blocks, list[Delta]]:
    blocks, heard = Blocks(), list[Delta]()
    blocks.reset(room.timeline[:], 60)
    room.timeline.listen(heard.extend)
    return blocks, heard


NAMES = ("post", "long", "edit", "delete", "react", "stream", "again", "append", "finish", "discard", "apply")
STEPS = st.lists(st.sampled_from(NAMES), max_size=30)


def step(room: Room, name: str, streams: list[Stream]) -> None:
    ids = [message.id for message in room.timeline if not message.streaming and not message.deleted]
    match name:
        case "post" | "long":
            room.post("a short one" if name == "post" else "word " * 40)
        case "edit" if ids:
            room.edit(ids[-1], "another text\nof two lines")
        case "delete" if ids:
            room.delete(ids[0])
        case "react" if ids:
            room.react(ids[0], "👍")
        case "stream":
            streams.append(room.stream())
        case "again" if ids:
            streams.append(room.stream(of=ids[len(streams) % len(ids)]))
        case "append" if streams:
            streams[-1].append(" and so on\nand on")
        case "finish" if streams:
            streams.pop().finish(state="interrupted")
        case "discard" if streams:
            streams.pop(0).discard()


@given(STEPS)
def test_T3_the_lines_kept_by_deltas_equal_those_made_anew(enter_page: Enter, steps: list[str]) -> None:
    room = enter_page(Store(Doc()))
    streams: list[Stream] = []
    blocks, heard = follow(room)
    for name in [*steps, "apply"]:
        step(room, name, streams)
        if name == "apply":
            blocks.apply(heard, room.timeline.get)
            heard.clear()
    anew = Blocks()
    anew.reset(room.timeline[:], 60)
    assert lines(blocks) == lines(anew)


PIECES = st.lists(
    st.text(st.sampled_from("ab  \n漢é👍\x1b"), max_size=90) | st.sampled_from(["x" * 130, "word "]),
    max_size=8,
)


@given(st.integers(2, 70), PIECES, st.booleans())
def test_T5_before_the_first_line_that_a_token_is_said_to_change_none_does(
    enter_page: Enter, width: int, pieces: list[str], divided: bool
) -> None:
    room = enter_page(Store(Doc()))
    before = room.post("before")
    stream = room.stream()
    room.post("behind")
    blocks, heard = follow(room)
    blocks.rewrap(width)
    blocks.divide(before if divided else None)
    for piece in pieces:
        lines_before = lines(blocks)
        stream.append(piece)
        first = blocks.apply(heard, room.timeline.get)
        assert lines(blocks)[:first] == lines_before[:first]
        assert first >= 1 or not heard
        heard.clear()


def test_T5_a_token_wraps_its_message_and_no_other(enter_page: Enter) -> None:
    room = enter_page(Store(Doc()))
    for number in range(100):
        room.post(f"message {number}")
    stream = room.stream()
    blocks, heard = follow(room)
    wraps, height = blocks.wraps, blocks.height
    stream.append("some text\n")
    stream.append("and more")
    blocks.apply(heard, room.timeline.get)
    assert blocks.wraps == wraps + 1
    assert blocks.height == height + 1


def test_a_line_tells_its_message(enter_page: Enter) -> None:
    room = enter_page(Store(Doc()))
    first, second = room.post("one\ntwo"), room.post("three")
    blocks, _ = follow(room)
    assert [blocks.find(line) for line in range(3)] == [(first, 0), (first, 1), (second, 0)]

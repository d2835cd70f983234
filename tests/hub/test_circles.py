"""All who hear the same get the same frame, in one go, and each of them once."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.dialect import Dialect, HocuspocusDialect, YDialect
from syncchat.core.messages import Status, Update
from syncchat.hub.circle import Spreading, circles_of
from syncchat.hub.seat import Line, Seat
from syncchat.hub.stats import Stats
from syncchat.link.memory import MemoryLink, memory_pipe
from syncchat.testing.loop import run

UPDATE = Update(b"\0\0")


class Spread(MemoryLink):
    """A link whose class sends to many at once, and counts how often that was."""

    times = 0

    @staticmethod
    def send_to_each(links: "dict[Spread, object]", frame: bytes) -> "list[Spread]":
        Spread.times += 1
        for link in links:
            link.send(frame)
        return [link for link in links if link.backlog()]


def seat_of(dialect: Dialect, key: str, link: MemoryLink, stats: Stats) -> Seat:
    return Seat(Line(link, dialect, stats), key)


def received(seat: Seat) -> list[bytes]:
    link = seat.line.link
    assert isinstance(link, MemoryLink)
    frames = list(link._other._inbox)
    link._other._inbox.clear()
    link._other._inbox_bytes = 0
    return frames


def link_of(spreads: bool) -> MemoryLink:
    link, other = memory_pipe()
    if spreads:
        link = Spread()
        link._other, other._other = other, link
    return link


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from(["doc", "doc#2"])), max_size=12),
    st.data(),
)
def test_S4_S8_each_but_the_author_hears_it_once_in_its_dialect_under_its_key(
    kinds: list[tuple[bool, bool, str]], data: st.DataObject
) -> None:
    async def main() -> None:
        stats = Stats()
        seats = [
            seat_of(YDialect("doc") if is_y else HocuspocusDialect(), key, link_of(spreads), stats)
            for is_y, spreads, key in kinds
        ]
        author = data.draw(st.sampled_from([None, *seats]))
        circles = circles_of(seats)
        assert len(circles) == len(set(kinds))
        Spread.times = 0
        backlogged = [seat for circle in circles for seat in circle.tell(UPDATE, author, stats)]
        readers = [seat for seat in seats if seat is not author]
        assert set(backlogged) == set(readers), "who has not received yet what it was sent may be slow"
        assert len(backlogged) == len(readers)
        assert Spread.times == len(
            {(seat.line.dialect.__class__, seat.key) for seat in readers if spreads(seat)}
        )
        frames = [(seat, received(seat)) for seat in seats]
        for seat, heard in frames:
            assert heard == ([] if seat is author else [seat.line.dialect.encode(seat.key, UPDATE)])
        assert (stats.frames_out, stats.bytes_out) == (
            len(readers),
            sum(len(frame) for _, heard in frames for frame in heard),
        )
        assert [seat for circle in circles for seat in circle.tell(UPDATE, None, stats)] == [
            seat for circle in circles for seat in circle._seats.values()
        ], "the author is left out of that one only"

    run(main)


def spreads(seat: Seat) -> bool:
    return isinstance(seat.line.link, Spreading)


def test_S8_what_a_dialect_has_no_words_for_is_not_said_in_it() -> None:
    async def main() -> None:
        stats = Stats()
        seats = [seat_of(YDialect("doc"), "doc", link_of(spreads=False), stats) for _ in range(2)]
        (circle,) = circles_of(seats)
        assert circle.tell(Status(True), None, stats) == []
        assert [received(seat) for seat in seats] == [[], []]
        assert stats.frames_out == 0

    run(main)

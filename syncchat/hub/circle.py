"""Those in an audience who are told the same bytes, so that a frame is encoded once and written in one go."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from syncchat.core.messages import Message
from syncchat.hub.seat import Seat
from syncchat.hub.stats import Stats
from syncchat.link.protocol import Link


@runtime_checkable
class Spreading(Protocol):
    """A link whose class can send to many of its kind for less than one after the other."""

    @staticmethod
    def send_to_each(links: Iterable[Any], frame: bytes) -> Sequence[Any]:
        """Hand a frame to each; returns those who have a backlog then."""


def send_to_each(links: Iterable[Link], frame: bytes) -> Sequence[Link]:
    """Hand a frame to each; returns those who have a backlog then."""
    backlogged = []
    for link in links:
        link.send(frame)
        if link.backlog():
            backlogged.append(link)
    return backlogged


class Circle:
    """Seats of one doc on links of one kind, in one dialect and under one routing key."""

    __slots__ = ("_first", "_seats", "_send_to_each")

    def __init__(self, first: Seat) -> None:
        link = first.line.link
        self._first = first
        self._seats: dict[Link, Seat] = {}
        self._send_to_each: Callable[[Collection[Link], bytes], Sequence[Link]] = (
            link.send_to_each if isinstance(link, Spreading) else send_to_each
        )

    def add(self, seat: Seat) -> None:
        """One more."""
        self._seats[seat.line.link] = seat

    def tell(self, message: Message, besides: Seat | None, stats: Stats) -> list[Seat]:
        """Say something to all of them (but one); returns those whose links have a backlog then."""
        seats = self._seats
        if besides is not None and seats.get(besides.line.link) is besides:
            seats = seats.copy()
            del seats[besides.line.link]
        first = self._first
        frame = first.line.dialect.encode(first.key, message) if seats else None
        if frame is None:
            return []
        stats.frames_out += len(seats)
        stats.bytes_out += len(seats) * len(frame)
        return [seats[link] for link in self._send_to_each(seats, frame)]


def circles_of(seats: Iterable[Seat]) -> list[Circle]:
    """All circles of some seats, each in the order of its seats."""
    circles: dict[tuple[type, type, str], Circle] = {}
    for seat in seats:
        line = seat.line
        kind = (type(line.link), type(line.dialect), seat.key)
        circle = circles.get(kind)
        if circle is None:
            circle = circles[kind] = Circle(seat)
        circle.add(seat)
    return list(circles.values())

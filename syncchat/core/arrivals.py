"""Which messages have come into a room: those on its newest page, and those that its marks lead to."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from syncchat.core.codec import load
from syncchat.core.ids import is_id
from syncchat.core.mentions import mentioned
from syncchat.core.message import read_body
from syncchat.core.page import MARKS, MESSAGES, STREAMS
from syncchat.core.places import Row
from syncchat.core.plan import Plan


class Arrival(NamedTuple):
    """A message, and the users whom it mentions. Of one that is still being written nobody knows them."""

    id: str
    to: frozenset[str] = frozenset()


class News(NamedTuple):
    """The messages that updates bring in rows that were not there before.

    `finished` and `begun` stand in the page; those in `marked` are late ones, which stand elsewhere.
    """

    finished: list[Arrival]
    begun: list[Arrival]
    marked: list[Arrival]

    @property
    def standing(self) -> list[Arrival]:
        """All that stand in the page, each once: finished if it was begun and finished at once."""
        return list({arrival.id: arrival for arrival in (*self.begun, *self.finished)}.values())


def news_of(rows: Mapping[Row, str | None]) -> News:
    """The messages among rows that came into being, see `new_rows`."""
    news = News([], [], [])
    for (root, id), text in rows.items():
        if root == STREAMS:
            news.begun.append(Arrival(id))
        elif root == MESSAGES and text is not None:
            news.finished.append(_read_message(id, text))
        elif root == MARKS and text is not None:
            news.marked.extend(_read_mark(id, text))
    return news


def mark_of(arrival: Arrival, page: int | None, at: int) -> dict[str, Any]:
    """The mark of a late message that stands on an older page: a row of `marks` under the message's id.

    `page` is None where it stands on the page with the mark; there it is counted itself. It is the `at`-th
    that arrives in the room, or one of the next.
    """
    if page is None:
        return {"at": at}
    return {"page": page, "at": at} | ({"to": sorted(arrival.to)} if arrival.to else {})


def new_rows(plans: Iterable[Plan]) -> dict[Row, str | None]:
    """The rows that come into being with updates, each planned upon those before; and their JSON, if any.

    Of a row that is written more than once it is the last that was planned.
    """
    rows: dict[Row, str | None] = {}
    for plan in plans:
        new = {place for place in plan.layer.places.values() if place.depth == 0}
        for struct, _, place in plan.placed if new or rows else ():
            if place in new or (place is not None and place.row in rows):
                rows[place.row] = _text(struct.content) or rows.get(place.row)
    return rows


def begins_before(plans: Iterable[Plan], id: str) -> bool:
    """Whether updates bring a finished message that stands before this id. (Asked for each that comes.)"""
    for plan in plans:
        for place in plan.layer.places.values():
            if place.depth == 0 and place.row[0] == MESSAGES and place.row[1] < id:
                return True
    return False


def _text(content: object) -> str | None:
    return content[0] if isinstance(content, list) and content and isinstance(content[0], str) else None


def _read_message(id: str, text: str) -> Arrival:
    body = read_body(load(text)) if "@" in text or "\\u" in text else None
    return Arrival(id, frozenset() if body is None else mentioned(body.text))


def _read_mark(id: str, text: str) -> list[Arrival]:
    """What a mark counts: nothing, if the message stands on the same page."""
    value = load(text)
    if not isinstance(value, dict) or "page" not in value:
        return []
    to = value.get("to")
    users = [user for user in to if isinstance(user, str)] if isinstance(to, list) else []
    return [Arrival(id, frozenset(users))]


def arrivals_on(messages: Mapping[str, Any], marks: Mapping[str, Any]) -> tuple[list[Arrival], list[Arrival]]:
    """What a page has: the finished messages that stand on it, and the late ones that it marks; by id."""
    return (
        [_read_message(id, text) for id, text in _readable(messages)],
        [arrival for id, text in _readable(marks) for arrival in _read_mark(id, text)],
    )


def _readable(rows: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for id, text in sorted(rows.items()):
        if isinstance(text, str) and is_id(id):
            yield id, text


class Arrived:
    """The messages that have arrived on one page while it was the newest, by their ids.

    `standing` is how many of them stand on the page itself, and `first` the smallest id of those, empty if
    there is none; the others are late, and marked there.
    """

    def __init__(self, messages: Iterable[Arrival] = (), late: Iterable[Arrival] = ()) -> None:
        self.ids: list[str] = []
        self.first = ""
        self.standing = 0
        self._to: dict[str, list[str]] = {}
        self.add(messages)
        self.mark(late)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: str) -> bool:
        at = bisect_left(self.ids, id)
        return at < len(self.ids) and self.ids[at] == id

    @property
    def last(self) -> str:
        """The greatest id; empty if there is none."""
        return self.ids[-1] if self.ids else ""

    def add(self, messages: Iterable[Arrival]) -> list[Arrival]:
        """Messages have come to stand on the page; returns those that were not known."""
        new = self.mark(messages)
        self.standing += len(new)
        for arrival in new:
            if not self.first or arrival.id < self.first:
                self.first = arrival.id
        return new

    def mark(self, late: Iterable[Arrival]) -> list[Arrival]:
        """Messages of older pages were marked; returns those that were not known."""
        return [arrival for arrival in late if self._note(arrival)]

    def _note(self, arrival: Arrival) -> bool:
        if not self.ids or arrival.id > self.ids[-1]:
            self.ids.append(arrival.id)
        elif arrival.id in self:
            return False
        else:
            insort(self.ids, arrival.id)
        for user in arrival.to:
            insort(self._to.setdefault(user, []), arrival.id)
        return True

    def after(self, id: str) -> list[str]:
        """The ids of those that stand after this id."""
        return self.ids[bisect_right(self.ids, id) :]

    def mentioning_after(self, user: str, id: str) -> list[str]:
        """The ids of those of them that mention a user."""
        ids = self._to.get(user, [])
        return ids[bisect_right(ids, id) :]

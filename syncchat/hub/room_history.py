"""The history of one room while it is in use: its cover, written, and what has arrived on its newest page."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from pycrdt import Doc

from syncchat.core.arrivals import Arrival, Arrived, News, arrivals_on
from syncchat.core.cover import MAX_READERS, MESSAGES, CoverWriter, ReadMark
from syncchat.core.ids import author_of
from syncchat.core.store import Store

NEAR = 1000
"""Messages that are counted when somebody says to have read up to what stands before them; more are later."""


MAX_BEGUN = 4096
"""Late messages that are remembered while they are being written; of more, some may be counted twice."""


class Reading(NamedTuple):
    """A user said to have read up to `id` when so many messages and mentions had arrived.

    All that are the `seen`-th to arrive, or before, were there.
    """

    id: str
    messages: int
    mentions: int
    seen: int


class RoomHistory:
    """What the server knows of a room, and writes into its cover, from `state` on, as `client`.

    `arrived` is what is on the newest page, None until it was read. What others see is what `save`
    returned, once that is durable. `readings` are those for which the page has to be looked at.
    """

    def __init__(self, room: str, state: bytes, client: int) -> None:
        self.room = room
        self._doc: Doc[Any] = Doc(client_id=client)
        self._doc.apply_update(state)
        self.cover = CoverWriter(Store(self._doc))
        self.arrived: Arrived | None = None
        self.last = ""
        """The greatest id of all that has arrived; empty while that is unknown."""
        self.readings: dict[str, Reading] = {}
        self.marking: list[int] = []
        """Of late messages whose marks are on their way to the log: which of all arrivals they will be."""
        self.begun_late: set[str] = set()
        """Late messages that were marked when they were begun, and that are being written still."""
        self.is_awaited = False
        """Whether somebody has it in mind to save it."""

    def close(self) -> None:
        """Let go of the cover: what observes it would keep it for good."""
        self.cover.store.close()

    @property
    def newest(self) -> int:
        """The number of the newest page; one that was opened a moment ago may not be durable yet."""
        return self.cover.newest

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to be saved."""
        return self.cover.is_saved and not self.readings

    def hear(self, update: bytes) -> None:
        """The cover was written by somebody else."""
        self._doc.apply_update(update)
        self.cover.reload()

    def save(self, *, marks: int | None = None) -> bytes | None:
        """Of what is not saved yet the update, with at most so many read marks; None if there is none."""
        return update_of(self._doc, lambda: self.cover.save(marks=marks))

    def begin(self, messages: Mapping[str, Any], marks: Mapping[str, Any]) -> None:
        """Read the newest page; what it has and the cover does not count has arrived last (H7)."""
        on_it = arrivals_on(messages, marks)
        self.arrived = Arrived(*on_it)
        self.last = max(self.last, self.arrived.last)
        total, before = self.cover.count(MESSAGES)
        missing = before + len(self.arrived) - total
        if missing > 0:
            uncounted = set(self.arrived.ids[-missing:])
            self._count(arrival for part in on_it for arrival in part if arrival.id in uncounted)

    def arrive(self, news: News) -> None:
        """These have arrived on the newest page, or were marked there; each is counted once."""
        if self.arrived is not None:
            self._count(self.arrived.add(news.finished) + self.arrived.mark(news.marked))
            self.last = max(self.last, self.arrived.last)

    def note_late(self, news: News) -> None:
        """These have come to an older page, and are marked."""
        self.begun_late.update(arrival.id for arrival in news.begun[: MAX_BEGUN - len(self.begun_late)])
        self.begun_late.difference_update(arrival.id for arrival in news.finished)

    def _count(self, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            self.cover.arrived(author_of(arrival.id), arrival.to)

    def open_next(self) -> None:
        """The next page is the newest from now on."""
        self.cover.open_page(self.newest + 1)
        self.arrived = Arrived()

    # Read marks

    def hear_reading(self, user: str, id: str, arrived: int = 0) -> None:
        """A user says to have read up to a message, and that this was all when so many had `arrived`.

        What arrived and is gone, a stream that was withdrawn, say, can be read no more and counts as read.
        """
        messages = self.cover.messages
        seen = min((at - 1 for at in self.marking), default=messages)
        reading = Reading(id, messages, self.cover.mentions(user), seen)
        if self.arrived is not None and self.last and (id >= self.last or arrived >= messages):
            self.readings.pop(user, None)
            self.cover.mark_read(user, ReadMark(min(id, self.last), *reading[1:]))
            return
        before, heard = self.cover.read(user), self.readings.get(user)
        if (before is None or id >= before.id) and (heard is None or id >= heard.id):
            self.readings[user] = reading
            if self.arrived is not None and self._is_near(self.arrived, id):
                self.settle(user, [self.arrived])
        if len(self.readings) > MAX_READERS:
            del self.readings[next(iter(self.readings))]  # its user tells it again with the next message

    def _is_near(self, arrived: Arrived, id: str) -> bool:
        """Whether what stands after an id is on the newest page, and not too much to be counted at once."""
        return "" < arrived.first <= id and len(arrived.after(id)) <= NEAR

    def settle(self, user: str, pages: Collection[Arrived]) -> None:
        """A user has read up to what it said last: `pages` have all that stands after it."""
        reading = self.readings.pop(user)
        self.last = max(self.last, *(page.last for page in pages))
        if not self.last:
            return  # there is nothing to be read
        unread = {id for page in pages for id in page.after(reading.id)}
        named = {id for page in pages for id in page.mentioning_after(user, reading.id)}
        messages = self.cover.messages - _count_others(unread, user)
        mentions = self.cover.mentions(user) - _count_others(named, user)
        mark = ReadMark(
            min(reading.id, self.last),
            max(0, min(reading.messages, messages)),
            max(0, min(reading.mentions, mentions)),
            reading.seen,
        )
        self.cover.mark_read(user, mark)


def _count_others(ids: Iterable[str], user: str) -> int:
    """How many of these messages somebody else wrote: the own ones are read."""
    return sum(1 for id in ids if author_of(id) != user)


def update_of(doc: Doc[Any], write: Callable[[], object]) -> bytes | None:
    """The update that `write` makes of a doc in one transaction; None if it changes nothing."""
    made: list[bytes] = []
    observation = doc.observe(lambda event: made.append(event.update))
    try:
        write()
    finally:
        doc.unobserve(observation)
    return made[-1] if made else None

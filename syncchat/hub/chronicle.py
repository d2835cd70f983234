"""The chronicle of a hub: the newest page of each room in use, what arrives there, and what arrives late."""

import logging
import random
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import anyio

from syncchat.core.arrivals import Arrived, arrivals_on, new_rows, news_of
from syncchat.core.ids import cover_name, page_name, parse_doc
from syncchat.core.listeners import Signal
from syncchat.core.message import read_id
from syncchat.core.page import MARKS, MESSAGES, STREAMS
from syncchat.core.places import Row
from syncchat.core.plan import Plan
from syncchat.errors import describe
from syncchat.hub.late_marks import LateMarks
from syncchat.hub.limits import Limits
from syncchat.hub.orphans import ending
from syncchat.hub.room_history import RoomHistory
from syncchat.hub.stats import Stats

if TYPE_CHECKING:
    from syncchat.hub.doc import ServedDoc

logger = logging.getLogger("syncchat.hub")

CLIENT_ID_BITS = 53

PAGES_BACK = 4
"""Pages before the newest in which a read mark is looked for; if it lies before them, all that is there
counts as read: nobody counts a thousand unread messages."""

READ_MARKS_AT_ONCE = 128
"""Read marks written into a cover at once, which everybody in the room is sent; others wait for the next."""

_parse = lru_cache(maxsize=4096)(parse_doc)
"""Each message asks for the same one."""


class Committed(NamedTuple):
    """A commit of a page is durable, as the entry `seq` of its log.

    `rows` are the messages that it added, changed or removed: their JSON as it is stored now, by id; None
    for those that are gone.
    """

    page: str
    seq: int
    rows: Mapping[str, Any]


class Library(Protocol):
    """Where the docs are."""

    def spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        """Start something that a room needs done."""

    def find(self, name: str) -> "ServedDoc | None":
        """A doc that is in memory."""

    async def load(self, name: str) -> "ServedDoc":
        """A doc. Raises LogError."""

    async def has(self, name: str) -> bool:
        """Whether there is anything of a doc. Raises LogError."""


class Chronicle:
    """Hears of every commit of every page, and writes the covers of the rooms in which something happens.

    `committed` is told of commits that changed messages, when they are durable and before anything else
    happens to the page; what its listeners raise is logged. What is known of a room is kept for as long
    as its cover is in memory, and all of it can be told anew from the cover and the newest page.
    """

    def __init__(self, docs: Library, limits: Limits, stats: Stats, rng: random.Random) -> None:
        self.committed: Signal[Committed] = Signal("listeners to commits failed")
        self._docs = docs
        self._limits = limits
        self._stats = stats
        self._rng = rng
        self._salt = rng.getrandbits(CLIENT_ID_BITS)
        self._marks = LateMarks(docs, stats, partial(rng.getrandbits, CLIENT_ID_BITS), self._history)
        self._histories: dict[str, RoomHistory] = {}

    # What the docs tell.

    async def opened(self, doc: "ServedDoc", *, is_empty: bool) -> bool:
        """A page was loaded; returns whether it is there no more (H11). Raises LogError.

        A crash may have kept the cover from counting all that it has (H7). Of a room in which nothing was
        written nothing is kept.
        """
        name = _parse(doc.name)
        if name.page is None or (is_empty and not await self._docs.has(cover_name(name.room))):
            return False
        history = await self._history(name.room)
        if name.page == history.newest and history.arrived is None and not is_empty:
            self._begin(history, doc)
            self._save_soon(history)
        elif history.cover.first <= name.page < history.newest and doc.rows(STREAMS):
            self._docs.spawn(self._end_orphans, history, doc)
        return name.page < history.cover.first

    async def is_open(self, page: str) -> bool:
        """Whether a page may be written (H3). Raises LogError."""
        name = _parse(page)
        return name.page is None or name.page <= (await self._history(name.room)).newest

    def is_older(self, page: str) -> bool:
        """Whether a page is the newest no more, as far as is known."""
        name = _parse(page)
        history = self._histories.get(cover_name(name.room)) if name.page is not None else None
        return history is not None and name.page is not None and name.page < history.newest

    async def prepare(self, page: str, plans: Collection[Plan]) -> bytes | None:
        """A commit is about to begin rows: late messages among them are marked first (H6).

        Where they stand on the newest page it is the update that marks them, to be a part of that commit.
        Raises LogError.
        """
        name = _parse(page)
        if name.page is None:
            return None
        history = self._histories.get(cover_name(name.room)) or await self._history(name.room)
        if name.page >= history.newest:
            return self._marks.beside(history, page, plans)
        news = news_of(new_rows(plans))
        late = [arrival for arrival in news.standing if arrival.id not in history.begun_late]
        await self._marks.mark(name.room, name.page, late)
        history.note_late(news)
        return None

    def record(self, doc: "ServedDoc", rows: Mapping[Row, str | None]) -> None:
        """A commit is durable that has begun these rows, see `new_rows`."""
        name = _parse(doc.name)
        history = self._histories.get(cover_name(name.room))
        if history is None or name.page != history.newest:
            return
        if history.arrived is None:
            self._begin(history, doc)
        else:
            history.arrive(news_of(rows))
        if history.arrived is not None and doc.is_full(history.arrived.standing):
            history.open_next()
            self._stats.rollovers += 1
            self._save(history)
        else:
            self._save_soon(history)

    def tell(self, doc: "ServedDoc", plans: Iterable[Plan], begun: Mapping[Row, str | None]) -> None:
        """A commit is durable, and `begun` are its new rows: who follows the messages hears of it."""
        texts, others = _written(plans, begun)
        if others:
            texts |= doc.stored(MESSAGES, others)
        if not texts:
            return
        try:
            self.committed.tell(Committed(doc.name, doc.seq, texts))
        except ExceptionGroup as errors:  # one who listens must not stop the room (S7)
            logger.error("after a commit of %s: %s", doc.name, describe(errors))

    def hear_cover(self, cover: str, update: bytes) -> None:
        """A commit of a cover is durable; it may be of somebody else who writes as the server."""
        history = self._histories.get(cover)
        if history is not None:
            history.hear(update)

    def hear_reading(self, cover: "ServedDoc", user: str, id: str, arrived: int) -> None:
        """Somebody who may write says to have read up to a message, all of so many that had arrived (H7)."""
        if read_id(id) is not None:
            history = self._history_of(cover)
            history.hear_reading(user, id, arrived)
            self._save_soon(history)

    def forget(self, doc: str) -> None:
        """A doc is in memory no more."""
        self._marks.forget(doc)
        history = self._histories.pop(doc, None)
        if history is not None:
            history.close()

    # What others ask.

    def flush(self, cover: str | None = None) -> None:
        """Write what is not in a cover yet, or in any."""
        histories = self._histories if cover is None else [cover] if cover in self._histories else []
        for name in list(histories):
            self._save(self._histories[name])

    async def drop_before(self, room: str, page: int) -> None:
        """Say in the cover that the pages before this one, but never the newest, are there no more (H11).

        On return that is durable, nobody has them open, and they are written to no more. Raises LogError.
        """
        cover = await self._docs.load(cover_name(room))
        history = self._history_of(cover)
        before = history.cover.first
        history.cover.drop_before(min(page, history.newest))
        update = history.save()
        if update is not None:
            await cover.write(update)
        for number in range(before, history.cover.first):
            doc = self._docs.find(page_name(room, number))
            if doc is not None:
                await doc.drop()

    # A room.

    async def _history(self, room: str) -> RoomHistory:
        cover = cover_name(room)
        return self._histories.get(cover) or self._history_of(await self._docs.load(cover))

    def _history_of(self, cover: "ServedDoc") -> RoomHistory:
        history = self._histories.get(cover.name)
        if history is None:
            history = RoomHistory(_parse(cover.name).room, cover.content(), self._client(cover.name))
            self._histories[cover.name] = history
        return history

    def _client(self, cover: str) -> int:
        """The server's client id in a cover: one for each process, as each would stay there for good (I4).

        Going on under it is safe: what was written under it and is not in the log has left nobody (D2).
        """
        digest = sha256(f"{self._salt} {cover}".encode()).digest()
        return int.from_bytes(digest) >> (8 * len(digest) - CLIENT_ID_BITS)

    def _begin(self, history: RoomHistory, page: "ServedDoc") -> None:
        history.begin(page.rows(MESSAGES), page.rows(MARKS))

    def _save_soon(self, history: RoomHistory) -> None:
        if not history.is_awaited and not history.is_settled and self._is_watched(history):
            history.is_awaited = True
            self._docs.spawn(self._save_later, history)

    def _is_watched(self, history: RoomHistory) -> bool:
        """Whether anybody has the cover open: what nobody sees is written when it is let go (H7)."""
        cover = self._docs.find(cover_name(history.room))
        return cover is not None and bool(cover.seats)

    async def _save_later(self, history: RoomHistory) -> None:
        await anyio.sleep(self._limits.cover_seconds)
        history.is_awaited = False
        try:
            if history.readings:
                await self._settle_readings(history)
        finally:
            if self._histories.get(cover_name(history.room)) is history:
                self._save(history, marks=READ_MARKS_AT_ONCE)
                self._save_soon(history)

    def _save(self, history: RoomHistory, *, marks: int | None = None) -> None:
        cover = self._docs.find(cover_name(history.room))
        update = None if cover is None else history.save(marks=marks)
        if cover is not None and update is not None:
            cover.write_soon(update)

    # Orphans.

    async def _end_orphans(self, history: RoomHistory, page: "ServedDoc") -> None:
        """End what nobody is writing any more. Raises LogError."""
        newest = await self._docs.load(page_name(history.room, history.newest))
        if history.arrived is None and newest.is_still:
            self._begin(history, newest)
        streams, messages = page.rows(STREAMS), page.rows(MESSAGES)
        update = ending(messages, streams, history.last, self._rng.getrandbits(CLIENT_ID_BITS))
        if update is not None:
            await page.write(update)

    # Read marks.

    async def _settle_readings(self, history: RoomHistory) -> None:
        """Find out how much stands after the messages up to which users have read. Raises LogError."""
        newest = history.newest
        page = await self._docs.load(page_name(history.room, newest))
        if history.arrived is None and page.is_still:
            self._begin(history, page)
        if history.arrived is None:
            return
        older: list[Arrived] = []
        for user, reading in list(history.readings.items()):
            while not _reaches([history.arrived, *older], reading.id) and self._has_more(history, older):
                older.append(await self._read(page_name(history.room, newest - 1 - len(older))))
            if history.newest != newest:
                return  # a page was opened while those before it were loaded: again the next time
            if user in history.readings:
                history.settle(user, [history.arrived, *older])

    def _has_more(self, history: RoomHistory, older: list[Arrived]) -> bool:
        return len(older) < PAGES_BACK and history.newest - len(older) > history.cover.first

    async def _read(self, page: str) -> Arrived:
        doc = await self._docs.load(page)
        return Arrived(*arrivals_on(doc.rows(MESSAGES), doc.rows(MARKS)))


def _reaches(pages: list[Arrived], id: str) -> bool:
    """Whether nothing that stands after this id is on a page before these."""
    return any("" < page.first <= id for page in pages)


def _written(plans: Iterable[Plan], begun: Mapping[Row, str | None]) -> tuple[dict[str, Any], set[str]]:
    """The messages that a commit wrote: the JSON of those that it began, and the ids of which the doc tells.

    What is written more than once tells only the doc, as yrs decides which of them stands.
    """
    texts: dict[str, Any] = {}
    others: set[str] = set()
    for plan in plans:
        for _, _, place in plan.placed:
            if place is not None and place.row[0] == MESSAGES:
                text = None if place.row[1] in texts else begun.get(place.row)
                if text is None:
                    others.add(place.row[1])
                else:
                    texts[place.row[1]] = text
        for place in plan.emptied:
            if place is not None and place.row[0] == MESSAGES:
                others.add(place.row[1])
    return texts, others

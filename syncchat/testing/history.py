"""A room with a past: pages and a cover as a server leaves them, written straight into its store."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from pycrdt import Doc

from syncchat.core.cover import FIRST, LIVE, NOW, PAGE
from syncchat.core.cover import MESSAGES as COUNT
from syncchat.core.ids import cover_name, format_id, page_name
from syncchat.core.page import MARKS, MESSAGES
from syncchat.core.store import Store
from syncchat.log import MemoryStore
from syncchat.testing.loop import EPOCH

HOUR = 3_600_000
"""Milliseconds between the beginnings of two pages."""

START = EPOCH - 1_000_000_000
"""When page 0 began, in milliseconds since 1970: long before virtual time does."""


class Past:
    """The room `room` in `store`; write while no hub serves it. Every write is in the store at once."""

    def __init__(self, store: MemoryStore, room: str = "lobby") -> None:
        self._store = store
        self._room = room
        self._clients: Iterator[int] = count(1)
        self._times: dict[int, Iterator[int]] = {}

    def write(self, page: int, *texts: str, user: str = "bob", at: int | None = None) -> list[str]:
        """Messages on a page, in the page's hour, or in that of page `at`: late ones. Returns their ids."""
        time = page if at is None else at
        times = self._times.setdefault(time, count(START + time * HOUR))
        ids = [format_id(next(times), user, page) for _ in texts]
        with self._doc(page_name(self._room, page)) as store:
            for id, text in zip(ids, texts, strict=True):
                store.table(MESSAGES).set(id, {"text": text})
        return ids

    def answer(self, page: int, text: str, *, user: str, re: str) -> str:
        """The answer of an agent to a message; returns its id."""
        [id] = self.write(page, text, user=user)
        with self._doc(page_name(self._room, page)) as store:
            store.table(MESSAGES).set(id, {"text": text, "re": re, "agent": True})
        return id

    def mark(self, id: str, page: int, *, on: int, value: Any = None) -> None:
        """Mark on page `on` that a late message stands on `page`."""
        with self._doc(page_name(self._room, on)) as store:
            store.table(MARKS).set(id, {"page": page, "to": []} if value is None else value)

    def cover(self, newest: int, first: int = 0) -> None:
        """The cover says that these are the newest and the first page."""
        with self._doc(cover_name(self._room)) as store:
            store.cells(LIVE).delete(NOW)
            store.cells(LIVE).set_row(NOW, {PAGE: newest, FIRST: first})

    def grow(self, newest: int, messages: int) -> None:
        """The cover that is there says that so many messages have arrived, and which page is newest."""
        with self._doc(cover_name(self._room)) as store:
            store.cells(LIVE).set_cell(NOW, PAGE, newest)
            store.cells(LIVE).set_cell(NOW, COUNT, [messages, messages])

    def pages(self, number: int, each: int = 3) -> list[str]:
        """So many pages with so many messages on each, and the cover; returns the messages' ids."""
        ids = [id for page in range(number) for id in self.write(page, *self.texts(page, each))]
        self.cover(number - 1)
        return ids

    @staticmethod
    def texts(page: int, each: int) -> list[str]:
        """What the messages say that `pages` writes on a page."""
        return [f"{page}/{number}" for number in range(each)]

    def _doc(self, name: str) -> "_Writing":
        return _Writing(self._store, name, next(self._clients))


class _Writing:
    """A doc that is read from the store, and whose changes are appended to it in the end."""

    def __init__(self, store: MemoryStore, name: str, client: int) -> None:
        self._store = store
        self._name = name
        self._doc: Doc[Any] = Doc(client_id=client)

    def __enter__(self) -> Store:
        for row in self._store.rows(self._name):
            self._doc.apply_update(row.data)
        self._before = self._doc.get_state()
        return Store(self._doc)

    def __exit__(self, *_: object) -> None:
        self._store.add(0, [(self._name, self._doc.get_update(self._before))])

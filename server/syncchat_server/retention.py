"""Retention: the oldest pages of rooms are dropped by age or by count, whole, for everybody (H11)."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from itertools import groupby
from typing import Any, Final

import anyio
from pycrdt import Doc

from syncchat.background import work_on
from syncchat.core.cover import Cover
from syncchat.core.ids import cover_name, page_name, parse_doc
from syncchat.core.message import read_id
from syncchat.core.page import Page
from syncchat.core.store import Store
from syncchat.errors import InvalidName, SyncchatError, describe
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat_server.settings import EVERY_ROOM, Keep

logger = logging.getLogger("syncchat.retention")

LOOK_SECONDS = 600.0
"""How often all rooms are looked at."""

DAY_MS: Final = 24 * 3600 * 1000

Aside = Callable[[str], Awaitable[None]]
"""Takes out of what is kept beside the log all that was on a page, given its name."""


class Retention:
    """Drops pages of the rooms of `hub`, whose `log` it is, as `keeps` say by their names; `run` is its task.

    `now` tells the time in milliseconds since 1970, `aside` is called with each page that is gone.
    """

    def __init__(
        self,
        hub: Hub,
        log: Log,
        keeps: Mapping[str, Keep],
        *,
        now: Callable[[], int],
        aside: Aside | None = None,
    ) -> None:
        self._hub = hub
        self._log = log
        self._keeps = keeps
        self._now = now
        self._aside = aside

    async def run(self) -> None:
        """Look at all rooms again and again, until cancelled; what fails is logged, and tried again.

        Where nothing is to go it looks once: a daemon that was killed may have left something behind.
        """
        while True:
            try:
                await self.look()
                if not self._keeps:
                    return
            except Exception as error:  # noqa: BLE001 - a bug here, or a failing log, must not end the daemon
                logger.error("retention failed, and goes on in %d s: %s", LOOK_SECONDS, describe(error))
            await anyio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Drop what is to be dropped now; returns how many pages that were. Raises LogError.

        What an earlier one began and did not end, as the process was killed, is ended by this one.
        """
        dropped = 0
        for room, docs in _by_room(await self._log.docs()):
            if cover_name(room) in docs:
                dropped += await self._look_at(room, docs)
        if dropped and not await self._log.scrub():
            logger.warning("traces of dropped pages stay in the log's file: another process reads it")
        return dropped

    async def _look_at(self, room: str, docs: set[str]) -> int:
        cover = Cover(Store(await self._doc(cover_name(room))))
        first = await self._first_kept(room, cover)
        if first > cover.first:
            await self._hub.drop_before(room, first)
        gone = sorted({doc for doc in docs if _page_of(doc) < first})
        for page, members in groupby(gone, _base):
            await self._log.drop(*members)
            await self._tell(page)
        pages = len({_base(doc) for doc in gone})
        if pages:
            logger.info("room %s: %d pages dropped; the first is now %d", room, pages, first)
        return pages

    async def _tell(self, page: str) -> None:
        try:
            if self._aside is not None:
                await self._aside(page)
        except SyncchatError as error:
            logger.error("page %s is dropped, but something beside the log has it still: %s", page, error)

    # Which pages stay.

    async def _first_kept(self, room: str, cover: Cover) -> int:
        """The number of the first page that stays."""
        keep = self._keeps.get(room) or self._keeps.get(EVERY_ROOM) or Keep()
        first = cover.first
        if keep.days is not None:
            first = max(first, await self._first_young(room, cover, self._now() - int(keep.days * DAY_MS)))
        if keep.messages is not None:
            first = max(first, await self._first_counted(room, cover, keep.messages))
        return first

    async def _first_young(self, room: str, cover: Cover, since: int) -> int:
        """The first page with a message that is as young as `since`."""
        for page in range(cover.first, cover.newest):
            times = [id.hlc for id in map(read_id, await self._ids(room, page)) if id is not None]
            if max(times, default=0) >= since:
                return page
        return cover.newest

    async def _first_counted(self, room: str, cover: Cover, messages: int) -> int:
        """The page from which on there are as many messages."""
        for page in range(cover.newest, cover.first, -1):
            messages -= len(await self._ids(room, page))
            if messages <= 0:
                return page
        return cover.first

    async def _ids(self, room: str, page: int) -> set[str]:
        return Page(page, "", Store(await self._doc(page_name(room, page)))).ids()

    async def _doc(self, name: str) -> "Doc[Any]":
        updates = [entry.data for entry in await self._log.read(name)]
        return await work_on(updates, _load)


def _load(updates: Iterable[bytes]) -> "Doc[Any]":
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return doc


def _by_room(docs: Iterable[str]) -> list[tuple[str, set[str]]]:
    """The docs of each room, with what is kept beside them."""
    rooms: dict[str, set[str]] = {}
    for doc in docs:
        with suppress(InvalidName):  # a stream of a client's, if it is one
            name = parse_doc(_base(doc))
            if name.in_room:
                rooms.setdefault(name.room, set()).add(doc)
    return sorted(rooms.items())


def _base(doc: str) -> str:
    return doc.partition("#")[0]


def _page_of(doc: str) -> float:
    """The number of a page, or of what stands beside it; the cover comes behind all pages."""
    page = parse_doc(_base(doc)).page
    return float("inf") if page is None else page

"""Long rooms: written beforehand, laid down, and looked at whole; one doc elsewhere, pages with us."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import PATIENCE, Arrival, join
from benchmarks.load.pages import ROOM, Follower
from benchmarks.load.updates import CLIENT_ID, Work, said_by
from benchmarks.load.wire import Wire
from syncchat.core.ids import page_name
from syncchat.core.messages import Update
from syncchat.hub import Limits

EACH = Limits().page_messages
"""Messages with which a page of ours is full."""

WINDOW = 500
"""Updates under way where the amount is what counts and not the speed."""


class Chapter(NamedTuple):
    """Updates of one page, and to each the number of the message that comes after it."""

    page: int
    updates: list[bytes]
    ends: list[int]

    @property
    def doc(self) -> str:
        """The page's doc."""
        return page_name(ROOM, self.page)


class Book:
    """A history that is written on and on: in one doc, or with `paged` in pages, all but the last full."""

    def __init__(self, *, paged: bool) -> None:
        self._each = EACH if paged else None
        self._work = Work()
        self._page = 0
        self._written = 0

    def write(self, messages: int, batch: int = 1) -> Iterator[Chapter]:
        """So many more messages, in updates of so many at most."""
        goal = self._written + messages
        while self._written < goal:
            yield self._go_on(goal, batch)

    def _go_on(self, goal: int, batch: int) -> Chapter:
        if self._each is not None and self._written == (self._page + 1) * self._each:
            self._page += 1
            self._work = Work(CLIENT_ID + self._page)
        last = goal if self._each is None else min(goal, (self._page + 1) * self._each)
        updates, ends = [], []
        for at in range(self._written, last, batch):
            count = min(batch, last - at)
            updates.append(self._work.message(at, count=count))
            ends.append(at + count)
        self._written = last
        return Chapter(self._page, updates, ends)


def member(link: Wire, *, paged: bool, keep: bool = False) -> Client:
    """Somebody who has the room open: of ours, what a peer of ours has open of it."""
    return Follower(link, keep=keep) if paged else Client(link, page_name(ROOM, 0), keep=keep)


async def lay(
    link: Wire, writer: Client, reader: Client, chapters: Iterable[Chapter], window: int = WINDOW
) -> None:
    """Write chapters, so many updates at once; returns when the reader has heard them. Raises Failed."""
    for chapter in chapters:
        if isinstance(writer, Follower):
            await writer.turn_to(chapter.page)
        for at in range(0, len(chapter.updates), window):
            part = chapter.updates[at : at + window]
            writer.say(b"".join(link.frame(chapter.doc, Update(update)) for update in part))
            await Arrival([reader], chapter.ends[at + len(part) - 1]).wait(PATIENCE * 5)


async def everything(link: Wire, url: str, *, paged: bool) -> dict[str, list[bytes]]:
    """The updates that somebody is sent who opens each doc of the room after the other. Raises Failed."""
    newest = 0
    if paged:
        cover = Follower(link)
        await join([(cover, "eve")], url)
        newest = cover.newest
        cover.close()
    told = {}
    for page in range(newest + 1):
        client = Client(link, page_name(ROOM, page), keep=True)
        await join([(client, "eve")], url)
        told[client.doc] = client.updates or []
        client.close()
    return told


async def check_history(
    link: Wire, url: str, written: Mapping[str, Sequence[bytes]], *, paged: bool, tries: int = 100
) -> None:
    """Raises Failed unless somebody who looks at all of it now gets just what was written."""
    expected = {doc: said_by(updates) for doc, updates in written.items()}
    for _ in range(tries):
        told = await everything(link, url, paged=paged)
        if {doc: said_by(updates) for doc, updates in told.items()} == expected:
            return
        await asyncio.sleep(0.05)
    raise Failed("who joins afterwards does not get what was written")


def by_doc(chapters: Iterable[Chapter]) -> dict[str, list[bytes]]:
    """The updates of each doc."""
    found: dict[str, list[bytes]] = {}
    for chapter in chapters:
        found.setdefault(chapter.doc, []).extend(chapter.updates)
    return found

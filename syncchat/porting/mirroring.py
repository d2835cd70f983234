"""A full copy of a room on this machine: every page is fetched, and then the room is followed."""

from collections.abc import Callable, Iterable

import anyio

from syncchat.core.cover import Cover
from syncchat.core.ids import check_name, cover_name, page_name
from syncchat.core.late import read_mark
from syncchat.core.page import MARKS, MESSAGES, STREAMS
from syncchat.core.tables import Table
from syncchat.peer import Peer
from syncchat.porting.reading import NotSynced, Progress, open_synced

AT_ONCE = 8
"""Pages of a room that are fetched at once."""

LATE_SECONDS = 5.0
"""For so long a late message is waited for whose mark is there and which is not: it may never come."""

RETRY = 5.0
"""Seconds until a server that did not answer is asked again."""

SWEEP = 3600.0
"""Seconds after which every page is asked for anew: no mark tells of edits and reactions on old ones."""


class Mirror:
    """Keeps a copy of `room` in the log of `peer`; `progress` is told of pages.

    Its cover and its newest page stay open, for the room to be followed.
    """

    def __init__(self, peer: Peer, room: str, progress: Progress) -> None:
        self.room = check_name(room, "room")
        self._peer = peer
        self._progress = progress
        self._newest: int | None = None
        self._seen: set[str] = set()

    async def fetch(self) -> int:
        """Fetch every page, the newest first; returns how many there are.

        Of what was here before only the difference is sent. Raises NotSynced, LogError.
        """
        cover = await self._open_cover()
        if self._newest is None:
            await open_synced(self._peer, self._name(cover.newest))
            self._newest = cover.newest
        await self._move_on(cover)
        count = self._newest + 1 - cover.first
        self._progress(1, count)
        await self._fetch_all(range(cover.first, self._newest), count)
        await self._fetch_late()
        return count

    async def follow(self, tell: Callable[[str], None]) -> None:
        """Keep up with the room until cancelled, whatever the network does. Raises LogError.

        `tell` hears what is the matter while something is.
        """
        while True:
            try:
                await self.fetch()
                tell("")
                with anyio.move_on_after(SWEEP):
                    while True:
                        await self._keep_up()
            except NotSynced as error:
                tell(str(error))
                await anyio.sleep(RETRY)

    async def _open_cover(self) -> Cover:
        return Cover((await open_synced(self._peer, cover_name(self.room))).store)

    async def _fetch_all(self, numbers: Iterable[int], count: int) -> None:
        limit = anyio.Semaphore(AT_ONCE)
        problems: list[NotSynced] = []
        done = 1

        async def fetch(number: int) -> None:
            nonlocal done
            try:
                await self._fetch(number)
            except NotSynced as problem:
                problems.append(problem)
                tasks.cancel_scope.cancel()
            finally:
                limit.release()
            done += 1
            self._progress(done, count)

        async with anyio.create_task_group() as tasks:
            for number in numbers:
                await limit.acquire()
                tasks.start_soon(fetch, number)
        if problems:
            raise problems[0]

    async def _fetch(self, number: int, late: Iterable[str] = ()) -> None:
        """Have a page as the server has it, with these messages that are on their way to it."""
        replica = await open_synced(self._peer, self._name(number))
        tables = [replica.store.table(root) for root in (MESSAGES, STREAMS)]
        try:
            with anyio.move_on_after(LATE_SECONDS):
                await self._peer.until(lambda: all(any(id in table for table in tables) for id in late))
        finally:
            with anyio.CancelScope(shield=True):
                await self._peer.close(replica.name)

    async def _keep_up(self) -> None:
        """Wait until the room has a page more, or a late message, and fetch that."""
        cover, marks = await self._open_cover(), await self._marks()
        await self._peer.until(lambda: cover.newest != self._newest or len(marks) != len(self._seen))
        await self._fetch_late()
        await self._move_on(cover)

    async def _move_on(self, cover: Cover) -> None:
        """Open the pages that have come, each before the last one is closed."""
        while self._newest is not None and self._newest < cover.newest:
            await self._fetch_late()
            await open_synced(self._peer, self._name(self._newest + 1))
            await self._peer.close(self._name(self._newest))
            self._newest += 1
            self._seen.clear()

    async def _fetch_late(self) -> None:
        """Fetch what the newest page's marks lead to and have not led to before."""
        marks = await self._marks()
        new = [id for id in marks.rows() if id not in self._seen]
        self._seen.update(new)
        pages: dict[int, list[str]] = {}
        for id in new:
            mark = read_mark(id, marks.get(id), self._newest or 0)
            if mark is not None and mark.late.page != self._newest:
                pages.setdefault(mark.late.page, []).append(id)
        for number, ids in pages.items():
            await self._fetch(number, ids)

    async def _marks(self) -> Table:
        assert self._newest is not None
        return (await open_synced(self._peer, self._name(self._newest))).store.table(MARKS)

    def _name(self, number: int) -> str:
        return page_name(self.room, number)

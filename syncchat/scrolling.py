"""Scrolling: what the user of a room does to see other pages than the newest."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import anyio

from syncchat.core.cover import Cover
from syncchat.core.room import Room
from syncchat.docs import Docs
from syncchat.pager import Pager

PATIENCE = 10.0
"""Seconds for which a page is waited for that somebody scrolls to; past it what is here of it is shown."""

AHEAD = 2
"""Pages that are fetched before they are asked for: who scrolls is faster than a network."""


class Scrolling:
    """Moves the window of `pager` over the pages of `room`; who gives up leaves no trace."""

    def __init__(self, pager: Pager, room: Room, cover: Cover, docs: Docs) -> None:
        self._pager = pager
        self._window = pager.window
        self._room = room
        self._cover = cover
        self._docs = docs
        self._turn = anyio.Lock()

    async def older(self) -> bool:
        """Show one more page at the start; False if there is none, or none can be had now."""
        asked = self._window.low
        async with self._turn:
            if self._window.low < asked:
                return True  # somebody asked for the same at the same time
            self._window.stay()
            while self._window.has_older:
                page = self._window.low - 1
                with self._reach(page, then=range(page - 1, page - 1 - AHEAD, -1)):
                    if not await self._fetch(page):
                        return False
                    if page != self._window.low - 1 or not self._window.has_older:
                        continue  # meanwhile the end has moved on, or pages were dropped
                    self._window.extend_up()
                    self._pager.show()
                    if self._holds_messages(page):
                        return True
            return False

    async def newer(self) -> bool:
        """Show one more page at the end; False if there is none, or none can be had now."""
        asked = self._window.high
        async with self._turn:
            if self._window.high > asked:
                return True
            self._window.stay()
            while not self._window.is_recent:
                page = self._window.high + 1
                with self._reach(page, then=range(page + 1, page + 1 + AHEAD)):
                    if not await self._fetch(page):
                        return False
                    if page != self._window.high + 1 or self._window.is_recent:
                        continue
                    self._window.extend_down()
                    self._pager.show()
                    if self._holds_messages(page):
                        return True
            return False

    async def recent(self) -> None:
        """Show the end again, and nothing else."""
        async with self._turn:
            newest = self._cover.newest
            with self._pager.hold([newest]):
                await self._pager.attach(newest)
                self._window.adjust(newest, self._cover.first)
                self._window.to_end()
                self._pager.read_ahead()
                self._pager.show()
            await self._pager.fill()

    async def go_to(self, page: int, id: str) -> bool:
        """Show a page that holds a message, and its neighbours; False, with nothing done, if it does not."""
        async with self._turn:
            window = self._window
            if not window.first <= page <= window.newest:
                return False
            if page in window:
                return self._room.message(id) is not None
            return await self._show_around(page, lambda: id in self._room.page(page).ids())

    async def go_to_page(self, page: int) -> bool:
        """Show a page and its neighbours; False, with nothing done, if it cannot be had now."""
        async with self._turn:
            window = self._window
            if not window.first <= page <= window.newest:
                return False
            return page in window or await self._show_around(page, lambda: self._is_here(page))

    async def go_behind(self, id: str) -> bool:
        """Show where what stands behind an id begins; False, with nothing done, if that cannot be had now."""
        async with self._turn:
            page = await self._find(id)
            if page is None or {page, min(page + 1, self._window.newest)} <= set(self._window.pages):
                return page is not None
            return await self._show_around(page, lambda: True)

    @asynccontextmanager
    async def recalling(self, id: str, page: int | None, before: int) -> AsyncIterator[bool]:
        """Show a message meanwhile, and some of those before it; False, with nothing done, if it is not here.

        `page` is where it stands, or what answers it, as far as that is known.
        """
        found = await self._holder(id, page)
        if found is None:
            yield False
            return
        with self._pager.hold([found - 1, found]):
            ids = self._until(found, id)[-before - 1 :]
            shown = {found: ids}
            if len(ids) <= before and found > self._window.first and await self._fetch(found - 1):
                shown[found - 1] = self._until(found - 1, id)[len(ids) - before - 1 :]
            with self._pager.recalled(shown):
                yield True

    def _until(self, page: int, id: str) -> list[str]:
        return sorted(known for known in self._room.page(page).ids() if known <= id)

    async def _holder(self, id: str, page: int | None) -> int | None:
        """The page that has a message: that one, the one before, or where its id belongs."""
        near = [] if page is None else [page, page - 1]
        for candidate in near:
            if await self._has(candidate, id):
                return candidate
        found = await self._find(id)
        return found if found is not None and found not in near and await self._has(found, id) else None

    async def _has(self, page: int, id: str) -> bool:
        if page not in self._window.all:
            return False
        with self._pager.hold([page]):
            return await self._fetch(page) and id in self._room.page(page).ids()

    async def _show_around(self, page: int, is_it: Callable[[], bool]) -> bool:
        """Show a page and its neighbours, if it is the one that is meant."""
        window = self._window
        low, high = max(window.first, page - 1), min(window.newest, page + 1)
        with self._pager.hold(range(low, high + 1)):
            for number in range(low, high + 1):
                await self._pager.attach(number)
            await self._first_states(range(low, high + 1))
            if not is_it() or not window.first <= page <= window.newest:
                return False
            low, high = (number if self._is_here(number) else page for number in (low, high))
            window.go_to(max(low, window.first), min(high, window.newest))
            self._pager.read_ahead()
            self._pager.show()
        return True

    async def _find(self, id: str) -> int | None:
        """The last page that begins at an id or before, the first one if none does; None if it is not here.

        Pages begin in the order of their numbers: what is asked for grows with the logarithm of their number.
        """
        found = low = self._window.first
        high, step = self._window.newest + 1, 1
        while low + 1 < high:
            page = max(high - step, (low + high) // 2)  # most often it is near the end
            begins = await self._begin_of(page, low)
            if begins is None:
                return None
            number, begin = begins
            if begin > id:
                high = number
            else:
                found, low = number if begin else found, page
            step *= 2
        return found

    async def _begin_of(self, page: int, low: int) -> tuple[int, str] | None:
        """The first id on a page, or, as long as nothing is on it, on the one before; none for `low`."""
        while page > low:
            with self._pager.hold([page]):
                if not await self._fetch(page):
                    return None
                if ids := self._room.page(page).ids():
                    return page, min(ids)
            page -= 1
        return low, ""

    @contextmanager
    def _reach(self, page: int, *, then: Sequence[int]) -> Iterator[None]:
        """Hold a page while it is fetched, and have the next ones fetched meanwhile."""
        self._pager.read_ahead(then)
        try:
            with self._pager.hold([page]):
                yield
        finally:
            if page not in self._window:
                self._pager.read_ahead()

    async def _fetch(self, page: int) -> bool:
        """Open a page and wait for what the server has of it; False if nothing of it can be had now."""
        await self._pager.attach(page)
        await self._first_states([page])
        return self._is_here(page)

    async def _first_states(self, pages: Iterable[int]) -> None:
        names = [self._pager.name(page) for page in pages]
        with anyio.move_on_after(PATIENCE):
            await self._docs.until(lambda: all(map(self._docs.is_answered, names)))
        self._pager.check_open()

    def _is_here(self, page: int) -> bool:
        return (
            self._holds_messages(page)
            or self._docs.is_caught_up(self._pager.name(page))
            or not self._docs.synced
        )

    def _holds_messages(self, page: int) -> bool:
        return bool(self._room.page(page).ids())

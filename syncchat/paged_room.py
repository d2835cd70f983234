"""A room as a peer enters it: what a room is over its pages, and the way through all the pages there are."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from syncchat.core.cover import Cover, ReadMark, Unread
from syncchat.core.ids import Hlc, cover_name, page_name, parse_id
from syncchat.core.late import Late
from syncchat.core.listeners import Signal
from syncchat.core.message import read_id
from syncchat.core.people import PresenceLike
from syncchat.core.presence import Subscription
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.docs import Docs
from syncchat.pager import Pager
from syncchat.reading import Reading
from syncchat.scrolling import Scrolling

LATE = 60_000
"""Milliseconds before the page that marks it began: what is marked and younger was under way just then."""


class PagedRoom(Room):
    """A chat room of a peer: at most 8 of its pages are in the timeline, without a gap.

    As long as nobody scrolls, that are the newest page and the one before. Pages that are shown stay live.
    What awaits here awaits pages, from the log and, for a bounded time, from the server; all of it raises
    LogError, and SyncchatError if the room was left.
    """

    def __init__(
        self,
        name: str,
        user: str,
        *,
        hlc: Hlc,
        rand: Callable[[], int],
        presence: PresenceLike,
        is_waiting: Callable[[str, str, str], bool],
        cover: Store,
        docs: Docs,
    ) -> None:
        super().__init__(name, user, hlc=hlc, rand=rand, presence=presence, is_waiting=is_waiting)
        self.cover = Cover(cover)
        self.attach_cover(cover)
        self._told: Signal[None] = Signal("listeners to a cover failed")
        self._docs = docs
        self._pager = Pager(self, self.cover, docs, changed=lambda: self._told.tell(None))
        self._scrolling = Scrolling(self._pager, self, self.cover, docs)
        self._heard_cover = cover.listen(lambda _: self._hear_cover())
        self._reading = Reading(self, self.cover)

    # What the peer does.

    async def begin(self, owing: Iterable[int]) -> None:
        """Open the newest page, and keep up with the cover from now on."""
        await self._pager.begin(owing, beside=self._reading.run)

    async def close(self) -> None:
        """Close the pages. Raises LogFailed if a change could not be written."""
        self._heard_cover.cancel()
        self._reading.tell()
        await self._pager.close()

    @property
    def online(self) -> bool | None:
        """See `Room`."""
        return self._docs.is_caught_up(cover_name(self.name)) if self._docs.synced else None

    @property
    def is_whole(self) -> bool:
        """See `Room`."""
        window = self._pager.window
        docs = [cover_name(self.name), *(page_name(self.name, page) for page in window.pages)]
        followed = window.newest == self.newest and not window.is_fresh
        return followed and all(map(self._docs.is_answered, docs))

    @property
    def problem(self) -> str | None:
        """Why a page could not be opened, while one cannot."""
        return self._pager.problem

    # Pages

    @property
    def newest(self) -> int:
        """The number of the newest page: what is posted goes there."""
        return self.cover.newest

    @property
    def first(self) -> int:
        """The number of the oldest page that there still is."""
        return self.cover.first

    @property
    def shown(self) -> range:
        """The numbers of the pages that are shown whole."""
        return self._pager.window.pages

    @property
    def is_recent(self) -> bool:
        """Whether the timeline ends with the newest page."""
        return self._pager.window.is_recent

    @property
    def has_older(self) -> bool:
        """Whether there are pages before the first one shown."""
        return self._pager.window.has_older

    async def older(self) -> bool:
        """Show one more page with messages at the start of the timeline; with 8, the last one goes.

        False if there is none, or, with no server, if it is not on this disk. Several calls at once are one.
        """
        return await self._scrolling.older()

    async def newer(self) -> bool:
        """Show one more page with messages at the end of the timeline; with 8, the first one goes.

        False at the end, or, with no server, if it is not on this disk. Several calls at once are one.
        """
        return await self._scrolling.newer()

    async def recent(self) -> None:
        """Go back to the end, and follow it; pages out of view are closed."""
        await self._scrolling.recent()

    async def show(self, id: str, page: int) -> bool:
        """Show the page that holds a message, and its neighbours, as for what a search has found.

        False, with nothing changed, if the message is not there.
        """
        return await self._scrolling.go_to(page, self._now(id))

    async def show_page(self, page: int) -> bool:
        """Show a page and its neighbours; False, with nothing changed, if it cannot be had now."""
        return await self._scrolling.go_to_page(page)

    async def show_behind(self, id: str) -> bool:
        """Show where what stands behind an id begins, however far that is: up to where one has read, say.

        False, with nothing changed, if it cannot be had now. Raises InvalidName for an `id` that is none.
        """
        parse_id(id)
        return await self._scrolling.go_behind(id)

    def recalling(
        self, id: str, *, page: int | None = None, before: int = 0
    ) -> AbstractAsyncContextManager[bool]:
        """Show a message as long as the context is open, and up to `before` of those before it.

        What else is shown stays. `page` is where it stands, or what answers it; without it the message is
        looked for. The context is False, with nothing changed, if it cannot be had now.
        """
        return self._scrolling.recalling(self._now(id), page, before)

    @property
    def late_above(self) -> list[Late]:
        """Late messages whose place is above what is shown and that were not shown here yet, in their order.

        Those whose place is within what is shown are shown there.
        """
        return list(self._pager.late_above)

    def is_late(self, id: str) -> bool:
        """Whether a message arrived late, as far as the pages tell that are open: by more than LATE."""
        id_parts = read_id(id)
        marking = [page for page, _ in self._pages.values() if id in page.marks]
        begun = [read_id(min(ids)) for page in marking if (ids := page.ids())]
        return id_parts is not None and any(
            first is not None and first.hlc - id_parts.hlc > LATE for first in begun
        )

    # How far it was read

    @property
    def unread(self) -> Unread:
        """What we have not read, by the server's count, and as far as we have read it here."""
        return self._reading.unread

    @property
    def read_mark(self) -> ReadMark | None:
        """How far we have read, by the server's word; None if nothing is known."""
        return self.cover.read(self.user)

    def late_since(self, id: str, seen: int | None = None) -> set[str]:
        """See Room; of what came after what we have read, by the read mark."""
        mark = self.read_mark
        return super().late_since(
            id, mark.seen if seen is None and mark is not None and mark.id == id else seen
        )

    def mark_read(self, id: str | None = None) -> None:
        """Tell that we have read up to a message, by default the last one shown; never takes anything back.

        Raises InvalidName for an `id` that is none.
        """
        last = self.timeline[-1].id if self.timeline else None
        id = last if id is None else self._now(id)
        if id is not None:
            self._reading.mark(id, last=id == last and self.is_recent)
        elif self.is_recent and not self.has_older:
            self._reading.mark_all()

    def listen_cover(self, callback: Callable[[], Any]) -> Subscription:
        """Hear when the cover says something else (`newest`, `unread`, `title`), or other pages are shown."""
        return self._told.listen(lambda _: callback())

    def _hear_cover(self) -> None:
        self._pager.wake()
        self._told.tell(None)

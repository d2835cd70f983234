"""The pager of a room: opens its pages as they come into view, and closes them when they are out of it."""

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from itertools import islice
from typing import Any

import anyio
from anyio.abc import TaskStatus

from syncchat.core.changes import Change
from syncchat.core.cover import Cover
from syncchat.core.ids import page_name
from syncchat.core.late import Late, place
from syncchat.core.page import MARKS, MESSAGES, STREAMS
from syncchat.core.presence import Subscription
from syncchat.core.room import Room
from syncchat.core.window import Window
from syncchat.docs import Docs
from syncchat.errors import LogError, SyncchatError
from syncchat.replica import Replica
from syncchat.wakeup import Wakeup

SCREEN = 50
"""Messages that fill a screen: who joins a newest page with fewer gets the one before, too."""

LOOK_AGAIN = 1.0
"""Seconds until a page that could not be opened, or not be closed yet, is looked at again."""

MAX_OWING = 32
"""Pages opened at once because the server lacks changes of theirs; the others follow."""


class Pager:
    """The open pages of `room`; `run` is its one task, and closes what nobody looks at.

    Open are the pages shown, the newest, the next ones for who scrolls, those that late messages are shown
    from, and those with changes that the server has not acknowledged, or refused. `changed` is called when
    what is shown is another.
    """

    def __init__(self, room: Room, cover: Cover, docs: Docs, *, changed: Callable[[], None]) -> None:
        self.window = Window(cover.newest, cover.first)
        self.late_above: list[Late] = []
        self.problem: str | None = None
        self._room = room
        self._cover = cover
        self._docs = docs
        self._changed = changed
        self._pages: dict[int, list[Subscription]] = {}
        self._held: Counter[int] = Counter()
        self._ahead: Sequence[int] = ()
        self._owing: set[int] = set()
        self._late: dict[int, set[str]] = {}
        self._recalled: list[Mapping[int, Collection[str]]] = []
        self._seen: set[str] = set()
        self._told: tuple[int, ...] = ()
        self._dropped = 0
        self._work = Wakeup()
        self._doors = anyio.Lock()
        self._closed = False
        self._scope = anyio.CancelScope()
        self._stopped: anyio.Event | None = None

    async def begin(self, owing: Iterable[int], *, beside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Open the newest page, and those in the background that are `owing` something. Raises LogError.

        What runs `beside` ends with the pager.
        """
        self._owing = set(owing)
        await self.attach(self.window.newest)
        self.show()
        with anyio.CancelScope(shield=True):
            await self._docs.tasks.start(self._run, beside)

    async def close(self) -> None:
        """Close all pages; they stay shown. Raises LogFailed."""
        self._scope.cancel()
        if self._stopped is not None:
            await self._stopped.wait()
        async with self._doors:
            self._closed = True
            async with AsyncExitStack() as stack:
                for page, subscriptions in self._pages.items():
                    stack.push_async_callback(self._docs.close, self.name(page))
                    for subscription in subscriptions:
                        subscription.cancel()
                self._pages.clear()

    def wake(self) -> None:
        """Something has changed that may ask for other pages."""
        self._work.call()

    # What who scrolls asks for.

    def read_ahead(self, pages: Sequence[int] = ()) -> None:
        """Have pages open, in the background, that will be asked for next: whoever scrolls goes on."""
        self._ahead = pages
        self.wake()

    @contextmanager
    def hold(self, pages: Iterable[int]) -> Iterator[None]:
        """Pages that are not closed meanwhile."""
        pages = list(pages)
        self._held.update(pages)
        try:
            yield
        finally:
            self._held.subtract(pages)
            self._held += Counter()  # leaves out those that nobody holds
            self.wake()

    @contextmanager
    def recalled(self, messages: Mapping[int, Collection[str]]) -> Iterator[None]:
        """Messages, by page, that are shown meanwhile wherever the window is; their pages are held."""
        self._recalled.append(messages)
        try:
            self.show()
            yield
        finally:
            self._recalled.remove(messages)
            self.wake()

    # What happens by itself.

    async def _run(
        self, beside: Callable[[], Coroutine[Any, Any, None]], *, task_status: TaskStatus[None]
    ) -> None:
        self._stopped = anyio.Event()
        try:
            with self._scope:
                task_status.started()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(beside)
                    while True:
                        done = await self._try_to_keep_up()
                        with anyio.move_on_after(None if done else LOOK_AGAIN):
                            await self._work.sleep()
        finally:
            self._stopped.set()

    async def _try_to_keep_up(self) -> bool:
        try:
            done = await self._keep_up()
        except LogError as error:
            self.problem = str(error)
            return False
        except SyncchatError:
            if self._docs.closed:
                return True  # the peer is being left, and this task ends with the next wait
            raise
        self.problem = None
        return done

    async def _keep_up(self) -> bool:
        """Have those pages open that are to be; False if that is to be looked at again."""
        await self._follow()
        dropped = await self._drop()
        filled = await self.fill()
        for page in self._ahead:
            if page in self.window.all:
                await self.attach(page)
        await self._open_late()
        await self._open_owing()
        return await self._close_unwanted() and filled and dropped

    async def _follow(self) -> None:
        newest = self._cover.newest
        await self.attach(newest)
        if (newest, self._cover.first) != (self.window.newest, self.window.first):
            self.window.adjust(newest, self._cover.first)
            self.show()

    async def _drop(self) -> bool:
        """Let go of the pages that the server has dropped (H11); False while somebody is busy with one."""
        first = self._cover.first
        if first <= self._dropped:
            return True
        async with self._doors:
            self.check_open()
            gone = [page for page in self._pages if page < first]
            free = [page for page in gone if not self._held[page] and not self._room.page(page).is_writing]
            for page in free:
                self._let_go(page)
        if free != gone:
            return False
        await self._docs.drop_before(self._room.name, first)
        self._dropped = first
        return True

    async def fill(self) -> bool:
        """Show the page before as well if the newest does not fill a screen; False if nobody knows yet."""
        window = self.window
        if not window.is_fresh:
            return True
        if not self._docs.is_answered(self.name(window.newest)):
            return False
        sparse = len(self._room.page(window.newest).ids()) < SCREEN
        with self.hold([window.newest - 1]):
            if sparse and window.has_older:
                await self.attach(window.newest - 1)
            window.fill(sparse=sparse and window.low - 1 in self._pages)
            self.show()
        return True

    async def _open_late(self) -> None:
        window = self.window
        marked = {late for page in {*window.pages, window.newest} for late in self._marked(page)}
        self._late, above = place(marked, window, self._room.timeline.span(window.pages))
        for page in list(self._late):
            await self.attach(page)
        self.show()
        self._note_seen(marked)
        above = [late for late in above if late.id not in self._seen]
        if above != self.late_above:
            self.late_above = above
            self._changed()

    def _marked(self, page: int) -> Iterator[Late]:
        return self._room.page(page).late() if page in self._pages else iter(())

    def _note_seen(self, marked: Iterable[Late]) -> None:
        """What is shown need not be told once it is out of view; what is marked nowhere need not be known."""
        timeline = self._room.timeline
        self._seen = {late.id for late in marked if late.id in self._seen or timeline.page_of(late.id)}

    async def _open_owing(self) -> None:
        settled = [page for page in self._owing & self._pages.keys() if self._docs.is_free(self.name(page))]
        self._owing.difference_update(settled)
        for page in self._owing_now():
            await self.attach(page)

    def _owing_now(self) -> list[int]:
        there = sorted(page for page in self._owing if page >= self._cover.first)
        return list(islice(there, MAX_OWING))

    async def _close_unwanted(self) -> bool:
        unwanted = [page for page in self._pages if not self._is_wanted(page)]
        failed: list[LogError] = []
        async with anyio.create_task_group() as tasks:  # what they write is one commit
            for page in unwanted:
                tasks.start_soon(self._detach, page, failed)
        if failed:
            raise failed[0]
        return not self._pages.keys() & set(unwanted) and not self._owing

    def _is_wanted(self, page: int) -> bool:
        newest = page in (self.window.newest, self._cover.newest)
        wanted = newest or page in self.window or page in self._late or self._held[page] > 0
        return wanted or page in self._ahead or page in self._owing_now()

    # Opening, closing and showing.

    async def attach(self, page: int) -> None:
        """Open a page, unless it is open. Raises LogError, and SyncchatError if the room was left."""
        async with self._doors:
            self.check_open()
            if page not in self._pages:
                replica = await self._docs.open(self.name(page))
                self._room.attach(page, replica.store, shown=False)
                self._pages[page] = self._listen(replica)

    def _listen(self, replica: Replica) -> list[Subscription]:
        room = self._room
        if replica.welcome is not None:
            room.admit(replica.welcome.role)
        return [
            replica.store.listen(self._hear),
            replica.settled.listen(lambda rows: room.acknowledged(replica.name, rows)),
            replica.renamed.listen(room.rename),
            replica.welcomed.listen(lambda welcome: room.admit(welcome.role)),
            replica.caught_up.listen(lambda _: self.wake()),
        ]

    def _hear(self, changes: list[Change]) -> None:
        if any(change.table == MARKS or self._may_move_start(change) for change in changes):
            self.wake()

    def _may_move_start(self, change: Change) -> bool:
        if change.kind == "changed" or change.table not in (MESSAGES, STREAMS):
            return False
        timeline = self._room.timeline
        return not timeline or change.row <= timeline[0].id or not self.window.is_recent

    async def _detach(self, page: int, failed: list[LogError]) -> None:
        with anyio.CancelScope(shield=True):  # shut whole: nobody else knows of it any more
            async with self._doors:
                name = self.name(page)
                busy = self._room.page(page).is_writing or not self._docs.is_free(name)
                if busy or self._is_wanted(page):
                    return
                self._let_go(page)
            try:
                await self._docs.close(name)
            except LogError as error:
                failed.append(error)

    def _let_go(self, page: int) -> None:
        for subscription in self._pages.pop(page):
            subscription.cancel()
        self._room.detach(page)

    def show(self) -> None:
        """Show of the open pages what is to be shown."""
        self.check_open()
        timeline = self._room.timeline
        for number in sorted(self._pages):
            page = self._room.page(number)
            if number in self.window:
                timeline.show(page)
            elif some := self._shown_alone(number):
                timeline.show(page, some)
            else:
                timeline.hide(page)
        window = self.window
        shown = (window.low, window.high, window.newest, window.first)
        if shown != self._told:
            self._told = shown
            self._changed()

    def _shown_alone(self, page: int) -> set[str]:
        """The messages that are shown of a page that is not."""
        late = self._late.get(page, set())
        return late.union(*(recalled.get(page, ()) for recalled in self._recalled))

    def check_open(self) -> None:
        """Raise SyncchatError if the room was left."""
        if self._closed or self._docs.closed:
            raise SyncchatError(f"room {self._room.name!r} was left: enter it again")

    def name(self, page: int) -> str:
        """The name of a page's doc."""
        return page_name(self._room.name, page)

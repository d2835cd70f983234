"""Follows the log, and puts what is new in rooms into the outbox."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import anyio
from anyio.abc import TaskGroup

from syncchat.background import work_on
from syncchat.core.ids import parse_doc, parse_id
from syncchat.core.message import Body
from syncchat.errors import InvalidName, LogError
from syncchat.hub import Hub
from syncchat.log import Entry, Log
from syncchat.wakeup import Wakeup
from syncchat_server.webhooks.hook import Hook
from syncchat_server.webhooks.outbox import MAX_EVENTS, Cursor, News, Outbox
from syncchat_server.webhooks.reading import look_up, new_messages, payload

logger = logging.getLogger("syncchat.webhooks")

RETRY = 1.0
"""Seconds until a log that could not be read is tried again."""

T = TypeVar("T")


class Follower:
    """Reads each page of a room that some hook wants; `run` is its one task, `tell` hears of news.

    Nothing is written to a doc that is not in the hub's memory: those are followed, and at all others
    it looks once, when it starts. Of a room, older pages go first. `log` is a handle of its own, as a
    handle hears of others' entries only.
    """

    def __init__(
        self, log: Log, hub: Hub, outbox: Outbox, hooks: Sequence[Hook], *, tell: Callable[[], None]
    ) -> None:
        self._log = log
        self._hub = hub
        self._outbox = outbox
        self._hooks = hooks
        self._tell = tell
        self._since: dict[str, int] = {}
        self._touched: set[str] = set()
        self._followed: dict[str, anyio.CancelScope] = {}
        self._cursors: dict[str, Cursor] = {}
        self._turns: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()
        self._wakeup = Wakeup()

    async def run(self, now: int) -> None:
        """Read what came while nobody did, then follow, until cancelled.

        A hook that was not there before is told of messages from `now` on (ms since 1970).
        """
        self._since = await self._outbox.begin([hook.id for hook in self._hooks], now)
        subscription = self._hub.turns.listen(lambda _: self._note())
        try:
            for doc in sorted(filter(self._wanting, await self._log.docs()), key=parse_doc):
                self._cursors[doc] = await self._checked(doc)
                await self._catch_up(doc)
                del self._cursors[doc]
            async with anyio.create_task_group() as tasks:
                self._note()
                while True:
                    await self._wakeup.sleep()
                    self._look(tasks)
        finally:
            subscription.cancel()

    async def _checked(self, doc: str) -> Cursor:
        """How far a doc was read. A log that was restored is an older one: it is read anew."""
        cursor = await self._outbox.cursor(doc)
        if await self._log.read(doc, max(0, cursor.seq - 1)):
            return cursor
        anew = Cursor(0, cursor.clocks)
        await self._outbox.keep(doc, anew, [])
        return anew

    def _note(self) -> None:
        """Somebody came or went: what is in memory now may be written to, however soon it goes."""
        self._touched.update(filter(self._wanting, self._hub.loaded))
        self._wakeup.call()

    def _look(self, tasks: TaskGroup) -> None:
        for doc in self._touched - self._followed.keys():
            self._followed[doc] = anyio.CancelScope()
            tasks.start_soon(self._attend, doc)
        for doc in self._followed.keys() - self._hub.loaded:
            self._followed[doc].cancel()

    def _wanting(self, doc: str) -> list[Hook]:
        try:
            name = parse_doc(doc)
        except InvalidName:
            return []  # a companion of a doc
        return [hook for hook in self._hooks if name.page is not None and hook.wants(name.room)]

    async def _attend(self, doc: str) -> None:
        """Follow a doc while it is in memory, and read the rest when it is there no more."""
        try:
            await self._know(doc)
            while doc in self._touched:
                self._touched.discard(doc)
                with anyio.CancelScope() as self._followed[doc]:
                    if doc in self._hub.loaded:
                        await self._follow(doc)
                await self._catch_up(doc)
        finally:
            del self._followed[doc]
            self._cursors.pop(doc, None)

    async def _follow(self, doc: str) -> None:
        while True:
            try:
                async for entries in self._log.tail(doc, self._cursors[doc].seq):
                    await self._take(doc, entries)
                return
            except LogError as error:
                logger.error("webhooks cannot follow %s: %s", doc, error)
                await anyio.sleep(RETRY)

    async def _catch_up(self, doc: str) -> None:
        await self._take(doc, await self._log.read(doc, self._cursors[doc].seq))

    async def _take(self, doc: str, entries: Sequence[Entry]) -> None:
        """Keep what entries tell, behind what older pages of the room have to tell by now."""
        turn = self._turns.setdefault(parse_doc(doc).room, anyio.Lock())
        async with turn:
            behind, found = await self._find(doc, entries)
            if found:
                for older in self._older_than(doc):
                    await self._know(older)
                    rest = await self._log.read(older, self._cursors[older].seq)
                    await self._keep(older, *await self._find(older, rest))
            await self._keep(doc, behind, found)

    async def _know(self, doc: str) -> None:
        """Have the cursor of a doc at hand; who asks for it at the same time may have moved it meanwhile."""
        if doc not in self._cursors:
            cursor = await self._outbox.cursor(doc)
            self._cursors.setdefault(doc, cursor)

    def _older_than(self, doc: str) -> list[str]:
        """The pages of the same room that are read too, or are to be, and stand before a page."""
        name = parse_doc(doc)
        pages = sorted((parse_doc(other), other) for other in self._touched | self._followed.keys())
        return [other for page, other in pages if page.room == name.room and page < name]

    async def _find(self, doc: str, entries: Sequence[Entry]) -> tuple[Cursor, dict[str, Body | None]]:
        """The new messages in entries, those aside that were taken before, and the cursor behind them."""
        cursor = self._cursors[doc]
        entries = [entry for entry in entries if entry.seq > cursor.seq]
        if not entries:
            return cursor, {}
        clocks = dict(cursor.clocks)
        found = await work_on(_data(entries), partial(new_messages, clocks=clocks))
        gone = [id for id, body in found.items() if body is None]
        if gone:
            found |= await work_on(_data(await self._log.read(doc)), partial(look_up, ids=gone))
        return Cursor(entries[-1].seq, clocks), found

    async def _keep(self, doc: str, cursor: Cursor, found: dict[str, Body | None]) -> None:
        """Keep an event for each hook that was there when a message was written, and the cursor behind it."""
        self._cursors[doc] = cursor
        if not found:
            return  # it is kept with the next message: until then reading again tells nothing
        room, hooks = parse_doc(doc).room, self._wanting(doc)
        news = [
            News(hook.id, room, id, payload(room, id, body))
            for id, body in found.items()
            if body is not None and not body.deleted
            for hook in hooks
            if parse_id(id).hlc >= self._since[hook.id]
        ]
        dropped = await self._outbox.keep(doc, cursor, news)
        if dropped:
            logger.error(
                "webhooks: %d messages dropped: more than %d wait for a receiver", dropped, MAX_EVENTS
            )
        if news:
            self._tell()


def _data(entries: Sequence[Entry]) -> list[bytes]:
    return [entry.data for entry in entries]

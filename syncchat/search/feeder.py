"""Keeps an index in step with a log."""

import logging
from collections.abc import Callable, Mapping

import anyio

from syncchat.errors import LogError
from syncchat.log import Log
from syncchat.search.file import IndexDamaged, SearchFailed
from syncchat.search.index import Index
from syncchat.search.reading import heads, is_page, read_page, texts_of
from syncchat.search.writing import Change
from syncchat.wakeup import Wakeup

logger = logging.getLogger("syncchat.search")

BATCH_SECONDS = 0.5
"""How long what is noted is collected before it is put into the index."""

MAX_NOTED = 4 << 20
"""Characters of messages that wait for the index; of more than those the pages are read from the log."""

EACH = 100
"""Characters for which a message counts beside its text."""

RETRY = 5.0
"""Seconds after which a log or an index that failed is tried again."""

AGAIN = 60.0
"""Seconds after which pages that could not be read are tried again."""

PURGE_SECONDS = 60.0
"""Within about so long no trace of a removed text is left in the index's file."""

PURGE_SHARE = 50
"""Purging takes no more than this part of the time: a large index waits for longer."""


class Feeder:
    """Brings `index` to where `log` is: once by `update`, or, while `run` runs, for good.

    An index says of each page how far it was read, in the same transaction as what was read. So
    whatever ends the process, and whatever fails, comparing it with the log tells what it lacks. `note` is
    for who hears of every commit: then only the messages that changed are touched.
    """

    def __init__(self, log: Log, index: Index) -> None:
        self._log = log
        self._index = index
        self._todo: dict[str, None] = {}
        self._noted: dict[str, tuple[int, dict[str, object]]] = {}
        self._size = 0
        self._unreadable: dict[str, LogError] = {}
        self._again = 0.0
        self._compared = False
        self._trusted = True
        self._reading = anyio.Lock()
        self._wakeup = Wakeup()

    @property
    def waiting(self) -> int:
        """Pages that are still to be read from the log, as far as is known."""
        return len(self._todo) + len(self._unreadable)

    @property
    def complete(self) -> bool:
        """Whether everything is in the index that was in the log a second ago."""
        return self._compared and not self.waiting

    async def update(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """Read everything that is in the log and not in the index; `tell` hears how many pages remain.

        A damaged index is built anew. Raises SearchFailed, and LogError if something cannot be read from the
        log, once all else is in the index.
        """
        try:
            await self._catch_up(tell)
        except IndexDamaged:
            await self._index.renew()
            await self._catch_up(tell)

    async def _catch_up(self, tell: Callable[[int], None]) -> None:
        await self._compare()
        while self._todo:
            tell(len(self._todo))
            await self._read_one()
        for error in self._unreadable.values():
            raise error

    def note(self, doc: str, seq: int, rows: Mapping[str, object]) -> None:
        """The entry `seq` made a page's rows in `messages` this JSON, or None for one that is gone.

        Every entry that changed any has to be told, at once and in order, from before `run` is started on.
        """
        noted = self._noted.get(doc)
        if noted is None and not is_page(doc):
            return
        if not self._compared or doc in self._todo:
            self._todo.pop(doc, None)
            self._todo[doc] = None  # the newest is the last, and read first
        else:
            known = {} if noted is None else noted[1]
            for id, row in rows.items():
                self._size += _weight(row) - (_weight(known[id]) if id in known else 0)
                known[id] = row
            self._noted[doc] = (seq, known)
            if self._size > MAX_NOTED:
                self._read_instead()
        self._wakeup.call()

    async def put_noted(self) -> None:
        """Put what was noted into the index now. Raises SearchFailed: then it takes an `update`."""
        noted, self._noted, self._size = self._noted, {}, 0
        if noted:
            # A generator, as it is the index's thread that shall read the JSON.
            await self._index.apply(Change(doc, seq, texts_of(rows)) for doc, (seq, rows) in noted.items())

    async def refresh(self, doc: str) -> None:
        """Bring one page to where the log is now, or forget it if the log has it no more.

        Raises LogError, SearchFailed.
        """
        async with self._reading:
            await self._read(doc)

    def distrust(self) -> None:
        """Somebody found the index to be damaged: while `run` runs, it is built anew."""
        self._trusted = False
        self._wakeup.call()

    async def run(self) -> None:
        """Follow the log until cancelled; what fails is logged, and tried again."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._purge)
            while True:
                try:
                    await self._follow()
                except (LogError, SearchFailed) as error:
                    logger.error("the search index is behind: %s", error)
                    await self._begin_again(anew=isinstance(error, IndexDamaged))

    async def _begin_again(self, *, anew: bool) -> None:
        self._compared, self._trusted = False, True
        self._noted, self._size = {}, 0
        try:
            if anew:
                await self._index.renew()
                return
        except SearchFailed as error:
            logger.error("the search index cannot be built anew: %s", error)
        await anyio.sleep(RETRY)

    async def _follow(self) -> None:
        await self._compare()
        while self._trusted:
            await self.put_noted()
            if self._todo:
                begun = anyio.current_time()
                await self._read_one()
                await anyio.sleep(anyio.current_time() - begun)  # those who chat come first
            else:
                await anyio.sleep(BATCH_SECONDS)
                await self._wait()
        raise IndexDamaged("the search index is damaged: it is built anew")

    async def _wait(self) -> None:
        """Return when there is something to do; what could not be read is read again after a while."""
        if not self._unreadable:
            await self._wakeup.sleep()
            return
        with anyio.move_on_at(self._again):
            await self._wakeup.sleep()
        if anyio.current_time() >= self._again:
            self._todo |= dict.fromkeys(self._unreadable)
            self._unreadable = {}

    async def _compare(self) -> None:
        """Find out which pages have to be read, and forget those that are gone."""
        self._compared = False  # until it is done, what is noted is to be read
        there, known = await heads(self._log), await self._index.cursors()
        # A log that is behind its index is another one.
        await self._index.forget([doc for doc, seq in known.items() if there.get(doc, 0) < seq])
        behind = [doc for doc, seq in sorted(there.items(), key=_by_age) if known.get(doc) != seq]
        self._todo, self._unreadable = dict.fromkeys(behind) | self._todo, {}
        self._compared = True

    async def _read_one(self) -> None:
        async with self._reading:  # what was read last is put in last
            doc, _ = self._todo.popitem()
            try:
                await self._read(doc)
            except LogError as error:  # one page that cannot be read keeps no other from being found
                logger.error("page %s is not in the search index: %s", doc, error)
                self._unreadable[doc] = error
                self._again = anyio.current_time() + AGAIN
            except BaseException:
                self._todo[doc] = None
                raise

    async def _read(self, doc: str) -> None:
        change = await read_page(self._log, doc)
        if change is None:
            self._noted.pop(doc, None)
            await self._index.forget([doc])
        else:
            await self._index.replace(change)

    def _read_instead(self) -> None:
        self._todo |= dict.fromkeys(self._noted)
        self._noted = {}
        self._size = 0

    async def _purge(self) -> None:
        pause = PURGE_SECONDS
        while True:
            await anyio.sleep(pause)
            begun = anyio.current_time()
            try:
                await self._index.purge()
            except SearchFailed as error:
                logger.error("removed texts may be left in the search index: %s", error)
            pause = max(PURGE_SECONDS, PURGE_SHARE * (anyio.current_time() - begun))


def _weight(row: object) -> int:
    return EACH + (len(row) if isinstance(row, str) else 0)


def _by_age(head: tuple[str, int]) -> int:
    return head[1]

"""A log in an SQLite file that several processes may have open at once."""

import secrets
import sqlite3
import zlib
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import anyio
import anyio.abc
import anyio.to_thread

from syncchat.errors import LogError, LogFailed
from syncchat.log.backlog import Append, Backlog
from syncchat.log.file import SCHEMA_VERSION, explain, open_file, transaction
from syncchat.log.names import check_append, check_doc
from syncchat.log.protocol import Beside, Entry
from syncchat.log.rows import pack, select, unpacked
from syncchat.log.tails import Tail, Tails, batch
from syncchat.log.transactions import checkpoint, drop, insert, replace, shrink, truncate
from syncchat.log.worker import Worker

POLL_SECONDS = 0.05

GROUP_SECONDS = 0.01
"""While appends come in company, commits begin this far apart: one costs as much for many as for one.

A lone writer waits for nothing, and nobody longer than this.
"""

FAILING_SECONDS = 10.0
"""For so long a log counts as failing behind an append that failed."""

SCRUB_TRIES = 50
SCRUB_SECONDS = 0.1
"""How often, and how many seconds apart, emptying the write-ahead log is tried while others read it."""

T = TypeVar("T")


class SqliteLog:
    """A Log in the file `path`, made if there is none; its folder must exist.

    Appends that wait together share one transaction, and each returns once that is on disk
    (WAL, synchronous=FULL). Reads have a connection of their own and never wait for a commit.
    While there are tails, the file is asked every `poll_seconds` for what other handles wrote.

    `writer` tells this handle's entries from those of others: a number from 1 to 2**63 - 1 that
    no other handle uses, random by default. `max_bytes` is the size of the file at which
    appends raise LogFailed as they do on a full disk; None means no limit.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        poll_seconds: float = POLL_SECONDS,
        writer: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.commits = 0
        """How many transactions this handle's appends took so far."""
        self._poll_seconds = poll_seconds
        self._writer = secrets.randbelow((1 << 63) - 1) + 1 if writer is None else writer
        self._max_bytes = max_bytes
        self._open = False
        self._failure: tuple[float, Exception] | None = None
        self._checking = False

    async def __aenter__(self) -> Self:
        self._compacting = anyio.Lock(fast_acquire=True)
        self._backlog = Backlog()
        self._tails = Tails()
        opening = partial(open_file, self.path, self._max_bytes)
        self._write_connection, self._read_connection = await anyio.to_thread.run_sync(opening)
        self._worker = Worker(f"syncchat log {self.path.name}")
        self._reader = Worker(f"syncchat log {self.path.name}, reading")
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._commit_groups)
        self._tasks.start_soon(self._watch_others)
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._tails.close()
        self._backlog.close()
        self._tasks.cancel_scope.cancel()
        try:
            # The error of the body is not passed on: it is to leave as it is and not in a group.
            await self._tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await self._reader.run(self._read_connection.close)
                await self._worker.run(self._write_connection.close)
                self._reader.stop()
                self._worker.stop()

    # What a Log does

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        """See Log.append."""
        append = Append(check_append(doc, updates, beside))
        self._check_open()
        if not self._backlog.put_now(append):
            await self._backlog.put(append)
        try:
            return await append.done
        except CancelledError:
            self._backlog.withdraw(append)
            raise
        except Exception as error:
            raise LogFailed(str(explain(self.path, error))) from error

    async def read(self, doc: str, after: int = 0) -> list[Entry]:
        """See Log.read."""
        return await self._read(partial(select, doc=check_doc(doc), after=after))

    def tail(self, doc: str, after: int) -> AsyncIterator[list[Entry]]:
        """See Log.tail; others' entries are seen `poll_seconds` after their commit, or sooner."""
        return self._tails.follow(check_doc(doc), after, self._read_tail)

    async def compact(self, doc: str, snapshot: bytes, *, base: int, upto: int) -> bool:
        """See Log.compact."""
        check_doc(doc)
        # Not in the thread that commits: nobody's append waits for it.
        packed = await anyio.to_thread.run_sync(pack, snapshot)
        work = partial(
            replace, doc=doc, writer=self._writer, size=len(snapshot), packed=packed, base=base, upto=upto
        )
        async with self._compacting:
            foreign = await self._change(work)
            if foreign is None:
                return False
            self._tails.skip(doc, given=foreign, upto=upto)
        await self._shrink()
        return True

    async def drop(self, *docs: str) -> None:
        """See Log.drop."""
        names = [check_doc(doc) for doc in docs]
        await self._change(partial(drop, docs=names))
        await self._shrink()

    async def scrub(self) -> bool:
        """See Log.scrub; it tries for some SCRUB_TRIES * SCRUB_SECONDS. Appends go on meanwhile.

        What the file system keeps of bytes that were overwritten, or cut off, is out of reach.
        """
        await self._shrink()
        await self._read(checkpoint)  # nearly all of the work, beside those who append
        for _ in range(SCRUB_TRIES):
            if await self._change(truncate):
                return True
            await anyio.sleep(SCRUB_SECONDS)
        return False

    async def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in the thread that commits, whole even if the caller is cancelled."""
        self._check_open()
        try:
            with anyio.CancelScope(shield=True):
                done = await self._worker.run(partial(work, self._write_connection))
        except sqlite3.Error as error:
            raise explain(self.path, error) from error
        return done

    async def _shrink(self) -> None:
        while await self._change(shrink):
            pass  # one step after the other, between which others append

    async def docs(self) -> list[str]:
        """See Log.docs."""
        return await self._read(_select_docs)

    async def heads(self) -> dict[str, int]:
        """See Log.heads."""
        return await self._read(_select_heads)

    async def size(self, doc: str) -> tuple[int, int]:
        """See Log.size."""
        return await self._read(partial(_measure, doc=check_doc(doc)))

    async def check_writable(self) -> None:
        """Raise LogFailed unless something can be made durable at this moment; it costs one sync.

        A small write may succeed where appends do not: for FAILING_SECONDS after one failed that is
        raised, unless a later one was committed. Raises LogFailed too while an earlier check hangs.
        """
        self._check_open()
        if self._failure is not None and anyio.current_time() < self._failure[0] + FAILING_SECONDS:
            raise explain(self.path, self._failure[1])
        if self._checking:
            raise LogFailed(f"the log {self.path} has not answered: see whether the disk hangs")
        self._checking = True
        try:
            await self._worker.run(self._touch)
        except sqlite3.Error as error:
            raise explain(self.path, error) from error

    def _touch(self) -> None:
        """Write and sync the page that every commit may have to write."""
        try:
            with transaction(self._write_connection):
                self._write_connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        finally:
            self._checking = False

    # Committing

    async def _commit_groups(self) -> None:
        # Shielded: what was appended before the log is closed is committed, however it is closed.
        with anyio.CancelScope(shield=True):
            while group := await self._backlog.take():
                begun = anyio.current_time()
                await self._commit(group)
                if len(group) > 1 or self._backlog.waiting:
                    await anyio.sleep_until(begun + GROUP_SECONDS)

    async def _commit(self, group: Sequence[Append]) -> None:
        work = partial(insert, writer=self._writer, group=group)
        try:
            seqs = await self._worker.run(partial(work, self._write_connection))
        # Whatever it was, those who wait must hear it, and the next group must go on.
        except Exception as error:  # noqa: BLE001
            self._failure = (anyio.current_time(), error)
            for append in group:
                if not append.done.done():  # whoever waited was cancelled
                    append.done.set_exception(error)
                    append.done.exception()  # who is cancelled at this moment need not hear of it
        else:
            self.commits += 1
            self._failure = None
            for append, seq in zip(group, seqs, strict=True):
                if not append.done.done():
                    append.done.set_result(seq)

    # Reading and following

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        try:
            return await self._reader.run(partial(work, self._read_connection))
        except (sqlite3.Error, zlib.error) as error:
            raise explain(self.path, error) from error

    async def _read_tail(self, tail: Tail) -> list[Entry]:
        # A compaction of ours has to know what its tails have given: the two never overlap.
        async with self._compacting:
            if not self._open:
                return []
            work = partial(_select_foreign, doc=tail.doc, after=tail.last, writer=self._writer)
            entries, tail.last = await self._read(work)
            return entries

    async def _watch_others(self) -> None:
        while True:
            await self._tails.added.sleep()
            watch = _Watch(self._writer)
            while self._tails:
                try:
                    docs = await self._read(watch.look)
                except LogError:
                    docs = None  # The tails will meet the same error, and raise it where somebody can act.
                self._tails.wake(docs)
                await anyio.sleep(self._poll_seconds)

    def _check_open(self) -> None:
        if not self._open:
            raise LogError(f"the log {self.path} is not open: use it inside its `async with`")


class _Watch:
    """Tells which docs other handles have written since it last looked."""

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._seen: int | None = None
        self._version = 0

    def look(self, connection: sqlite3.Connection) -> set[str] | None:
        """The docs that others wrote; None, the first time, means that it could be any."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._seen is None:
            (self._seen,) = connection.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()
            self._version = version
            return None
        if version == self._version:
            return set()
        rows = connection.execute(
            "SELECT doc, max(seq), max(writer <> ?) FROM entries WHERE seq > ? GROUP BY doc",
            (self._writer, self._seen),
        ).fetchall()
        self._version = version
        self._seen = max((newest for _, newest, _ in rows), default=self._seen)
        return {doc for doc, _, foreign in rows if foreign}


# What is read in the thread


def _select_foreign(
    connection: sqlite3.Connection, *, doc: str, after: int, writer: int
) -> tuple[list[Entry], int]:
    with transaction(connection, "DEFERRED"):
        (newest,) = connection.execute("SELECT max(seq) FROM entries WHERE doc = ?", (doc,)).fetchone()
        cursor = connection.execute(
            "SELECT seq, size, data FROM entries WHERE doc = ? AND seq > ? AND writer <> ? ORDER BY seq",
            (doc, after, writer),
        )
        entries, complete = batch(unpacked(cursor))
        cursor.close()
    return entries, max(after, newest or 0) if complete else entries[-1].seq


def _select_docs(connection: sqlite3.Connection) -> list[str]:
    return [doc for (doc,) in connection.execute("SELECT DISTINCT doc FROM entries ORDER BY doc").fetchall()]


def _select_heads(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT doc, max(seq) FROM entries GROUP BY doc").fetchall())


def _measure(connection: sqlite3.Connection, *, doc: str) -> tuple[int, int]:
    count, size = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM entries WHERE doc = ?", (doc,)
    ).fetchone()
    return count, size

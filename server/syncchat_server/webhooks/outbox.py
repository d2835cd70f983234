"""What is still to be told to webhooks, and how far each doc has been read: an SQLite file."""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import anyio
import anyio.to_thread

from syncchat.errors import LogCorrupt, LogFailed
from syncchat.log.worker import Worker

MAX_EVENTS = 10_000
"""Messages that wait for one hook; past it the oldest are dropped, and a log line says how many."""

MAX_AGE = 7 * 24 * 3600.0
"""Seconds that an event waits; then it is dropped, and a log line says so."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS hooks (id TEXT PRIMARY KEY, since INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS docs (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, clocks TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY, hook TEXT NOT NULL, room TEXT NOT NULL,
  id TEXT NOT NULL, body BLOB NOT NULL, queued REAL NOT NULL);
CREATE INDEX IF NOT EXISTS in_order ON events (hook, room, number);
CREATE INDEX IF NOT EXISTS oldest ON events (hook, number);
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a doc has been read: up to `seq` of the log, which is up to `clocks` of each client id.

    The clocks tell what of a snapshot is news, as compaction merges what was read with what was not.
    """

    seq: int = 0
    clocks: dict[int, int] = field(default_factory=dict)


class Event(NamedTuple):
    """One delivery: `id` is its message's, `queued` when it came, in seconds since 1970."""

    number: int
    id: str
    body: bytes
    queued: float


class News(NamedTuple):
    """An event for a hook, by the hook's id, that is to be kept."""

    hook: str
    room: str
    id: str
    body: bytes


def forget_message(path: Path, id: str) -> None:
    """Take what waits about a message out of the outbox at `path`, in use or not, and out of its file.

    Raises LogFailed if somebody else would not let it.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("DELETE FROM events WHERE id = ?", (id,))
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise LogFailed(f"the webhooks' outbox {path} failed ({error})") from error
    if busy:
        raise LogFailed(f"the webhooks' outbox {path} is in use")


class Outbox:
    """The file at `path`, made if there is none; an async context manager.

    Every change is a transaction of its own, so that an event is in it as surely as the cursor is
    behind it, whatever ends the process. A power failure takes both back together.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    async def __aenter__(self) -> Self:
        """Open it; raises LogCorrupt, with the remedy, if it is none."""
        self._worker = Worker("syncchat webhooks")
        try:
            self._connection = await self._worker.run(self._open)
        except sqlite3.Error as error:
            self._worker.stop()
            raise LogCorrupt(
                f"{self.path} cannot be used as the webhooks' outbox ({error}): move it away, "
                "and messages from then on are told"
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._worker.run(self._connection.close)
        self._worker.stop()

    async def begin(self, hooks: Iterable[str], now: int) -> dict[str, int]:
        """Take note of the hooks there are; returns when each was set up, in milliseconds since 1970.

        What waited for a hook that is no more is forgotten.
        """
        return await self._worker.run(lambda: self._begin(list(hooks), now))

    async def cursor(self, doc: str) -> Cursor:
        """How far `doc` was read."""
        return await self._worker.run(lambda: self._cursor(doc))

    async def keep(self, doc: str, cursor: Cursor, news: Sequence[News]) -> int:
        """Keep events together with the cursor behind them; returns how many others had to be dropped."""
        with anyio.CancelScope(shield=True):  # the caller has to know whether it was done
            dropped = await self._worker.run(lambda: self._keep(doc, cursor, news))
        return dropped  # noqa: RET504 - mypy takes it that a scope may swallow a return

    async def rooms(self, hook: str) -> list[str]:
        """The rooms of which something waits for a hook."""
        return await self._worker.run(lambda: self._rooms(hook))

    async def first(self, hook: str, room: str) -> Event | None:
        """What is to be told to a hook next of a room."""
        return await self._worker.run(lambda: self._first(hook, room))

    async def done(self, event: Event) -> None:
        """An event was delivered, or is given up."""
        with anyio.CancelScope(shield=True):
            await self._worker.run(lambda: self._delete(event.number))

    # What is done in the thread.

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")  # what was told is a text that may be erased later
        connection.executescript(SCHEMA)
        self.path.chmod(0o600)
        return connection

    def _begin(self, hooks: list[str], now: int) -> dict[str, int]:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for hook in hooks:
                connection.execute("INSERT OR IGNORE INTO hooks (id, since) VALUES (?, ?)", (hook, now))
            kept = json.dumps(hooks)
            connection.execute("DELETE FROM hooks WHERE id NOT IN (SELECT value FROM json_each(?))", (kept,))
            connection.execute(
                "DELETE FROM events WHERE hook NOT IN (SELECT value FROM json_each(?))", (kept,)
            )
            return dict(connection.execute("SELECT id, since FROM hooks").fetchall())

    def _cursor(self, doc: str) -> Cursor:
        row = self._connection.execute("SELECT seq, clocks FROM docs WHERE name = ?", (doc,)).fetchone()
        if row is None:
            return Cursor()
        return Cursor(row[0], {int(client): clock for client, clock in json.loads(row[1]).items()})

    def _keep(self, doc: str, cursor: Cursor, news: Sequence[News]) -> int:
        now = time.time()
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR REPLACE INTO docs (name, seq, clocks) VALUES (?, ?, ?)",
                (doc, cursor.seq, json.dumps(cursor.clocks)),
            )
            connection.executemany(
                "INSERT INTO events (hook, room, id, body, queued) VALUES (?, ?, ?, ?, ?)",
                [(*event, now) for event in news],
            )
            return sum(self._trim(hook) for hook in {event.hook for event in news})

    def _trim(self, hook: str) -> int:
        cursor = self._connection.execute(
            "DELETE FROM events WHERE number IN "
            "(SELECT number FROM events WHERE hook = ? ORDER BY number DESC LIMIT -1 OFFSET ?)",
            (hook, MAX_EVENTS),
        )
        return cursor.rowcount

    def _rooms(self, hook: str) -> list[str]:
        rows = self._connection.execute("SELECT DISTINCT room FROM events WHERE hook = ?", (hook,))
        with closing(rows):
            return [room for (room,) in rows]

    def _first(self, hook: str, room: str) -> Event | None:
        row = self._connection.execute(
            "SELECT number, id, body, queued FROM events WHERE hook = ? AND room = ? ORDER BY number LIMIT 1",
            (hook, room),
        ).fetchone()
        return None if row is None else Event(*row)

    def _delete(self, number: int) -> None:
        self._connection.execute("DELETE FROM events WHERE number = ?", (number,))

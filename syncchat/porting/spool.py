"""Messages on their way into a room: checked, sorted by id and each there once, in bounded memory."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from syncchat.core.codec import dump
from syncchat.core.ids import HLC_WIDTH, MAX_AHEAD, base32
from syncchat.core.message import MAX_JSON, Reaction, TextTooLong, check_size, reaction_key
from syncchat.errors import SyncchatError
from syncchat.porting.record import Record

# A file without a name in the folder for temporary files: whatever ends the process, nothing is left of it.
_NAMELESS = ""

_SCHEMA = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE messages (id TEXT PRIMARY KEY, body TEXT, reactions TEXT, answers TEXT) WITHOUT ROWID;
    CREATE TABLE keys (key TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID;
"""
_BATCH = 1024

MAX_REACTIONS = 4096
"""Reactions to one message: its page has to stay one that a client can open."""


MAX_ROW = MAX_JSON + 512
"""Characters of a message's JSON; only escapes make it longer than its text may be in bytes."""


class SpoolFailed(SyncchatError):
    """The folder for temporary files has no room; the text says what to do."""


class Row(NamedTuple):
    """A message as rows of a page: its id, its JSON, and the keys of its reactions."""

    id: str
    body: str
    reactions: list[str]


class Spool:
    """What is to be imported; of two messages with the same id the later one counts.

    `now` is in milliseconds since 1970: no message may be later.
    """

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._connection = connection
        self._latest = base32(now + MAX_AHEAD, HLC_WIDTH)

    def put(self, records: Iterable[Record]) -> None:
        """Take in messages. Raises ValueError for one that cannot be, before it asks for the next."""
        rows = map(self._checked, records)
        while batch := list(islice(rows, _BATCH)):
            self._connection.executemany(
                "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?)", (row[:4] for row in batch)
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO keys VALUES (?, ?)",
                ((key, id) for id, *_, key in batch if key is not None),
            )

    def drop(self, ids: Iterable[str]) -> None:
        """Forget messages: they are in the room already."""
        self._connection.executemany("DELETE FROM messages WHERE id = ?", ((id,) for id in ids))

    def count(self) -> int:
        """How many messages there are."""
        (count,) = self._connection.execute("SELECT count(*) FROM messages").fetchone()
        return int(count)

    def count_before(self, id: str) -> int:
        """How many messages have an id before this one."""
        (count,) = self._connection.execute("SELECT count(*) FROM messages WHERE id < ?", (id,)).fetchone()
        return int(count)

    def rows(self) -> Iterator[Row]:
        """The messages, sorted by id; what answers a message that is nowhere answers nothing."""
        found = self._connection.execute(
            "SELECT m.id, m.body, m.reactions, k.id FROM messages m LEFT JOIN keys k ON k.key = m.answers "
            "ORDER BY m.id"
        )
        for id, body, reactions, answered in found:
            text = body if answered is None else dump({**json.loads(body), "re": answered})
            yield Row(id, text, reactions.split("\n") if reactions else [])

    def _checked(self, record: Record) -> tuple[str, str, str | None, str | None, str | None]:
        id, body = record.id, record.body
        if id[:HLC_WIDTH] > self._latest:
            raise ValueError("its time has not come yet: see whether this machine's clock is right")
        check_size(len(body.text.encode()))
        row = dump(body.to_json())
        if len(row) > MAX_ROW:
            raise TextTooLong(f"a text with so many control characters that it takes over {MAX_ROW} of JSON")
        reacted = [
            reaction_key(Reaction(id, user, emoji))
            for emoji, users in record.reactions.items()
            for user in users
        ]
        if len(reacted) > MAX_REACTIONS:
            raise ValueError(f"{len(reacted)} reactions to one message; there may be {MAX_REACTIONS}")
        return id, row, "\n".join(reacted) or None, record.answers, record.key


@contextlib.contextmanager
def spooling(now: int) -> Iterator[Spool]:
    """A spool that lasts as long as the block. Raises SpoolFailed."""
    try:
        with contextlib.closing(sqlite3.connect(_NAMELESS, isolation_level=None)) as connection:
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN")
            yield Spool(connection, now)
    except sqlite3.Error as error:
        raise SpoolFailed(
            f"what is to be imported could not be sorted ({error}): make room where temporary files are, "
            "or set SQLITE_TMPDIR to a folder with more. Nothing was imported"
        ) from error

"""What the thread that writes to an SQLite log does, one transaction at a time."""

import contextlib
import sqlite3
from collections.abc import Sequence
from itertools import chain

from syncchat.log.backlog import Append
from syncchat.log.file import BUSY_SECONDS, transaction
from syncchat.log.rows import pack

NOBODY = 0
"""The writer of what holds the work of several."""

SHRINK_PAGES = 512
"""Free pages that are given back to the file system at once, some 2 MB: so long appends may have to wait."""

PACKED = 1 << 12
"""Bytes from which on an entry is packed: a page that came in one commit is one entry, and not compacted."""

DROPPED = "dropped"
"""The row of SQLite's own table of numbers that tells up to which one entries may have been dropped."""


ROWS = 16
"""Entries that one statement adds: with each one the thread lets go of Python's lock, and waits for it."""


def insert(connection: sqlite3.Connection, *, writer: int, group: Sequence[Append]) -> list[int]:
    """Add a group of appends; returns the last `seq` of each."""
    rows: list[tuple[str, int, int, bytes]] = []
    ends = []
    for append in group:
        for doc, data in append.entries:
            rows.append((doc, writer, len(data), pack(data) if len(data) >= PACKED else data))
        ends.append(len(rows))
    with transaction(connection):
        before = _insert_rows(connection, rows) - len(rows)
    return [before + end for end in ends]


def _insert_rows(connection: sqlite3.Connection, rows: Sequence[tuple[str, int, int, bytes]]) -> int:
    """Add entries; returns the last `seq`. Those before it have no gaps: nobody else adds any meanwhile."""
    seq = 0
    for at in range(0, len(rows), ROWS):
        some = rows[at : at + ROWS]
        places = ", ".join(["(?, ?, ?, ?)"] * len(some))
        cursor = connection.execute(
            f"INSERT INTO entries (doc, writer, size, data) VALUES {places}", list(chain.from_iterable(some))
        )
        seq = cursor.lastrowid or 0
    return seq


def replace(
    connection: sqlite3.Connection, *, doc: str, writer: int, size: int, packed: bytes, base: int, upto: int
) -> int | None:
    """The newest `seq` of others that the snapshot replaces, 0 if there is none; None if it was not done."""
    with transaction(connection):
        (first,) = connection.execute("SELECT min(seq) FROM entries WHERE doc = ?", (doc,)).fetchone()
        there = connection.execute("SELECT 1 FROM entries WHERE doc = ? AND seq = ?", (doc, upto)).fetchone()
        if first != base or there is None:
            return None
        (foreign,) = connection.execute(
            "SELECT coalesce(max(seq), 0) FROM entries WHERE doc = ? AND seq <= ? AND writer <> ?",
            (doc, upto, writer),
        ).fetchone()
        # What holds others' work is nobody's own: a tail of ours that is behind has to give it.
        connection.execute(
            "UPDATE entries SET writer = ?, size = ?, data = ? WHERE seq = ?",
            (NOBODY if foreign else writer, size, packed, upto),
        )
        connection.execute("DELETE FROM entries WHERE doc = ? AND seq < ?", (doc, upto))
    return int(foreign)


def drop(connection: sqlite3.Connection, *, docs: Sequence[str]) -> None:
    """Remove all entries of some docs."""
    with transaction(connection):
        last = [_last(connection, doc) for doc in docs]
        connection.executemany("DELETE FROM entries WHERE doc = ?", [(doc,) for doc in docs])
        _note_dropped(connection, max(last, default=0))


def _last(connection: sqlite3.Connection, doc: str) -> int:
    (last,) = connection.execute("SELECT max(seq) FROM entries WHERE doc = ?", (doc,)).fetchone()
    return last or 0


def _note_dropped(connection: sqlite3.Connection, last: int) -> None:
    # Else nobody could tell it from a damage: without drops, the newest entry of all is always there.
    known = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (DROPPED,)).fetchone()
    if known is None:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (DROPPED, last))
    elif last > known[0]:
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (last, DROPPED))


def shrink(connection: sqlite3.Connection) -> bool:
    """Give some free pages back to the file system; False if there are none, or if it cannot be now."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if not free:
        return False
    with contextlib.suppress(sqlite3.Error):  # what is free is used for what comes next, at the latest
        connection.executescript(f"PRAGMA incremental_vacuum({SHRINK_PAGES})")  # it takes a step a page
    (left,) = connection.execute("PRAGMA freelist_count").fetchone()
    return bool(0 < left < free)


def checkpoint(connection: sqlite3.Connection) -> None:
    """Write what is in the write-ahead log into the file itself, as far as nobody has to wait for that."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def truncate(connection: sqlite3.Connection) -> bool:
    """Empty the write-ahead log; False if somebody reads what was there before, or if pages are free.

    What was in free pages is on disk still.
    """
    connection.execute("PRAGMA busy_timeout = 0")  # who appends does not wait until that reader has ended
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    return not busy and not free

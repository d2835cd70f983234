"""Entries as they stand in the SQLite file: packed where that makes them shorter."""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator

from syncchat.log.protocol import Entry


def pack(data: bytes) -> bytes:
    """What is stored of an entry: `data`, or something shorter that `unpacked` reads."""
    packed = zlib.compress(data)
    return packed if len(packed) < len(data) else bytes(data)


def unpacked(rows: Iterable[tuple[int, int, bytes]]) -> Iterator[Entry]:
    """The entries that rows of (seq, size, data) are. Raises zlib.error for damaged ones."""
    for seq, size, data in rows:
        yield Entry(seq, data if len(data) == size else zlib.decompress(data, bufsize=size))


def select(connection: sqlite3.Connection, *, doc: str, after: int = 0) -> list[Entry]:
    """The entries of `doc` with `seq > after`, ascending. Raises sqlite3.Error, zlib.error."""
    rows = connection.execute(
        "SELECT seq, size, data FROM entries WHERE doc = ? AND seq > ? ORDER BY seq", (doc, after)
    ).fetchall()
    return list(unpacked(rows))

"""Verifies a log, and names each damage with its cause and its remedy; it only reads.

What the file is made of is looked at here, what its docs say in doctor_docs.py.
"""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from syncchat.errors import LogError
from syncchat.log.file import looking
from syncchat.log.transactions import DROPPED
from syncchat_server.doctor_docs import (
    DocReport,
    Finding,
    Row,
    examine_doc,
    examine_room,
    is_of_client,
    room_of,
)
from syncchat_server.folder import LOG_NAME

FROM_BACKUP = "restore the log from a backup"
LOG_NAMES = (LOG_NAME, "rooms.sqlite")
"""What logs are called, the daemon's and those of clients."""

MAX_FINDINGS = 20
"""How many findings SQLite may tell of one file: the first ones say it all."""


def log_in(data: Path) -> Path:
    """The log in a daemon's folder or a client's; a file is taken for a log itself."""
    if data.is_file():
        return data
    return next((data / name for name in LOG_NAMES if (data / name).exists()), data / LOG_NAME)


def examine(path: Path) -> Iterator[Finding]:
    """Everything that is wrong with the log at `path`, in use or not; nothing if it is sound (R5).

    Nothing is changed, and whatever the log holds, this ends: what cannot be read is a finding.
    """
    try:
        with looking(path) as connection:
            connection.text_factory = bytes
            yield from _examine_file(connection)
            yield from _examine_numbers(connection)
            yield from _examine_docs(connection)
    except LogError as error:
        yield Finding(None, str(error))


def _examine_file(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Pages, indexes and tables, as SQLite sees them."""
    try:
        rows = connection.execute(f"PRAGMA integrity_check({MAX_FINDINGS})").fetchall()
    except sqlite3.DatabaseError as error:
        rows = [(str(error).encode(),)]
    for (row,) in rows:
        if row != b"ok":
            text = " ".join(row.decode("utf-8", "replace").split())
            yield Finding(None, f"the file is damaged ({text}): {FROM_BACKUP}")


def _examine_numbers(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Compaction leaves the newest entry of a doc, so the newest of all is there, unless it was dropped."""
    numbers = dict(connection.execute("SELECT CAST(name AS BLOB), seq FROM sqlite_sequence"))
    (newest,) = connection.execute("SELECT max(seq) FROM entries").fetchone()
    last, newest = numbers.get(b"entries") or 0, newest or 0
    if newest < last != numbers.get(DROPPED.encode()):
        yield Finding(None, f"the newest entries are gone ({newest} of {last} is the last): {FROM_BACKUP}")
    elif newest > last:
        yield Finding(
            None, f"entry {newest} has a number that was never given (they end at {last}): {FROM_BACKUP}"
        )


def _examine_docs(connection: sqlite3.Connection) -> Iterator[Finding]:
    names = [name for (name,) in connection.execute("SELECT DISTINCT doc FROM entries ORDER BY doc")]
    texts = [_as_text(name) for name in names]
    whole = not any(map(is_of_client, texts))
    # The pages of a room follow one another, so that one room at a time is in memory.
    for _, members in groupby(texts, room_of):
        reports: list[DocReport] = []
        for name in members:
            try:
                rows = _rows(connection, name)
            except sqlite3.DatabaseError as error:
                yield Finding(name, f"its entries cannot be read ({error}): {FROM_BACKUP}")
                continue
            report = examine_doc(name, rows)
            yield from report.findings
            reports.append(report)
        yield from examine_room(reports, whole=whole)


def _as_text(name: object) -> str:
    """A doc's name as it is stored; whatever is no UTF-8 survives as lone surrogates."""
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else repr(name)


def _rows(connection: sqlite3.Connection, name: str) -> list[Row]:
    found = connection.execute(
        "SELECT seq, writer, size, CASE typeof(data) WHEN 'blob' THEN data END FROM entries "
        "WHERE doc = CAST(? AS TEXT) ORDER BY seq",
        (name.encode("utf-8", "surrogateescape"),),
    )
    return [Row(*row) for row in found]

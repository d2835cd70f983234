"""The SQLite file of an index: made anew whenever what is there cannot be used, as it is only derived."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from syncchat.errors import SyncchatError
from syncchat.log.file import transaction

APPLICATION_ID: Final = 0x53594E46
"""Tells our files from those of other programs ("SYNF")."""

VERSION: Final = 2
"""Of the schema, and of what stands in the index: another one is dropped and built anew."""

BUSY_SECONDS = 5.0

# Texts are found by `place`, a time and something to tell it from others of that time (tags.py).
# `seq` is how far a page of the log has been read. `removed` has a row for each removal while
# its words may still stand in the file.
SCHEMA: Final = f"""
    CREATE TABLE pages (
        number INTEGER PRIMARY KEY,
        doc TEXT NOT NULL UNIQUE,
        room TEXT NOT NULL,
        seq INTEGER NOT NULL
    );
    CREATE TABLE messages (
        place INTEGER PRIMARY KEY,
        page INTEGER NOT NULL,
        id TEXT NOT NULL,
        UNIQUE (page, id)
    );
    CREATE TABLE removed (number INTEGER PRIMARY KEY);
    CREATE VIRTUAL TABLE texts USING fts5(text, tags, tokenize = "unicode61 remove_diacritics 2");
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {VERSION};
"""

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_READONLY_DBMOVED", "SQLITE_IOERR_SHORT_READ")
_REMEDIES = {
    "SQLITE_FULL": "the disk is full: make room",
    "SQLITE_BUSY": f"another process kept it locked for {BUSY_SECONDS:.0f} s: end that one",
    "SQLITE_READONLY": "let this user write to the file and to its folder",
    "SQLITE_CANTOPEN": "see that its folder exists and that this user may write to it",
    "SQLITE_IOERR": "see whether the disk is healthy and still there",
}


class SearchFailed(SyncchatError):
    """The index could not be read or written; the text has its path, the cause and the remedy."""


class IndexDamaged(SearchFailed):
    """What stands in the file is no index any more; it can be made anew."""


def explain(path: Path | None, error: sqlite3.Error) -> SearchFailed:
    """What `error` means to the user of the index at `path`."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(_DAMAGED) or isinstance(error, sqlite3.ProgrammingError):  # it could not be renewed
        return IndexDamaged(f"the search index {path} is damaged ({error}): it is built anew")
    for code, remedy in _REMEDIES.items():
        if name.startswith(code):
            return SearchFailed(f"the search index {path} failed ({error}): {remedy}")
    # Not the error's own words: they could be those of a query.
    return SearchFailed(f"the search index {path} failed ({name}): it can be removed, and is built anew")


def open_index(path: Path | None) -> sqlite3.Connection:
    """A connection to the index at `path` (None: in memory), which is made if none can be used.

    One of another version, or a damaged one, is dropped. Raises SearchFailed, and leaves the file
    alone, if it is another program's or cannot be opened or made.
    """
    try:
        if path is not None and path.exists() and not _is_usable(path):
            drop_index(path)
        return _connect(path)
    except sqlite3.Error as error:
        raise explain(path, error) from error
    except OSError as error:
        remedy = _REMEDIES["SQLITE_CANTOPEN"]
        raise SearchFailed(f"the search index {path} cannot be opened ({error}): {remedy}") from error


def drop_index(path: Path) -> None:
    """Remove the files of an index. Raises OSError."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _is_usable(path: Path) -> bool:
    """Whether it is an index of this version. Raises SearchFailed if it is somebody else's file."""
    try:
        with contextlib.closing(_open(path)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if isinstance(explain(path, error), IndexDamaged):
            return False
        raise
    if application != APPLICATION_ID and tables:
        raise SearchFailed(f"{path} is no search index of syncchat: choose another path")
    return bool(application == APPLICATION_ID and version == VERSION)


def _open(path: Path | None) -> sqlite3.Connection:
    name = ":memory:" if path is None else str(path)
    return sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.touch(mode=0o600)  # everybody's words are in it, whoever may look into its folder
    connection = _open(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")
        with transaction(connection):
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection

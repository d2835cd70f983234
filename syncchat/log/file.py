"""The SQLite file of a log: made whole or not at all, checked before it is used, its errors explained."""

import contextlib
import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

from syncchat.errors import LogCorrupt, LogError, LogFailed

APPLICATION_ID = 0x53594E43
"""Tells our files from those of other programs ("SYNC")."""

SCHEMA_VERSION = 2

# AUTOINCREMENT: a sequence number is never given twice, even if somebody removed the newest row.
# `size` is that of the entry; where `data` is shorter, it is packed (zlib, RFC 1950).
# `data` stands last, so that the other columns are read without a large entry's overflow pages.
SCHEMA = f"""
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        doc TEXT NOT NULL,
        writer INTEGER NOT NULL,
        size INTEGER NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX entries_of_doc ON entries (doc, seq);
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {SCHEMA_VERSION};
"""

BUSY_SECONDS = 5.0
CHECKED_WHOLLY = 256 << 20
"""Files up to so many bytes are checked page by page when they are opened."""

WAL_BYTES = 64 << 20

_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_RESTORE = "move it away and restore it from a backup, or let a new one be filled by syncing"
_REMEDIES = {
    "SQLITE_FULL": "the disk is full, or the limit for the file is reached: make room, then try again",
    "SQLITE_BUSY": f"another process kept it locked for {BUSY_SECONDS:.0f} s: end that one, then try again",
    "SQLITE_READONLY": "let this user write to the file and to its folder",
    "SQLITE_CANTOPEN": "see that its folder exists and that this user may write to it",
    "SQLITE_PERM": "let this user write to the file and to its folder",
    "SQLITE_IOERR": "see whether the disk is healthy and still there",
}


def explain(path: Path, error: Exception) -> LogError:
    """What `error` means to the user of the log at `path`: the cause and the remedy."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(_DAMAGED) or isinstance(error, zlib.error):
        return LogCorrupt(f"{path} is damaged or no log ({error}): {_RESTORE}")
    for code, remedy in _REMEDIES.items():
        if name.startswith(code):
            return LogFailed(f"the log {path} failed ({error}): {remedy}")
    return LogFailed(f"the log {path} failed ({error})")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, mode: str = "IMMEDIATE") -> Iterator[None]:
    """Do what is inside whole or not at all."""
    if connection.in_transaction:
        connection.rollback()
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # If this fails as well, the next transaction begins with it: the error that matters is the first.
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        raise


def open_file(path: Path, max_bytes: int | None = None) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Connections to write and to read the log at `path`, which is made if there is none.

    `max_bytes` is the size beyond which the file does not grow. Raises LogCorrupt or LogFailed.
    """
    with contextlib.ExitStack() as undo:
        try:
            if not path.exists():
                _make(path)
            _check(path)
            writer = undo.enter_context(contextlib.closing(_connect(path, "rw")))
            reader = undo.enter_context(contextlib.closing(_connect(path, "rw")))
            _prepare(writer, reader, max_bytes)
        except (sqlite3.Error, OSError) as error:
            raise _explain_opening(path, error) from error
        undo.pop_all()
        return writer, reader


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _prepare(writer: sqlite3.Connection, reader: sqlite3.Connection, max_bytes: int | None) -> None:
    writer.execute("PRAGMA synchronous = FULL")
    # What is deleted from a page is overwritten there; pages that get free are given back (transactions.py).
    writer.execute("PRAGMA secure_delete = FAST")
    writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if max_bytes is not None:
        (page_size,) = writer.execute("PRAGMA page_size").fetchone()
        writer.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_size)}")
    with transaction(writer):
        pass  # Asking for the right to write tells now, and not at the first append, that there is none.
    reader.execute("PRAGMA query_only = ON")


def _make(path: Path) -> None:
    """Make an empty log elsewhere and give it its name in one step: nobody ever sees half of one."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with contextlib.closing(_connect(new, "rwc")) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that compaction can shrink the file
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        _name(new, path)
    finally:
        for leftover in (new, Path(f"{new}-wal"), Path(f"{new}-shm")):
            leftover.unlink(missing_ok=True)


def _name(new: Path, path: Path) -> None:
    try:
        os.link(new, path)
    except FileExistsError:
        return  # Another process was first: its log is as good as ours.
    except OSError:
        # A file system without hard links: there, two first starts in the same instant are not told apart.
        if not path.exists():
            os.rename(new, path)


def _check(path: Path) -> None:
    """Raise LogCorrupt unless `path` is a whole log of this version; the file is only read."""
    if not path.is_file():
        raise LogCorrupt(f"{path} is a folder or a device: give the path of a file")
    with contextlib.closing(_connect(path, "ro")) as connection:
        check_format(connection, path)
        if path.stat().st_size <= CHECKED_WHOLLY:
            (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if finding != "ok":
                raise LogCorrupt(f"{path} is damaged ({finding}): {_RESTORE}")


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raise LogCorrupt, or what sqlite3 raises, unless the file is a log and of this version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise LogCorrupt(f"{path} is no log of syncchat: choose another path")
    if version != SCHEMA_VERSION:
        remedy = "update syncchat" if version > SCHEMA_VERSION else "open it with the syncchat that made it"
        raise LogCorrupt(
            f"{path} has format {version}, but this syncchat knows only {SCHEMA_VERSION}: {remedy}"
        )
    connection.execute("SELECT seq, doc, writer, size, data FROM entries LIMIT 1").fetchone()


@contextlib.contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing and leaves no file beside the log, whether or not it is in use.

    Raises LogFailed if there is no such log, if it cannot be read, or if somebody opened it
    meanwhile, and LogCorrupt if it is no log of this version. sqlite3's own errors in the block
    mean that it is damaged, and are raised as LogCorrupt.
    """
    journal = Path(f"{path}-wal")
    if not path.is_file():
        raise LogFailed(f"there is no log {path}: see where the daemon keeps its data, and say it by --data")
    # Nobody has it open: then SQLite need not be ready for others, for which it would leave files behind.
    alone = not journal.exists()
    try:
        with contextlib.closing(_connect(path, "ro&immutable=1" if alone else "ro")) as connection:
            check_format(connection, path)
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise _explain_opening(path, error) from error
    if alone and journal.exists():
        raise LogFailed(f"{path} was opened by another process while it was read: try again")


def _explain_opening(path: Path, error: Exception) -> LogError:
    if isinstance(error, OSError):
        return LogFailed(f"the log {path} cannot be opened ({error}): {_REMEDIES['SQLITE_CANTOPEN']}")
    if getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR":
        return LogCorrupt(f"{path} lacks what a log has ({error}): {_RESTORE}")
    return explain(path, error)

"""Copies of a log: taken while a daemon writes to it, checked, and put in its place again."""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from syncchat.errors import SyncchatError
from syncchat.log.file import looking
from syncchat.search import drop_index
from syncchat_server.doctor import examine
from syncchat_server.folder import LOG_NAME, SEARCH_NAME, hand_over, own_folder

PAGES_A_STEP = 1024

Progress = Callable[[int, int], None]
"""Told how many pages are copied, and how many there are."""


class BackupFailed(SyncchatError):
    """A backup was not made or not restored; the text says why, and nothing has changed."""


def back_up(log: Path, target: Path, progress: Progress) -> None:
    """Copy the log at `log`, which may be in use, to the new file `target`, for its owner alone.

    It holds everything that was acknowledged before this was called, and is one moment of the log
    (R4). It is on disk, and was read again, when this returns; until then there is no `target`.
    Nobody who writes to the log waits. Raises BackupFailed, and LogError if `log` cannot be read.
    """
    with _new_file(target) as part:
        _copy(log, part, progress)
        _check_copy(part)


def _copy(log: Path, copy: Path, progress: Progress) -> None:
    """Copy one moment of a log into the empty file `copy`."""

    def tell(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    with looking(log) as source, contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as target:
        # Held from here on: what is committed meanwhile would make the copying begin again.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM entries LIMIT 1").fetchone()
        try:
            source.backup(target, pages=PAGES_A_STEP, progress=tell, sleep=0)
        except sqlite3.Error as error:
            raise BackupFailed(f"copying {log} to {copy} failed ({error})") from error


def _check_copy(part: Path) -> None:
    with looking(part) as connection:
        (finding,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if finding != "ok":
        raise BackupFailed(f"no backup was made, for the log is damaged ({finding}): see syncchat doctor")


def restore(file: Path, data: Path, *, damaged: bool = False) -> Path | None:
    """Make a copy of `file` the log of the folder `data`; returns where the log before it is kept now.

    A file in which doctor finds something is refused, unless its docs alone are `damaged` and
    that is accepted. Raises BackupFailed, FolderUnusable if a daemon runs there, and LogError.
    """
    for finding in list(examine(file)):
        if not damaged or finding.doc is None:
            raise BackupFailed(f"{file} was not restored, for there is something wrong with it. {finding}")
    with own_folder(data) as folder:
        log = folder / LOG_NAME
        new = folder / f".{LOG_NAME}.{secrets.token_hex(4)}.new"
        try:
            _make(new, folder)
            _copy(file, new, lambda _done, _total: None)
            _sync(new)
            kept = _set_aside(log) if log.exists() else None
            for extra in _beside(log):
                extra.unlink(
                    missing_ok=True
                )  # they are of the log that goes, and would spoil the one that comes
            new.rename(log)
            drop_index(folder / SEARCH_NAME)  # it is of the log that goes, too
            _sync(folder)
        finally:
            new.unlink(missing_ok=True)
    return kept


def _make(file: Path, folder: Path) -> None:
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        hand_over(descriptor, folder)
    finally:
        os.close(descriptor)


def _set_aside(log: Path) -> Path:
    """Give the log, and what SQLite keeps beside it, second names under which they stay."""
    number = 1
    while (kept := log.with_name(f"{log.name}.before-restore-{number}")).exists():
        number += 1
    for file, name in zip((log, *_beside(log)), (kept, *_beside(kept)), strict=True):
        if file.exists():
            os.link(file, name)
    return kept


def _beside(log: Path) -> tuple[Path, Path]:
    return Path(f"{log}-wal"), Path(f"{log}-shm")


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A file that gets the name `target`, which nothing has yet, when the block has ended well."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    _refuse_existing(target)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupFailed(
            f"no backup was made: {part.parent} cannot be written ({error.strerror})"
        ) from error
    try:
        yield part
        _sync(part)
        _name(part, target)
        _sync(part.parent)
    finally:
        for leftover in (part, *_beside(part)):
            leftover.unlink(missing_ok=True)


def _name(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except FileExistsError:
        _refuse_existing(target)
    except OSError:
        # A file system without hard links; on one, two backups of one name at once are not told apart.
        _refuse_existing(target)
        part.rename(target)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise BackupFailed(
            f"{target} is there already, and no backup overwrites anything: choose another name"
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

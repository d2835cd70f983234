"""Writing a lot into a log that nobody else has open: one transaction, whole or not at all."""

import contextlib
import secrets
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

from syncchat.log.file import explain, open_file, transaction
from syncchat.log.names import check_doc
from syncchat.log.rows import pack, select


class Bulk:
    """What is inside the transaction of `bulk`; reads see what was appended before."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._writer = secrets.randbelow((1 << 63) - 1) + 1

    def read(self, doc: str) -> list[bytes]:
        """The updates of `doc` in their order; an unknown doc has none."""
        return [entry.data for entry in select(self._connection, doc=check_doc(doc))]

    def append(self, doc: str, update: bytes) -> None:
        """Add an update to the end of `doc`; large ones are packed as snapshots are."""
        self._connection.execute(
            "INSERT INTO entries (doc, writer, size, data) VALUES (?, ?, ?, ?)",
            (check_doc(doc), self._writer, len(update), pack(update)),
        )


@contextlib.contextmanager
def bulk(path: Path) -> Iterator[Bulk]:
    """Read and append to the log at `path`, which is made if there is none.

    When the block has ended well all of it is on disk; if it raises, or the process is killed, none
    of it is in the log. What is held in memory does not grow with it. Others who append meanwhile
    wait, and after some seconds fail: it is for a log that one process has for itself. Raises LogCorrupt,
    LogFailed.
    """
    writer, reader = open_file(path)
    with contextlib.closing(writer), contextlib.closing(reader):
        try:
            with transaction(writer):
                yield Bulk(writer)
        except (sqlite3.Error, zlib.error) as error:
            raise explain(path, error) from error

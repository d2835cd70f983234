"""Writing messages that came from elsewhere into a room's pages, whole or not at all."""

import json
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pycrdt import Doc, Map

from syncchat.core.bindings import encode_bindings
from syncchat.core.cover import CoverWriter
from syncchat.core.ids import check_name, cover_name, page_name
from syncchat.core.mentions import mentioned
from syncchat.core.page import MESSAGES, REACTIONS, STREAMS
from syncchat.core.schema import SERVER
from syncchat.core.store import Store
from syncchat.errors import SyncchatError
from syncchat.hub.limits import Limits
from syncchat.hub.owners import owners_stream
from syncchat.log.bulk import Bulk, bulk
from syncchat.porting.record import About, load_doc
from syncchat.porting.spool import Row, Spool

FULL = Limits()
"""What a page holds when the next one is begun, as for messages that are written here (H3)."""

CLIENT_ID_BITS = 53

Progress = Callable[[int, int], None]
"""Told how many messages are written, and how many there are."""


class ImportRefused(SyncchatError):
    """The messages do not fit into the room; the text says why, and nothing was written."""


class Imported(NamedTuple):
    """What an import did: messages it wrote, those that were there before, and the newest page's number."""

    written: int
    known: int
    newest: int


def _silent(_done: int, _all: int) -> None:
    """No progress is shown."""


def import_into(
    log: Path, room: str, spool: Spool, about: About | None = None, progress: Progress = _silent
) -> Imported:
    """Write the messages of a spool into a room of the log at `log`, behind those that are there.

    Those that are there already are left as they are. Nobody else may have the log open: hold the folder
    of its daemon (`syncchat_server.folder.own_folder`). It is one transaction: whatever happens, all
    of it is in the log or nothing is. Each author may change what is its own, as if it had written it
    here. `about` gives the room a title and a topic if it has none. Raises ImportRefused,
    InvalidName, LogError.
    """
    check_name(room, "room")
    with bulk(log) as batch:
        writer = _Writer(batch, room)
        known = writer.pass_over(spool)
        total = spool.count()
        if total == 0:
            return Imported(0, known, writer.number)
        _check_order(spool, writer.last, room)
        for done, row in enumerate(spool.rows()):
            if done % FULL.page_messages == 0:
                progress(done, total)
            writer.add(row)
        writer.finish(about)
        progress(total, total)
    return Imported(total, known, writer.number)


def _check_order(spool: Spool, last: str, room: str) -> None:
    early = spool.count_before(last)
    if early:
        raise ImportRefused(
            f"{early} messages are older than the newest of room {room!r}, and a room goes on at its end: "
            "import them into a room of their own. Nothing was imported"
        )


class _Writer:
    """The pages of a room, filled from the newest on; `number` is that of the page being filled."""

    def __init__(self, batch: Bulk, room: str) -> None:
        self._batch = batch
        self._room = room
        self._cover = CoverWriter(Store(load_doc(batch.read(cover_name(room)))))
        self._before = self._cover.store.doc.get_state()
        self._arrived: Counter[str] = Counter()
        self._messages = 0
        self._rows: list[Row] = []
        self._count = self._size = 0
        self.number = self._cover.newest
        self.last = ""
        """The newest message of the room."""

    def pass_over(self, spool: Spool) -> int:
        """Forget what the room has already; returns how many these were."""
        wanted = spool.count()
        for number in range(self._cover.first, self.number + 1):
            doc = load_doc(self._batch.read(page_name(self._room, number)))
            messages = list(doc.get(MESSAGES, type=Map).keys())
            ids = [*messages, *doc.get(STREAMS, type=Map).keys()]
            spool.drop(ids)
            self.last = max(self.last, *ids, "")
            self._count, self._size = len(messages), len(doc.get_update())
        if not self._cover.is_written:
            self._messages = self._count
        return wanted - spool.count()

    def add(self, row: Row) -> None:
        """Write a message; the next ones have later ids."""
        if self._count >= FULL.page_messages or self._size >= FULL.page_bytes:
            self._turn()
        self._rows.append(row)
        self._count += 1
        self._size += len(row.body) + sum(map(len, row.reactions))
        self._messages += 1
        if "@" in row.body:
            self._arrived.update(mentioned(str(json.loads(row.body).get("text", ""))))

    def finish(self, about: About | None) -> None:
        """Write the last page, and the cover that tells of all."""
        self._flush()
        self._cover.open_page(self.number)
        self._count_arrived()
        self._cover.save()
        if about is not None:
            self._introduce(about)
        doc = self._cover.store.doc
        self._append(cover_name(self._room), doc.client_id, doc.get_update(self._before))

    def _turn(self) -> None:
        self._flush()
        self._count_arrived()
        self.number += 1
        self._count = self._size = 0

    def _count_arrived(self) -> None:
        self._cover.arrived_at_once(self._messages, self._arrived)
        self._arrived.clear()
        self._messages = 0

    def _flush(self) -> None:
        if not self._rows:
            return
        doc: Doc[Any] = Doc(client_id=secrets.randbits(CLIENT_ID_BITS))
        with doc.transaction():
            messages, reactions = doc.get(MESSAGES, type=Map), doc.get(REACTIONS, type=Map)
            for row in self._rows:
                messages[row.id] = row.body
                for key in row.reactions:
                    reactions[key] = "1"
        self._append(page_name(self._room, self.number), doc.client_id, doc.get_update())
        self._rows.clear()

    def _append(self, doc: str, client: int, update: bytes) -> None:
        # Nobody can be the server, so nobody goes on under this client id (G5).
        self._batch.append(owners_stream(doc), encode_bindings({client: SERVER}))
        self._batch.append(doc, update)

    def _introduce(self, about: About) -> None:
        table = self._cover.store.table("about")
        for name, text in (("title", about.title), ("topic", about.topic)):
            if text and not table.get(name):
                table.set(name, text)

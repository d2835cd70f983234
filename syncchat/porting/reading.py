"""Where an export reads a room: in a log on this machine, or at a server."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio

from syncchat.core.cover import Cover
from syncchat.core.ids import check_name, cover_name, page_name
from syncchat.core.page import Page
from syncchat.core.store import Store
from syncchat.errors import SyncchatError
from syncchat.log import Log
from syncchat.log.file import looking
from syncchat.log.rows import select
from syncchat.peer import Peer
from syncchat.porting.exporting import exporting
from syncchat.porting.record import load_doc, load_page, read_about, records_of
from syncchat.replica import Replica

PATIENCE = 20.0
"""Seconds for which a server is waited for that does not answer."""

AHEAD = 4
"""Pages that are asked for before they are written: else each would cost a round trip."""

Progress = Callable[[int, int], None]
"""Told how many pages are done, and how many there are."""

Targets = Sequence[tuple[str, Path]]
"""Files to write, as (format, path)."""


class Exported(NamedTuple):
    """How many messages were written; `missing` pages are not in this copy of the room."""

    messages: int
    missing: int = 0


class NoSuchRoom(SyncchatError):
    """There is nothing of this room in the log."""


class NotSynced(SyncchatError):
    """The server has not said what it has of a doc; the text says why, as far as that is known."""


def export_local(log: Path, room: str, targets: Targets, progress: Progress) -> Exported:
    """Write what the log at `log`, which may be in use, has of a room; it is one moment of the log.

    One page is in memory at a time. Raises InvalidName, NoSuchRoom, LogError, ExportFailed.
    """
    with exporting(targets) as export, local_room(log, room) as local:
        export.begin(read_about(room, local.store))
        for page in local.pages(progress):
            export.page(records_of(page))
    return Exported(export.messages, local.missing)


class LocalRoom:
    """A room in a log on this machine: `read` gives the updates of a doc, `store` is its cover's."""

    def __init__(self, room: str, read: Callable[[str], list[bytes]]) -> None:
        self.room = room
        self.read = read
        self.store = Store(load_doc(read(cover_name(room))))
        self.cover = Cover(self.store)
        self.missing = 0
        """Pages so far that are not in this copy."""

    def pages(self, progress: Progress) -> Iterator[Page]:
        """The pages in their order; each is of no use any more when the next is asked for."""
        first, end = self.cover.first, self.cover.newest + 1
        for number in range(first, end):
            updates = self.read(page_name(self.room, number))
            self.missing += not updates and self.cover.is_written
            page = load_page(self.room, number, updates)
            yield page
            page.store.close()
            progress(number + 1 - first, end - first)


@contextmanager
def local_room(log: Path, room: str) -> Iterator[LocalRoom]:
    """A room in the log at `log`, which may be in use; it is one moment of the log.

    Raises InvalidName, NoSuchRoom, LogError.
    """
    check_name(room, "room")
    with looking(log) as connection:
        connection.execute("BEGIN")
        local = LocalRoom(room, lambda doc: [entry.data for entry in select(connection, doc=doc)])
        if not local.cover.is_written and not local.read(page_name(room, 0)):
            raise NoSuchRoom(f"there is no room {room!r} in {log}")
        yield local


async def export_served(peer: Peer, log: Log, room: str, targets: Targets, progress: Progress) -> Exported:
    """Write what a peer's server lets it read of a room; `log`, the peer's own, is rid of each page after it.

    A few pages are in memory at a time. Raises InvalidName, NotSynced, ExportFailed.
    """
    check_name(room, "room")
    store = (await open_synced(peer, cover_name(room))).store
    cover = Cover(store)
    with exporting(targets) as export:
        export.begin(read_about(room, store))
        number = cover.first
        while number <= cover.newest:  # which may go on while we are writing
            for ahead in range(number, min(number + AHEAD, cover.newest) + 1):
                await peer.open(page_name(room, ahead))
            name = page_name(room, number)
            replica = await open_synced(peer, name)
            export.page(records_of(Page(number, name, replica.store)))
            await peer.close(name)
            await log.drop(*(doc for doc in await log.docs() if doc.partition("#")[0] == name))
            number += 1
            progress(number - cover.first, cover.newest + 1 - cover.first)
    return Exported(export.messages)


async def open_synced(peer: Peer, name: str) -> Replica:
    """Open a doc, and return when it has all that the server has of it now.

    Raises NotSynced; then it is closed.
    """
    replica = await peer.open(name)

    def is_over() -> bool:
        status = peer.status
        # A link that breaks is made again; one that never came about is the address's fault.
        is_lasting = status.online or not status.bytes_in
        return replica.is_settled or (status.problem is not None and is_lasting)

    with anyio.move_on_after(PATIENCE):
        await peer.until(is_over)
    if not replica.is_settled:
        problem = peer.status.problem or "the server does not answer"
        await peer.close(name)
        raise NotSynced(f"{name} could not be read: {problem}")
    return replica

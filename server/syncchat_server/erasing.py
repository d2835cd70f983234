"""Erasing beside the log, and in the log of a daemon that does not run (H10)."""

from functools import partial
from pathlib import Path

import anyio.to_thread

from syncchat.core.grant import Claims, Role
from syncchat.hub import Hub
from syncchat.log import SqliteLog
from syncchat.search import drop_index
from syncchat_server.api.erasing import Aside, Erased
from syncchat_server.api.history import Place
from syncchat_server.api.rooms import Rooms
from syncchat_server.auth import OpenAuthority
from syncchat_server.folder import LOG_NAME, OUTBOX_NAME, SEARCH_NAME, own_folder


def waiting_for_webhooks(data: Path) -> Aside:
    """What takes a message out of what webhooks are still to be told, in the folder `data`."""

    async def forget(_page: str, id: str) -> None:
        outbox = data / OUTBOX_NAME
        if outbox.exists():
            from syncchat_server.webhooks.outbox import forget_message  # it brings an HTTP client

            await anyio.to_thread.run_sync(partial(forget_message, outbox, id))

    return forget


async def erase_in(data: Path, room: str, place: Place, by: str) -> Erased:
    """Erase a message of a daemon that does not run, in the name of the moderator `by`.

    The index of the search goes with it, and is built again. Raises FolderUnusable if a daemon
    runs there, LogError, OSError, and Problem if there is no such message.
    """
    with own_folder(data) as folder:
        drop_index(folder / SEARCH_NAME)
        log = SqliteLog(folder / LOG_NAME)
        async with Hub(log, authorize=OpenAuthority()) as hub, Rooms(hub, log) as rooms:
            rooms.eraser.also("what waits for webhooks", waiting_for_webhooks(folder))
            return await rooms.eraser.erase(Claims(by, ((room, Role.MODERATOR),)), room, place)

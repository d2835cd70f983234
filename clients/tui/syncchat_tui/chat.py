"""The entry of the client: enters a room, gives it a screen, and leaves both in order."""

import asyncio
import sys

import anyio

from syncchat.core.ids import check_name
from syncchat.errors import SyncchatError
from syncchat.peer import Peer
from syncchat_tui.app import ChatApp
from syncchat_tui.locations import log_path

BAD_INPUT = 2
"""The exit code for what the user has to change: a name, a folder, a damaged file."""


def run_chat(room: str, *, server: str | None, name: str, data: str | None) -> int:
    """Show a room until the user leaves; return the exit code of the process.

    `server` is None to stay on this machine; `data` the folder of the log, None for the user's own.
    What keeps it from starting is told in one line on stderr, before the screen is taken, and BAD_INPUT
    returned.
    """
    try:
        check_name(room, "room")
        peer = Peer(log_path(data), user=check_name(name), server=server)
    except (SyncchatError, OSError, ValueError) as error:
        return _refuse(error)
    try:
        return asyncio.run(_chat(room, peer, server=server is not None))
    except* (SyncchatError, OSError) as errors:
        _refuse(errors)
    return BAD_INPUT


async def _chat(room: str, peer: Peer, *, server: bool) -> int:
    async with peer:
        return await show(ChatApp(await peer.enter(room), peer, server=server))


async def show(app: ChatApp, *, headless: bool = False) -> int:
    """Run the app; whatever ends the caller's task meanwhile, the terminal is given back first."""
    screen = asyncio.create_task(app.run_async(headless=headless))
    try:
        return await asyncio.shield(screen) or 0
    finally:
        app.exit()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([screen])


def _refuse(error: BaseException) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    sys.stderr.write(f"syncchat: {' '.join(str(error).split()) or type(error).__name__}\n")
    return BAD_INPUT

"""The entry of the client: enters a room, gives it a screen, and leaves both in order."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import anyio

from syncchat.collector import calm_collector
from syncchat.core.ids import check_name
from syncchat.errors import SyncchatError
from syncchat.log import SqliteLog
from syncchat.peer import Peer, Token
from syncchat_tui.app import ChatApp
from syncchat_tui.catching_up import CatchUp
from syncchat_tui.directory import Directory
from syncchat_tui.locations import INDEX_NAME, log_path
from syncchat_tui.searching import Finder

BAD_INPUT = 2
"""The exit code for what the user has to change: a name, a folder, a damaged file."""


class NoTerminal(SyncchatError):
    """The client's input or output is no terminal."""


def run_chat(
    room: str, *, server: str | None, name: str, data: str | None, token: Token | None = None
) -> int:
    """Show a room, and others that the user goes to, until it is left; return the exit code of the process.

    `server` is None to stay on this machine; `data` the folder of the log, None for the user's own;
    `token` is what the server asks for, or tells it anew whenever it is asked.
    What keeps it from starting is told in one line on stderr, before the screen is taken, and BAD_INPUT
    returned.
    """
    try:
        check_name(room, "room")
        path = log_path(data)
        log = SqliteLog(path)
        peer = Peer(log=log, user=check_name(name), server=server, token=token)
    except (SyncchatError, OSError, ValueError) as error:
        return _refuse(error)
    try:
        bearer = (lambda: token or name) if isinstance(token, str | None) else token
        finder = Finder(log, path.with_name(INDEX_NAME), server=server, token=bearer)
        directory = Directory(log, peer.user, server=server, token=bearer)
        catch_up = None if server is None else CatchUp(server, bearer)
        return asyncio.run(_chat(room, peer, finder, directory, catch_up))
    except* (SyncchatError, OSError) as errors:
        _refuse(errors)
    return BAD_INPUT


async def _chat(room: str, peer: Peer, finder: Finder, directory: Directory, catch_up: CatchUp | None) -> int:
    async with peer, finder:
        app = ChatApp(
            await peer.enter(room),
            peer,
            server=catch_up is not None,
            search=finder,
            rooms=directory,
            catching_up=catch_up,
        )
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise NoTerminal("the client needs a terminal for its input and its output")
        calm_collector()
        return await show(app)


async def show(app: ChatApp, *, headless: bool = False) -> int:
    """Run the app and return its exit code; whatever ends it, the terminal is given back first.

    That holds for a signal and for the end of the caller's task alike.
    """
    with _ended_by_signals(app):
        screen = asyncio.create_task(app.run_async(headless=headless))
        try:
            await asyncio.shield(screen)
        finally:
            app.exit(return_code=app.return_code or 0)
            with anyio.CancelScope(shield=True):
                await asyncio.wait([screen])
    return app.return_code or 0


@contextmanager
def _ended_by_signals(app: ChatApp) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and sys.platform != "win32":  # where event loops cannot handle signals
                loop.add_signal_handler(number, partial(app.exit, return_code=128 + number))
                stack.callback(loop.remove_signal_handler, number)
        yield


def _refuse(error: BaseException) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    sys.stderr.write(f"syncchat: {' '.join(str(error).split()) or type(error).__name__}\n")
    return BAD_INPUT

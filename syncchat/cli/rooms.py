"""The verbs of a person in a room, and of the demo."""

import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import click

from syncchat.cli.common import DEFAULT_SERVER, extra, login, run_verb
from syncchat.cli.invitation import Invitation, bearer_of, is_link, parse_link

TOKEN_VARIABLE = "SYNCCHAT_TOKEN"
"""Where a client's token may be: command lines are kept in histories, and shown to everybody by `ps`."""

token_file_option = click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help=f"A file with the token that the daemon asks for. [default: {TOKEN_VARIABLE}]",
)


@click.command()
@click.argument("room")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address.")
@click.option("--name", default=None, help="Who you are, where no token says it. [default: your login]")
@click.option("--data", default=None, help="Folder of your own copy. [default: the user's data folder]")
@token_file_option
def chat(room: str, server: str, name: str | None, data: str | None, token_file: Path | None) -> None:
    """Open ROOM in the terminal; it works with and without the daemon.

    An invitation opens its room: give the link as ROOM, or `-` to be asked for it.
    """

    def work() -> int:
        with extra("tui"):
            from syncchat_tui.chat import run_chat
        link = click.prompt("The invitation's link", hide_input=True) if room == "-" else room
        token = token_source(token_file)
        where = Invitation(server, link, token())
        if is_link(link):
            where = parse_link(link)
            token = partial(str, where.token)
        user = bearer_of(where.token) if where.token else name or login()
        return run_chat(
            where.room, server=where.server, name=user, data=data, token=token if where.token else None
        )

    run_verb(work)


class _TokenFile:
    """The token in a file, as it is there now: whoever renews the file renews the token (U3)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = file.read_text(encoding="ascii").strip()

    def __call__(self) -> str:
        # A file that is just being replaced is no reason to be nobody.
        with contextlib.suppress(OSError, ValueError):
            self._last = self._file.read_text(encoding="ascii").strip() or self._last
        return self._last


def token_source(file: Path | None) -> Callable[[], str]:
    """What tells the token in a file, or in the environment; empty if there is none.

    Raises OSError, ValueError for a file that cannot be read.
    """
    if file is not None:
        return _TokenFile(file)
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    return lambda: given


@click.command()
@click.option(
    "--story/--terminal", default=None, help="Play the story by itself, or open the terminal client."
)
def demo(story: bool | None) -> None:
    """Show it: a daemon, an agent and a room, on this machine only."""

    def work() -> int:
        with extra("server"):
            from syncchat_server.demo import play, serve_for_terminal
        attached = sys.stdin.isatty() and sys.stdout.isatty()
        if story if story is not None else not attached:
            return anyio.run(play)
        with extra("tui"):
            from syncchat_tui.chat import run_chat
        with serve_for_terminal() as (address, folder):
            return run_chat("lobby", server=address, name=login(), data=str(folder))

    run_verb(work)

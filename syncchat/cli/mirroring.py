"""The verb that keeps full copies of rooms."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from syncchat.cli.common import DEFAULT_SERVER, run_verb
from syncchat.cli.porting import CLIENT_LOG, local_data_option, local_folder, progress_bar, user_and_token
from syncchat.cli.rooms import token_file_option, token_source
from syncchat.cli.stopping import stop_on_signal

if TYPE_CHECKING:
    from syncchat.peer import Peer, Token


@click.command()
@click.argument("rooms", nargs=-1, required=True, metavar="ROOM...")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address.")
@click.option("--name", default=None, help="Who you are, where no token says it. [default: your login]")
@click.option("--once", is_flag=True, help="Fetch what there is, and end: for cron.")
@local_data_option
@token_file_option
def mirror(
    rooms: tuple[str, ...],
    server: str,
    name: str | None,
    once: bool,
    data: Path | None,
    token_file: Path | None,
) -> None:
    """Keep a full copy of each ROOM on this machine, for chat, search and export without a network.

    It goes on until SIGTERM or Ctrl-C; what it has is kept, and the next time it fetches what is new.
    """

    def work() -> None:
        folder = local_folder(data)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        anyio.run(
            _mirror, folder / CLIENT_LOG, rooms, server, *user_and_token(name, token_source(token_file)), once
        )

    run_verb(work)


async def _mirror(
    log: Path, rooms: Sequence[str], server: str, user: str, token: "Token | None", once: bool
) -> None:
    from syncchat.peer import Peer

    async with Peer(log, user=user, server=server, token=token) as peer, anyio.create_task_group() as tasks:
        await tasks.start(stop_on_signal, tasks.cancel_scope)
        if not once:
            for room in rooms:
                tasks.start_soon(_follow, peer, room)
            return
        for room in rooms:
            await _fetch(peer, room)
        tasks.cancel_scope.cancel()


async def _fetch(peer: "Peer", room: str) -> None:
    from syncchat.porting.mirroring import Mirror

    with progress_bar(room) as progress:
        pages = await Mirror(peer, room, progress).fetch()
    click.echo(f"syncchat: {room} is here, all {pages} pages of it")


async def _follow(peer: "Peer", room: str) -> None:
    from syncchat.porting.mirroring import Mirror

    told: str | None = None

    def tell(problem: str) -> None:
        nonlocal told
        if problem != told:
            click.echo(f"syncchat: {problem or f'{room} is here, and is followed'}")
        told = problem

    await Mirror(peer, room, lambda _done, _all: None).follow(tell)

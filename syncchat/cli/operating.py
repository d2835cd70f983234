"""The verbs for whoever runs a daemon: copies of its log, and a look at its health."""

import sys
from pathlib import Path

import anyio
import click

from syncchat.cli.common import extra, login, run_verb
from syncchat.cli.settings import DAEMON, config_option, data_folder, data_option
from syncchat.core.ids import check_name, parse_id

DAMAGED = 1
"""The exit code of doctor for a log in which something is wrong, and of erase if the text is not gone."""


@click.command(context_settings=DAEMON)
@config_option
@data_option
@click.argument("file", type=click.Path(path_type=Path))
def backup(data: Path | None, file: Path) -> None:
    """Copy the daemon's log to FILE, a new one; the daemon may be running."""

    def work() -> None:
        with extra("server"):
            from syncchat_server.backup import back_up
            from syncchat_server.folder import LOG_NAME
        back_up(data_folder(data) / LOG_NAME, file, _tell_progress)
        click.echo(f"syncchat: {file} holds everything that was acknowledged before ({_size(file)})")

    run_verb(work)


def _tell_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{100 * done // max(1, total):3d} %", nl=done == total, err=True)


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


@click.command(context_settings=DAEMON)
@config_option
@data_option
@click.option("--damaged", is_flag=True, help="Restore it although doctor finds something in its docs.")
@click.argument("file", type=click.Path(path_type=Path))
def restore(data: Path | None, file: Path, damaged: bool) -> None:
    """Put a backup in the place of the log of a daemon that does not run; the old log is kept."""

    def work() -> None:
        with extra("server"):
            from syncchat_server.backup import restore as put_back
        kept = put_back(file, data_folder(data), damaged=damaged)
        click.echo(
            f"syncchat: {data_folder(data)} is as {file} has it" + (f"; before: {kept}" if kept else "")
        )

    run_verb(work)


@click.command(context_settings=DAEMON)
@config_option
@data_option
@click.option("--page", type=click.IntRange(0), help="The page that the message stands on, if you know it.")
@click.option("--by", metavar="USER", help="Who deletes it, as others see it. [default: your login]")
@click.argument("room")
@click.argument("id")
def erase(data: Path | None, page: int | None, by: str | None, room: str, id: str) -> None:
    """Take a message out of the log of a daemon that does not run: its text is gone from the files.

    Where the daemon runs, a moderator does it over HTTP (docs/http.md).
    """

    def work() -> int:
        with extra("server"):
            from syncchat_server.api.erasing import BEYOND
            from syncchat_server.api.history import Place
            from syncchat_server.erasing import erase_in
        parse_id(id)
        user = check_name(by or login(), "user")
        erased = anyio.run(erase_in, data_folder(data), check_name(room, "room"), Place(page, id), user)
        click.echo(f"syncchat: {id} on page {erased.page} is erased: {', '.join(erased.reached)}")
        for what in BEYOND:
            click.echo(f"out of reach: {what}", err=True)
        for what in erased.left:
            click.echo(f"syncchat: the text is still in {what}", err=True)
        return DAMAGED if erased.left else 0

    run_verb(work)


@click.command(context_settings=DAEMON)
@config_option
@data_option
def doctor(data: Path | None) -> None:
    """Verify the daemon's log, and change nothing: it may be running.

    Each finding is a line with the cause and the remedy; then the exit code is 1.
    """

    def work() -> int:
        with extra("server"):
            from syncchat_server.doctor import examine, log_in
        log = log_in(data_folder(data))
        number = 0
        for finding in examine(log):
            number += 1
            click.echo(str(finding))
        if number:
            return DAMAGED
        click.echo(f"syncchat: {log} is sound")
        return 0

    run_verb(work)

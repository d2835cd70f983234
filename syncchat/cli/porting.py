"""The verbs that take rooms out of syncchat, and others' rooms in."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click
from platformdirs import user_data_dir

from syncchat.cli.common import extra, login, run_verb
from syncchat.cli.invitation import bearer_of
from syncchat.cli.rooms import token_file_option, token_source
from syncchat.cli.settings import DAEMON, config_option, data_folder, data_option

if TYPE_CHECKING:
    from syncchat.peer import Token
    from syncchat.porting.reading import Exported

CLIENT_LOG, DAEMON_LOG = "rooms.sqlite", "log.sqlite"
"""The log in a person's data folder, and in a daemon's."""

READING = 80
"""Percent of the time of an import that reading takes, and sorting; the rest is for writing."""

SUFFIXES = {"jsonl": ".jsonl", "markdown": ".md"}
"""The formats of an export, with the ends of their files' names."""

local_data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of the copy on this machine. [default: the user's data folder]",
)


@contextlib.contextmanager
def progress_bar(label: str, *, show_pos: bool = True) -> Iterator[Callable[[int, int], None]]:
    """What shows (done, all) as a bar on stderr, if that is a terminal."""
    with click.progressbar(
        length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty(), show_pos=show_pos
    ) as bar:

        def show(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        yield show


@click.command("export")
@click.argument("room")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file; `-` is stdout. [default: ROOM.jsonl, ROOM.md]"
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*SUFFIXES, "both"]),
    default="both",
    show_default=True,
    help="JSON Lines, Markdown, or a file of each.",
)
@click.option("--server", default=None, help="Read from this daemon, and not from this machine's copy.")
@click.option("--name", default=None, help="Who you are, where no token says it. [default: your login]")
@local_data_option
@token_file_option
def export_room(
    room: str,
    out: Path | None,
    form: str,
    server: str | None,
    name: str | None,
    data: Path | None,
    token_file: Path | None,
) -> None:
    """Write all of ROOM that you may read to files that need no syncchat to be read."""

    def work() -> None:
        from syncchat.porting.reading import export_local

        targets = _targets(room, out, form)
        with progress_bar("pages") as progress:
            if server is None:
                done = export_local(local_log(data), room, targets, progress)
            else:
                token = token_source(token_file)
                done = anyio.run(_export_served, server, room, name, token, targets, progress)
        _tell_exported(room, done, targets)

    run_verb(work)


def _targets(room: str, out: Path | None, form: str) -> list[tuple[str, Path]]:
    if form != "both":
        return [(form, out or Path(f"{room}{SUFFIXES[form]}"))]
    if out is not None and str(out) == "-":
        raise ValueError("one format fits on stdout: choose it with --format")
    return [(form, (out or Path(room)).with_suffix(suffix)) for form, suffix in SUFFIXES.items()]


def local_folder(data: Path | None) -> Path:
    """The folder of a person's own copies: the one given, or the user's own."""
    return data or Path(user_data_dir("syncchat", appauthor=False))


def local_log(data: Path | None) -> Path:
    """The log of this machine's copy, in the folder given or in the user's own. Raises ValueError."""
    folder = local_folder(data)
    logs = [folder / name for name in (CLIENT_LOG, DAEMON_LOG) if (folder / name).exists()]
    if not logs:
        raise ValueError(
            f"there is no copy of any room in {folder}: name its folder with --data, or a --server"
        )
    return logs[0]


def user_and_token(name: str | None, token: Callable[[], str]) -> "tuple[str, Token | None]":
    """Who connects, and with what token."""
    given = token()
    return (bearer_of(given), token) if given else (name or login(), None)


async def _export_served(
    server: str,
    room: str,
    name: str | None,
    token: Callable[[], str],
    targets: Sequence[tuple[str, Path]],
    progress: Callable[[int, int], None],
) -> "Exported":
    from syncchat.log import MemoryLog
    from syncchat.peer import Peer
    from syncchat.porting.reading import export_served

    user, bearer = user_and_token(name, token)
    log = MemoryLog()
    async with Peer(user=user, server=server, token=bearer, log=log) as peer:
        return await export_served(peer, log, room, targets, progress)


def _tell_exported(room: str, done: "Exported", targets: Sequence[tuple[str, Path]]) -> None:
    files = ", ".join(str(path) for _, path in targets if str(path) != "-") or "stdout"
    click.echo(f"syncchat: {done.messages} messages of {room} are in {files}", err=True)
    if done.missing:
        click.echo(
            f"syncchat: {done.missing} pages of it are not in this copy: export with --server, "
            "or have them by `syncchat mirror` first",
            err=True,
        )


@click.command("import", context_settings=DAEMON)
@config_option
@data_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", "jsonl", "irc", "slack"]),
    default="auto",
    show_default=True,
    help="What the files are: our JSON Lines, logs of irssi or WeeChat, a Slack export.",
)
@click.option("--channel", default="", help="The channel of a Slack export. [default: ROOM]")
@click.option(
    "--map",
    "table",
    type=click.Path(path_type=Path),
    help="A file of lines `name = user`: who somebody is here.",
)
@click.option(
    "--date", type=click.DateTime(["%Y-%m-%d"]), help="The day an IRC log begins, if its name does not tell."
)
@click.option(
    "--timezone", default="UTC", show_default=True, help="The zone of an IRC log's times (Europe/Berlin)."
)
@click.argument("room")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def import_room(
    data: Path | None,
    form: str,
    channel: str,
    table: Path | None,
    date: datetime | None,
    timezone: str,
    room: str,
    files: tuple[Path, ...],
) -> None:
    """Write the messages in FILES into ROOM of a daemon that does not run.

    Messages that are there already are left as they are, so importing again adds what is new.
    """

    def work() -> None:
        from syncchat.porting.authors import Authors, read_table
        from syncchat.porting.files import Source, import_files
        from syncchat.porting.input import Reading
        from syncchat.porting.irc import Dating

        with extra("server"):
            from syncchat_server.folder import LOG_NAME, hand_over, own_folder
        authors = Authors(read_table(table) if table else None)
        dating = Dating(date.date() if date else None, _zone(timezone))
        source = Source(files, form, channel, authors, dating)
        os.umask(0o077)  # as the daemon does: everybody's words are in the log
        with own_folder(data_folder(data)) as folder, progress_bar("import", show_pos=False) as show:
            reading = Reading(_share(show, sum(map(_size, files))))
            log = folder / LOG_NAME
            done = import_files(
                log,
                room,
                source,
                now=time.time_ns() // 1_000_000,
                reading=reading,
                progress=lambda written, total: show(READING + (100 - READING) * written // total, 100),
            )
            with log.open("rb") as file:
                hand_over(file.fileno(), folder)
        known = f"; {done.known} were there already" if done.known else ""
        skipped = f"; {reading.skipped} lines were no messages" if reading.skipped else ""
        click.echo(f"syncchat: {done.written} messages were imported into {room}{known}{skipped}", err=True)

    run_verb(work)


def _share(show: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """What shows reading as its share of an import, told of bytes as they are read."""
    read = shown = 0

    def tell(size: int) -> None:
        nonlocal read, shown
        read += size
        percent = min(READING, READING * read // max(1, total))
        if percent > shown:
            shown = percent
            show(percent, 100)

    return tell


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder; what cannot be read is told when it is to be."""
    with contextlib.suppress(OSError):
        files = path.rglob("*.json") if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files)
    return 0


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone is called {name[:40]!r}: write it as Europe/Berlin") from error

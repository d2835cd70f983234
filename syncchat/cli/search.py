"""The verb that finds messages: on this machine, or on a daemon."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from syncchat.cli.common import run_verb
from syncchat.cli.porting import local_data_option, local_log, progress_bar, user_and_token
from syncchat.cli.rooms import token_file_option, token_source
from syncchat.core.timestamps import time_text

if TYPE_CHECKING:
    from syncchat.search import Hit
    from syncchat.search.wire import Answer

INDEX_NAME = "search.sqlite"
"""The index, beside the log; it can be removed, and is built again."""


@click.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--server", default=None, help="Search on this daemon, and not in this machine's copy.")
@click.option("--name", default=None, help="Who you are, where no token says it. [default: your login]")
@local_data_option
@token_file_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100), help="How many at most.")
@click.option("--before", default=None, metavar="NEXT", help="Those before this: what an answer said last.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, as the daemon's HTTP API has it.")
def search(
    query: tuple[str, ...],
    server: str | None,
    name: str | None,
    data: Path | None,
    token_file: Path | None,
    limit: int,
    before: str | None,
    as_json: bool,
) -> None:
    """Find messages, the newest first: in all rooms of this machine's copy, also offline, or on a daemon.

    QUERY is words, '"a phrase"', begin*, author:ada, room:lobby, before:2026-11-21, after:2026-11-01T09:30
    (UTC), has:link; a message has all of them.
    """
    text = " ".join(query)

    def work() -> None:
        if server is None:
            answer = anyio.run(_search_here, local_log(data), text, limit, before)
        else:
            answer = anyio.run(_search_there, server, name, token_source(token_file), text, limit, before)
        _tell(answer, as_json=as_json)

    run_verb(work)


async def _search_here(log: Path, text: str, limit: int, before: str | None) -> "Answer":
    from syncchat.log import SqliteLog
    from syncchat.search import LocalSearch, parse
    from syncchat.search.wire import Answer

    parse(text)  # what cannot be meant is told before anything is made
    most = 0
    with progress_bar("reading pages") as progress:

        def show(remaining: int) -> None:
            nonlocal most
            most = max(most, remaining)
            progress(most - remaining, most)

        handle = SqliteLog(log)
        async with handle, LocalSearch(handle, log.with_name(INDEX_NAME)) as local:
            await local.update(show)
            return Answer(await local.search(text, limit=limit, before=before), local.complete)


async def _search_there(
    server: str, name: str | None, token: Callable[[], str], text: str, limit: int, before: str | None
) -> "Answer":
    from syncchat.search.remote import search_served

    user, bearer = user_and_token(name, token)
    return await search_served(server, user if bearer is None else token(), text, limit=limit, before=before)


def _tell(answer: "Answer", *, as_json: bool) -> None:
    from syncchat.search.wire import to_json

    if as_json:
        click.echo(json.dumps(to_json(answer), ensure_ascii=False, indent=2))
    else:
        for hit in answer.found.hits:
            click.echo(_line(hit))
        if not answer.found.hits:
            click.echo("syncchat: nothing was found", err=True)
        if answer.found.next is not None:
            click.echo(f"syncchat: there is more: --before {answer.found.next}", err=True)
    if not answer.complete:
        click.echo("syncchat: its index is still being built: some messages may be missing", err=True)


def _line(hit: "Hit") -> str:
    when = time_text(hit.time)[:16].replace("T", " ")
    user, id = click.style(hit.user, bold=True), click.style(hit.id, dim=True)
    return f"{when} {hit.room} {user}: {_shown(hit)}  {id}"


def _shown(hit: "Hit") -> str:
    """The snippet on one line, with what was found in colour if the terminal has any."""
    text, at = "", 0
    for begin, end in hit.marks:
        text += _plain(hit.snippet[at:begin]) + click.style(_plain(hit.snippet[begin:end]), fg="yellow")
        at = end
    return (text + _plain(hit.snippet[at:])).strip()


def _plain(text: str) -> str:
    """Nothing in it moves the cursor, or tells the terminal what to do."""
    return re.sub(r" +", " ", "".join(letter if letter.isprintable() else " " for letter in text))

"""The verb that tells what agents spent."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import click

from syncchat.cli.common import run_verb
from syncchat.cli.porting import user_and_token
from syncchat.cli.rooms import token_file_option, token_source

HEAD = ("agent", "room", "for", "model", "calls", "read", "written", "money")


@click.command()
@click.option("--server", required=True, help="The daemon whose agents spent it.")
@click.option("--name", default=None, help="Who you are, where no token says it. [default: your login]")
@token_file_option
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="A day of UTC. [default: today]")
def usage(server: str, name: str | None, token_file: Path | None, day: datetime | None) -> None:
    """What a daemon's agents spent on a day for you, and for everybody in rooms that you moderate."""

    def work() -> None:
        from syncchat.served import get_served

        token = token_source(token_file)
        user, bearer = user_and_token(name, token)
        query = {} if day is None else {"day": day.date().isoformat()}
        said = user if bearer is None else token()
        told = anyio.run(get_served, server, said, "/api/v1/usage", query)
        for line in _table(_rows(told["spent"], told["currency"])):
            click.echo(line)
        if not told["spent"]:
            click.echo(f"syncchat: nothing was spent on {told['day']}", err=True)

    run_verb(work)


def _rows(spent: list[dict[str, Any]], currency: str) -> Iterable[tuple[str, ...]]:
    """A row for each of the daemon's, and their sum."""
    from syncchat.agent.prices import shown

    for row in spent:
        money = "no price" if row["money"] is None else shown(Decimal(row["money"]), currency)
        numbers = (f"{row[name]:,}" for name in ("calls", "tokens_in", "tokens_out"))
        yield row["agent"], row["room"], row["user"] or "nobody", row["model"] or "?", *numbers, money
    if len(spent) > 1:
        sums = (f"{sum(row[name] for row in spent):,}" for name in ("calls", "tokens_in", "tokens_out"))
        money = shown(sum((Decimal(row["money"] or 0) for row in spent), Decimal(0)), currency)
        yield "all", "", "", "", *sums, money


def _table(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    """Lines with columns of one width; none without rows."""
    table = [HEAD, *rows]
    if len(table) == 1:
        return
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    for row in table:
        left = (cell.ljust(width) for cell, width in zip(row[:4], widths, strict=False))
        right = (cell.rjust(width) for cell, width in zip(row[4:], widths[4:], strict=True))
        yield "  ".join((*left, *right)).rstrip()

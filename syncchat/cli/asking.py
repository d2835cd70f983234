"""The verb that asks agents to stop, to answer again, or not to wait."""

from pathlib import Path

import anyio
import click

from syncchat.cli.common import DEFAULT_SERVER, run_verb
from syncchat.cli.porting import user_and_token
from syncchat.cli.rooms import token_file_option, token_source
from syncchat.core.ids import check_name


@click.command()
@click.argument("verb", type=click.Choice(["stop", "again", "now"]))
@click.argument("room")
@click.argument("id")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address.")
@click.option("--name", default=None, help="Who you are, where no token says it. [default: your login]")
@token_file_option
def ask(verb: str, room: str, id: str, server: str, name: str | None, token_file: Path | None) -> None:
    """Ask a ROOM's agents to stop an answer, to write it again, or to answer now what waits.

    ID is that of the answer; of the question with `now`, and `stop` takes either.
    """

    def work() -> None:
        from syncchat.served import get_served

        check_name(room, "room")
        token = token_source(token_file)
        user, bearer = user_and_token(name, token)
        said = user if bearer is None else token()
        path = f"/api/v1/rooms/{room}/ask"
        asked = {"verb": verb, "id": id}
        anyio.run(lambda: get_served(server, said, path, {}, body=asked))
        click.echo(f"syncchat: asked to {verb}; what comes of it shows in {room}")

    run_verb(work)

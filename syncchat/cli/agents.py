"""The verb of an agent that runs on its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from syncchat.cli.common import DEFAULT_SERVER, folder_of, make_models, model_options, run_verb
from syncchat.cli.invitation import bearer_of
from syncchat.cli.rooms import token_file_option, token_source
from syncchat.cli.stopping import stop_on_signal
from syncchat.core.ids import NAME, user_from_subject

if TYPE_CHECKING:
    from syncchat.agent import Model
    from syncchat.agent.resident import Part

LEAVING = 2.0
"""Seconds for which what it has written last may keep it from ending, where the daemon does not answer."""


@click.command()
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address.")
@click.option(
    "--room", "rooms", multiple=True, help="A room to take part in; may be repeated. [default: the persona's]"
)
@click.option("--name", default=None, help="The agent's name, if no file says it. [default: agent]")
@click.option(
    "--persona",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file that says who it is and how it behaves (docs/agent.md).",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of its own copy, and of its notebook. [default: the user's data folder]",
)
@token_file_option
@model_options
def agent(
    server: str,
    rooms: tuple[str, ...],
    name: str | None,
    persona: Path | None,
    data: Path | None,
    token_file: Path | None,
    base_url: str | None,
    model: str | None,
    judge_model: str | None,
) -> None:
    """Run an agent of its own in rooms of a daemon."""

    def work() -> None:
        token = token_source(token_file)
        if persona is None:
            part = _plain(name or "agent", token(), make_models(base_url, model, judge_model), rooms)
        else:
            if name or base_url or model or judge_model:
                raise click.UsageError(
                    "a persona's file says its name and its models: leave those options out"
                )
            part = _from_file(persona, token())
        folder = data or folder_of(f"agent-{part.persona.user}")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        anyio.run(_run, part, server, _rooms(part, rooms), folder, token)

    run_verb(work)


def _plain(name: str, token: str, models: "tuple[Model, Model]", rooms: tuple[str, ...]) -> "Part":
    from syncchat.agent.persona import Persona
    from syncchat.agent.resident import Part

    user = bearer_of(token) if token else user_from_subject(name)
    return Part(Persona(user, name, rooms=rooms), *models)


def _from_file(file: Path, token: str) -> "Part":
    from syncchat.agent.model import name_of
    from syncchat.agent.persona import BadPersona, read_persona
    from syncchat.agent.prices import Prices, check_priced
    from syncchat.agent.resident import Part, models_of
    from syncchat.agent.tools.history import TOOLS

    persona = read_persona(file, TOOLS)
    if token and bearer_of(token) != persona.user:
        raise BadPersona(
            f"{file}: user is {persona.user!r}, and the token is of {bearer_of(token)!r}; make them one"
        )
    models, prices = models_of(persona), persona.prices or Prices()
    check_priced(persona.user, persona.budget.in_money, map(name_of, models), prices)
    return Part(persona, *models, prices)


def _rooms(part: "Part", given: tuple[str, ...]) -> list[str]:
    """The rooms to be in; raises UsageError if none is named."""
    rooms = list(dict.fromkeys(given or (room for room in part.persona.rooms if NAME.match(room))))
    if not rooms:
        raise click.UsageError(
            "name the rooms to take part in: --room ROOM, or `rooms` in the persona's file"
        )
    return rooms


async def _run(part: "Part", server: str, rooms: list[str], folder: Path, token: Callable[[], str]) -> None:
    from syncchat.agent.notebook import Notebook
    from syncchat.agent.resident import Resident
    from syncchat.agent.tools.served_history import ServedHistory
    from syncchat.agent.whereabouts import Whereabouts
    from syncchat.peer import Peer

    persona = part.persona
    history = ServedHistory(server, lambda: token() or persona.user)
    async with (
        Notebook.open(folder / "notebook.sqlite", persona.budget, part.prices) as notebook,
        Resident.living(part, Whereabouts(persona, notebook), history) as resident,
        Peer(
            folder / "rooms.sqlite",
            user=persona.user,
            name=persona.name,
            server=server,
            token=token if token() else None,
        ) as peer,
    ):
        async with anyio.create_task_group() as tasks:
            await tasks.start(stop_on_signal, tasks.cancel_scope)
            for room in rooms:
                await tasks.start(partial(resident.live_in, peer, room))
                click.echo(f"syncchat: {persona.name} takes part in {room} on {server}; Ctrl-C ends it")
        # What it was writing is finished, and others are to see that.
        with anyio.move_on_after(LEAVING):
            await peer.settled()

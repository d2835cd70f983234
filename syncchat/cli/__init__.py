"""The command `syncchat` and its verbs; each verb loads only the packages it needs."""

import logging
import os

import click

from syncchat.cli.agents import agent
from syncchat.cli.asking import ask
from syncchat.cli.cases import cases
from syncchat.cli.manners import manners
from syncchat.cli.mirroring import mirror
from syncchat.cli.modelling import model_server
from syncchat.cli.operating import backup, doctor, erase, restore
from syncchat.cli.porting import export_room, import_room
from syncchat.cli.rooms import chat, demo
from syncchat.cli.search import search
from syncchat.cli.serving import serve
from syncchat.cli.tokens import invite, revoke, secret, token
from syncchat.cli.usage import usage

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

VERBS = (
    serve,
    chat,
    search,
    agent,
    ask,
    model_server,
    demo,
    secret,
    token,
    invite,
    revoke,
    backup,
    restore,
    doctor,
    erase,
    export_room,
    import_room,
    mirror,
    manners,
    cases,
    usage,
)
"""Every verb, in the order of its use."""


class _Command(click.Group):
    """The verbs in the order of their use, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="syncchat")
def main() -> None:
    """Chat rooms that people and AI agents share, on every copy, online or not."""
    level = os.environ.get("SYNCCHAT_LOG", "WARNING").upper()
    if level not in LOG_LEVELS:
        raise click.UsageError(f"SYNCCHAT_LOG is {level[:20]!r}: use one of {', '.join(LOG_LEVELS)}")
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    # Only our own tell more: other libraries' logs hold whole frames and addresses, thus texts and tokens.
    logging.getLogger("syncchat").setLevel(level)


for verb in VERBS:
    main.add_command(verb)

"""Where the daemon's settings come from: flags, then SYNCCHAT_* in the environment, then a TOML file.

click does the work: each option knows its variable, and the file is the options' default map.
"""

import os
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncchat.cli.common import SETTINGS_FILE, Setting, Verb, extra, folder_of

if TYPE_CHECKING:
    from syncchat.agent.budget import Budget
    from syncchat.agent.prices import Prices
    from syncchat_server.limits import DaemonLimits
    from syncchat_server.settings import Keep

DAEMON = {"auto_envvar_prefix": "SYNCCHAT"}
"""The context settings of a verb whose options are the daemon's settings."""

LIMITS = "SYNCCHAT_LIMIT"
"""Limits in the environment: `NAME=NUMBER`, with spaces between them."""

_TABLES = "syncchat.tables"


def _read_file(ctx: click.Context, _option: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    with extra("server"):
        from syncchat_server.settings import BadSetting, read_settings
    try:
        ctx.default_map, ctx.meta[_TABLES] = read_settings(path, _known_settings(ctx))
    except BadSetting as error:
        raise click.UsageError(str(error), ctx) from error
    ctx.meta[SETTINGS_FILE] = path


def _known_settings(ctx: click.Context) -> set[str]:
    """One file serves all verbs of the daemon: it may hold whatever `serve` takes."""
    verbs = ctx.find_root().command
    serve = verbs.get_command(ctx, "serve") if isinstance(verbs, click.Group) else None
    options = (serve or ctx.command).params
    return {option.name for option in options if isinstance(option, Setting)}


def limits_of(ctx: click.Context, given: Iterable[str]) -> "DaemonLimits":
    """The limits that `--limit` has given; those it has not are as its variable or the file has them.

    Raises BadSetting for what cannot be.
    """
    from syncchat_server.settings import make_limits, read_assignments

    limits = make_limits(*_table(ctx, "limits"))
    for texts, source in ((os.environ.get(LIMITS, "").split(), LIMITS), (given, "--limit")):
        limits = make_limits(read_assignments(texts, source), source, limits)
    return limits


def retention_of(ctx: click.Context) -> "dict[str, Keep]":
    """What rooms keep, as the file has it. Raises BadSetting for what cannot be."""
    from syncchat_server.settings import make_retention

    return make_retention(*_table(ctx, "retention"))


def budget_of(ctx: click.Context) -> "Budget":
    """What each agent may spend in a day, as the file has it. Raises BadSetting for what cannot be."""
    from syncchat_server.settings import make_budget

    return make_budget(*_table(ctx, "budget"))


def prices_of(ctx: click.Context) -> "Prices":
    """What models cost, as the file has it. Raises BadSetting for what cannot be."""
    from syncchat_server.settings import make_prices

    return make_prices(*_table(ctx, "prices"))


def _table(ctx: click.Context, name: str) -> tuple[dict[str, object], str]:
    """A table of the settings file, empty if there is none, and where the file is."""
    return ctx.meta.get(_TABLES, {}).get(name, {}), str(ctx.meta.get(SETTINGS_FILE, ""))


def limit_option(verb: Verb) -> Verb:
    """The option that sets limits by their names; see `limits_of`."""
    return click.option(
        "--limit",
        multiple=True,
        allow_from_autoenv=False,
        metavar="NAME=NUMBER",
        help=f"A limit by its name (docs/running.md has them); may be repeated. {LIMITS} takes several, too.",
    )(verb)


def data_folder(data: Path | None) -> Path:
    """The daemon's folder: the one given, or the user's own."""
    return data or folder_of("server")


def config_option(verb: Verb) -> Verb:
    """The option that names the settings file."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_read_file,
        help="A TOML file with settings by the names of these options, and tables (docs/running.md).",
    )(verb)


def data_option(verb: Verb) -> Verb:
    """The option that names the daemon's folder."""
    return click.option(
        "--data",
        cls=Setting,
        type=click.Path(path_type=Path),
        help="Folder of the log. [default: the user's data folder]",
    )(verb)


_AUTH = {
    "secret_file": "A file with the secret that tokens are signed with. [default: secret in the data folder]",
    "public_key": "A PEM file with the public key that tokens are signed for (RSA, P-256, Ed25519).",
    "jwks": "A JWKS file with public keys by their kid.",
}


def auth_options(verb: Callable[..., None]) -> Callable[..., None]:
    """The options that tell which tokens are believed; the verb gets them as one dict `auth`."""
    names = [*_AUTH, "issuer", "audience", "rooms_claim", "endless_tokens"]

    @wraps(verb)
    def collected(**options: Any) -> None:
        verb(auth={name: options.pop(name) for name in names}, **options)

    options = [
        click.option(f"--{name.replace('_', '-')}", cls=Setting, type=click.Path(path_type=Path), help=text)
        for name, text in _AUTH.items()
    ]
    options += [
        click.option("--issuer", cls=Setting, help="The issuer (iss) that tokens have to name."),
        click.option("--audience", cls=Setting, help="The audience (aud) that tokens have to name."),
        click.option(
            "--rooms-claim",
            cls=Setting,
            default="rooms",
            show_default=True,
            help="The claim that holds {pattern: role}.",
        ),
        click.option("--endless-tokens", cls=Setting, is_flag=True, help="Believe tokens that never expire."),
    ]
    for option in reversed(options):
        collected = option(collected)
    return collected

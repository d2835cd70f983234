"""Where the daemon's settings come from: flags, then SYNCCHAT_* in the environment, then a TOML file.

click does the work: each option knows its variable, and the file is the options' default map.
"""

from pathlib import Path

import click

from syncchat.cli.common import SETTINGS_FILE, Setting, Verb, extra, folder_of

DAEMON = {"auto_envvar_prefix": "SYNCCHAT"}
"""The context settings of a verb whose options are the daemon's settings."""

_TABLE = "syncchat.limits"


def _read_file(ctx: click.Context, _option: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    with extra("server"):
        from syncchat_server.settings import BadSetting, read_settings
    try:
        ctx.default_map, ctx.meta[_TABLE] = read_settings(path, _known_settings(ctx))
    except BadSetting as error:
        raise click.UsageError(str(error), ctx) from error
    ctx.meta[SETTINGS_FILE] = path


def _known_settings(ctx: click.Context) -> set[str]:
    """One file serves all verbs of the daemon: it may hold whatever `serve` takes."""
    verbs = ctx.find_root().command
    serve = verbs.get_command(ctx, "serve") if isinstance(verbs, click.Group) else None
    options = (serve or ctx.command).params
    return {option.name for option in options if isinstance(option, Setting) and option.name != "limit"}


def limits_in(ctx: click.Context) -> tuple[dict[str, object], str]:
    """The table [limits] of the settings file, and the file's name for errors."""
    return ctx.meta.get(_TABLE, {}), str(ctx.meta.get(SETTINGS_FILE, ""))


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
        help="A TOML file with settings by the names of these options, and [limits].",
    )(verb)


def data_option(verb: Verb) -> Verb:
    """The option that names the daemon's folder."""
    return click.option(
        "--data",
        cls=Setting,
        type=click.Path(path_type=Path),
        help="Folder of the log. [default: the user's data folder]",
    )(verb)

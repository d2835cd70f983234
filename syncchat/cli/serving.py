"""The verb that runs the daemon."""

import sys
from pathlib import Path

import anyio
import click

from syncchat.cli.common import DEFAULT_PORT, Setting, extra, make_models, model_options, run_verb
from syncchat.cli.settings import DAEMON, config_option, data_folder, data_option, limits_in


@click.command(context_settings=DAEMON)
@config_option
@click.option("--host", cls=Setting, default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    cls=Setting,
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0: any free one.",
)
@data_option
@click.option(
    "--agent/--no-agent", cls=Setting, default=True, show_default=True, help="An agent in every room."
)
@model_options
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    host: str,
    port: int,
    data: Path | None,
    agent: bool,
    base_url: str | None,
    model: str | None,
    judge_model: str | None,
) -> None:
    """Run the daemon: every room, stored in one log."""

    def work() -> None:
        with extra("server"):
            from syncchat_server.daemon import run_daemon
            from syncchat_server.settings import Settings, make_limits
        settings = Settings(
            host=host,
            port=port,
            data=data_folder(data),
            agent=make_models(base_url, model, judge_model) if agent else None,
            limits=make_limits(*limits_in(ctx)),
        )
        anyio.run(run_daemon, settings, _say_started, backend_options={"use_uvloop": sys.platform != "win32"})

    run_verb(work)


def _say_started(address: str) -> None:
    click.echo(f"syncchat: serving on {address}")

"""The verb that runs the daemon."""

import os
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import anyio
import click

from syncchat.cli.common import DEFAULT_PORT, Setting, extra, make_models, model_options, run_verb
from syncchat.cli.settings import (
    DAEMON,
    auth_options,
    budget_of,
    config_option,
    data_folder,
    data_option,
    limit_option,
    limits_of,
    prices_of,
    retention_of,
)


class Network(click.ParamType[str]):
    """An address, or a network like 10.0.0.0/8."""

    name = "network"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it; raises BadParameter."""
        try:
            return str(ip_network(str(value)))
        except ValueError as error:
            self.fail(f"{error}: write 10.0.0.0/8 or 192.0.2.7", param, ctx)


NETWORK = Network()


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
@click.option(
    "--agents",
    cls=Setting,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with further agents: each *.toml is one (docs/agent.md).",
)
@click.option(
    "--open", "open", cls=Setting, is_flag=True, help="Serve others without authentication all the same."
)
@click.option(
    "--allow-origin",
    cls=Setting,
    multiple=True,
    metavar="ORIGIN",
    help="The origin (https://HOST) of a web page that may connect and use the API; may be repeated.",
)
@click.option(
    "--allow-metrics",
    cls=Setting,
    type=NETWORK,
    multiple=True,
    metavar="NETWORK",
    help="A network (10.0.0.0/8) that may read /metrics, beside this machine; may be repeated.",
)
@click.option(
    "--webhooks",
    cls=Setting,
    type=click.Path(path_type=Path),
    help="A TOML file with [[webhooks]]: who is told of new messages (docs/http.md).",
)
@click.option(
    "--search/--no-search", cls=Setting, default=True, show_default=True, help="Full text search over HTTP."
)
@click.option(
    "--drain-seconds",
    cls=Setting,
    default=10,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="After SIGTERM it has ended within this time, whatever happens.",
)
@click.option(
    "--log-format",
    cls=Setting,
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How log lines are written to stderr; SYNCCHAT_LOG=INFO tells more of them.",
)
@limit_option
@auth_options
@model_options
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    host: str,
    port: int,
    data: Path | None,
    agent: bool,
    agents: Path | None,
    base_url: str | None,
    model: str | None,
    judge_model: str | None,
    open: bool,
    allow_origin: tuple[str, ...],
    allow_metrics: tuple[str, ...],
    webhooks: Path | None,
    search: bool,
    drain_seconds: int,
    log_format: str,
    limit: tuple[str, ...],
    auth: dict[str, Any],
) -> None:
    """Run the daemon: every room, stored in one log."""

    def work() -> None:
        with extra("server"):
            from syncchat.collector import calm_collector
            from syncchat_server.daemon import run_daemon
            from syncchat_server.logs import LogFormat, configure
            from syncchat_server.settings import AuthSettings, Settings
        from syncchat.agent.persona import read_personas
        from syncchat.agent.tools.history import TOOLS

        configure(LogFormat(log_format))
        os.umask(0o077)  # everybody's words are in its files, whoever may look into their folder
        settings = Settings(
            host=host,
            port=port,
            data=data_folder(data),
            agent=make_models(base_url, model, judge_model) if agent else None,
            personas=tuple(read_personas(agents, TOOLS)) if agents else (),
            limits=limits_of(ctx, limit),
            retention=retention_of(ctx),
            budget=budget_of(ctx),
            prices=prices_of(ctx),
            auth=AuthSettings(**auth),
            open=open,
            allow_origin=allow_origin,
            allow_metrics=allow_metrics,
            webhooks=webhooks,
            search=search,
            drain_seconds=drain_seconds,
        )
        calm_collector()
        anyio.run(run_daemon, settings, _say_started, backend_options={"use_uvloop": sys.platform != "win32"})

    run_verb(work)


def _say_started(address: str) -> None:
    click.echo(f"syncchat: serving on {address}")

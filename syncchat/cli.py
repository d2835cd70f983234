"""The command `syncchat` and its verbs; each verb loads only the packages it needs."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import anyio
import click
from platformdirs import user_data_dir

from syncchat.core.ids import user_from_subject
from syncchat.errors import SyncchatError

if TYPE_CHECKING:
    from syncchat.agent import Model

DEFAULT_PORT = 8040
DEFAULT_SERVER = f"ws://127.0.0.1:{DEFAULT_PORT}"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
BAD_INPUT = 2
"""The exit code for what the user has to change."""


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


def _folder(name: str) -> Path:
    return Path(user_data_dir("syncchat", appauthor=False)) / name


def _fail(error: BaseException) -> NoReturn:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    click.echo(f"syncchat: {' '.join(str(error).split()) or type(error).__name__}", err=True)
    sys.exit(BAD_INPUT)


def _run(work: Callable[[], int | None]) -> NoReturn:
    """Run a verb; what its user can mend is said in one line, and Ctrl-C is no error."""
    code = 0
    try:
        code = work() or 0
    except* (SyncchatError, OSError, ValueError, ImportError) as errors:
        _fail(errors)
    except* KeyboardInterrupt:
        code = 130
    sys.exit(code)


_Verb = TypeVar("_Verb", bound=Callable[..., None])


def _model_options(verb: _Verb) -> _Verb:
    """The options of a verb that runs an agent."""
    judge = click.option("--judge-model", help="The model that decides whether to speak. [default: the same]")
    model = click.option("--model", help="The model that answers.")
    url = click.option(
        "--base-url", help="An OpenAI-compatible endpoint for the agent. [default: the built-in model]"
    )
    return url(model(judge(verb)))


def _models(base_url: str | None, model: str | None, judge_model: str | None) -> "tuple[Model, Model]":
    """The model that answers, and the one that decides whether to."""
    from syncchat.agent import make_model

    return make_model(base_url, model), make_model(base_url, judge_model or model)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of the log. [default: the user's data folder]"
)
@click.option("--agent/--no-agent", default=True, show_default=True, help="An agent in every room.")
@_model_options
def serve(
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
        with _extra("server"):
            from syncchat_server.daemon import Settings, run_daemon
        models = _models(base_url, model, judge_model) if agent else None
        settings = Settings(host=host, port=port, data=data or _folder("server"), agent=models)
        anyio.run(run_daemon, settings, _say_started, backend_options={"use_uvloop": sys.platform != "win32"})

    _run(work)


def _say_started(address: str) -> None:
    click.echo(f"syncchat: serving on {address}")


@main.command()
@click.argument("room")
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address.")
@click.option("--name", default=None, help="Who you are. [default: your login]")
@click.option("--data", default=None, help="Folder of your own copy. [default: the user's data folder]")
def chat(room: str, server: str, name: str | None, data: str | None) -> None:
    """Open ROOM in the terminal; it works with and without the daemon."""

    def work() -> int:
        with _extra("tui"):
            from syncchat_tui.chat import run_chat
        return run_chat(room, server=server, name=name or _login(), data=data)

    _run(work)


def _login() -> str:
    import getpass

    try:
        return user_from_subject(getpass.getuser())
    except (OSError, KeyError):
        return "me"


@main.command()
@click.option("--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address.")
@click.option("--room", required=True, help="The room to take part in.")
@click.option("--name", default="agent", show_default=True, help="The agent's name.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of its own copy. [default: the user's data folder]",
)
@_model_options
def agent(
    server: str,
    room: str,
    name: str,
    data: Path | None,
    base_url: str | None,
    model: str | None,
    judge_model: str | None,
) -> None:
    """Run an agent of its own in a room of a daemon."""

    def work() -> None:
        answers, judges = _models(base_url, model, judge_model)
        folder = data or _folder(f"agent-{user_from_subject(name)}")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

        async def run() -> None:
            from syncchat.agent import Agent
            from syncchat.peer import Peer

            user = user_from_subject(name)
            async with Peer(folder / "rooms.sqlite", user=user, name=name, server=server) as peer:
                entered = await peer.enter(room)
                click.echo(f"syncchat: {name} takes part in {room} on {server}; Ctrl-C ends it")
                await Agent(entered, name=name, model=answers, judge_model=judges).run()

        anyio.run(run)

    _run(work)


@main.command()
@click.option(
    "--story/--terminal", default=None, help="Play the story by itself, or open the terminal client."
)
def demo(story: bool | None) -> None:
    """Show it: a daemon, an agent and a room, on this machine only."""

    def work() -> int:
        with _extra("server"):
            from syncchat_server.demo import play, serve_for_terminal
        attached = sys.stdin.isatty() and sys.stdout.isatty()
        if story if story is not None else not attached:
            return anyio.run(play)
        with _extra("tui"):
            from syncchat_tui.chat import run_chat
        with serve_for_terminal() as (address, folder):
            return run_chat("lobby", server=address, name=_login(), data=str(folder))

    _run(work)


class _extra:
    """Turns a missing optional package into the sentence that says how to get it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ModuleNotFoundError):
            raise ImportError(
                f"this verb needs the {self._name} extra: pip install 'syncchat[{self._name}]'"
            ) from error

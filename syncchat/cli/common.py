"""What the verbs share: how they end, how they are refused, and where their files are."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click
from click.core import ParameterSource
from platformdirs import user_data_dir

from syncchat.core.ids import user_from_subject
from syncchat.errors import SyncchatError

if TYPE_CHECKING:
    from syncchat.agent import Model

DEFAULT_PORT = 8040
DEFAULT_SERVER = f"ws://127.0.0.1:{DEFAULT_PORT}"
BAD_INPUT = 2
"""The exit code for what the user has to change."""

SETTINGS_FILE = "syncchat.settings_file"
"""Where a click context keeps the path of the TOML file that was read."""

Verb = TypeVar("Verb", bound=Callable[..., None])


class Setting(click.Option):
    """An option that tells where a value came from when it refuses it."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """The option's name, and its variable or the file if that is what was read."""
        hint = super().get_error_hint(ctx)
        source = ctx.get_parameter_source(self.name) if ctx is not None else None
        if ctx is not None and source is ParameterSource.ENVIRONMENT:
            return f"{hint} (from the environment: {self.envvar or f'SYNCCHAT_{self.name.upper()}'})"
        if ctx is not None and source is ParameterSource.DEFAULT_MAP:
            return f"{hint} (from {ctx.meta[SETTINGS_FILE]})"
        return hint


def folder_of(name: str) -> Path:
    """Where a program of this user keeps its files."""
    return Path(user_data_dir("syncchat", appauthor=False)) / name


def login() -> str:
    """The user's login as a user id."""
    import getpass

    try:
        return user_from_subject(getpass.getuser())
    except (OSError, KeyError):
        return "me"


def run_verb(work: Callable[[], int | None]) -> NoReturn:
    """Run a verb; what its user can mend is said in one line, and Ctrl-C is no error."""
    code = 0
    try:
        code = work() or 0
    except* (SyncchatError, OSError, ValueError, ImportError) as errors:
        _fail(errors)
    except* KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _fail(error: BaseException) -> NoReturn:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    click.echo(f"syncchat: {' '.join(str(error).split()) or type(error).__name__}", err=True)
    sys.exit(BAD_INPUT)


class extra:
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


def model_options(verb: Verb) -> Verb:
    """The options of a verb that runs an agent."""
    judge = click.option(
        "--judge-model", cls=Setting, help="The model that decides whether to speak. [default: the same]"
    )
    model = click.option("--model", cls=Setting, help="The model that answers.")
    url = click.option(
        "--base-url",
        cls=Setting,
        help="An OpenAI-compatible endpoint for the agent. [default: the built-in model]",
    )
    return url(model(judge(verb)))


def make_models(base_url: str | None, model: str | None, judge_model: str | None) -> "tuple[Model, Model]":
    """The model that answers, and the one that decides whether to."""
    from syncchat.agent import make_model

    return make_model(base_url, model), make_model(base_url, judge_model or model)

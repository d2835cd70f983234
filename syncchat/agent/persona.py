"""A persona: who an agent is, how it behaves and what it may do, as one TOML file says it (A24)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from typing import Any, Final, Literal

from syncchat.agent.budget import Budget
from syncchat.agent.policy.manners import BadManners, Manners
from syncchat.agent.prices import Prices, make_prices
from syncchat.agent.tables import BadTable, as_field, check_known, fields_of, fill
from syncchat.core.ids import NAME
from syncchat.errors import SyncchatError

MAX_PROMPT = 16_000
"""Characters of a persona's own text: each call of the model pays for it."""

MAX_PERSONAS = 32
"""Agents of one folder: each has its own copy of the rooms it is in."""

MAX_SERVERS = 8
"""MCP servers of one agent."""

MAX_TUNED = 64
"""Rooms, or patterns of rooms, for which a persona has manners of their own."""

EVERYWHERE: Final = ("*",)

_PATTERN: Final = re.compile(r"[A-Za-z0-9_*?\[\]!-]{1,80}\Z")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}\Z")

Summon = Literal["members", "moderators", "nobody"]


class BadPersona(SyncchatError, ValueError):
    """A persona that cannot be: the text names the file and the key, what is wrong, and what would do."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """A program that offers tools by MCP on its standard input and output.

    `command` is the program and its arguments, `env` what it finds in its environment beside the harmless
    rest. Each call needs an approval, except those of the tools in `free`. Only those in `only` are
    offered, if it names any.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Persona:
    """An agent as its file describes it.

    It writes as `user` and is shown as `name`; `prompt` is what its model is told of it. Without `model` it
    is the built-in one; `judge_model` (the same by default) decides whether to speak, and both are behind
    `base_url`, with the key that is in the environment variable `api_key_env`. It takes part by itself in the
    `rooms` (patterns) that somebody is in, and those whom `summon` names bring it into others, or send it
    away. `tools` are those built in that it may use. `tuned` has, by rooms or patterns, what is other there
    than in its `manners`. `prices` are those of an agent on its own; in a daemon they are the daemon's.
    """

    user: str
    name: str
    prompt: str = ""
    model: str | None = None
    judge_model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    rooms: tuple[str, ...] = EVERYWHERE
    summon: Summon = "members"
    tools: tuple[str, ...] = ()
    manners: Manners = field(default_factory=Manners)
    tuned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    prices: Prices | None = None
    mcp: Mapping[str, McpServer] = field(default_factory=dict)

    def lives_in(self, room: str) -> bool:
        """Whether it takes part in a room without being asked to."""
        return any(fnmatchcase(room, pattern) for pattern in self.rooms)

    def manners_in(self, room: str) -> Manners:
        """How it behaves in a room; where several patterns fit, what is said last counts."""
        fitting = (values for pattern, values in self.tuned.items() if fnmatchcase(room, pattern))
        return reduce(lambda manners, values: replace(manners, **values), fitting, self.manners)


_KEYS: Final[Mapping[str, Any]] = {
    "user": str,
    "name": str,
    "prompt": str,
    "model": str,
    "judge_model": str,
    "base_url": str,
    "api_key_env": str,
    "rooms": tuple[str, ...],
    "summon": Summon,
    "tools": tuple[str, ...],
}
_TABLES: Final = ("policy", "room", "budget", "prices", "mcp")


def read_personas(folder: Path, tools: Iterable[str] = ()) -> list[Persona]:
    """The personas of all `*.toml` in a folder, in the order of the files' names; see `read_persona`.

    Raises BadPersona, also if there is none, if there are more than MAX_PERSONAS, or two of one user.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise BadPersona(f"no persona in {folder}: put a file NAME.toml there (docs/agent.md)")
    if len(files) > MAX_PERSONAS:
        raise BadPersona(f"{folder} has {len(files)} personas: at most {MAX_PERSONAS} can run together")
    known, found = list(tools), dict[str, Path]()
    personas = []
    for file in files:
        persona = read_persona(file, known)
        if persona.user in found:
            raise BadPersona(
                f"{file}: user is {persona.user!r}, as in {found[persona.user]}; give each its own"
            )
        found[persona.user] = file
        personas.append(persona)
    return personas


def read_persona(path: Path, tools: Iterable[str] = ()) -> Persona:
    """The persona in a TOML file; `tools` are the names of those built in.

    Raises BadPersona for a file that cannot be read, an unknown key, and a value that cannot be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPersona(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadPersona(f"{path} is no TOML: {error}") from error
    try:
        return make_persona(table, tools)
    except BadTable as error:
        raise BadPersona(f"{path}: {error}") from error


def make_persona(table: Mapping[str, object], tools: Iterable[str] = ()) -> Persona:
    """The persona that a table describes. Raises BadTable, which names the key."""
    check_known(table, [*_KEYS, *_TABLES], "a persona")
    values = {key: as_field(table[key], hint, key) for key, hint in _KEYS.items() if key in table}
    if "user" not in values:
        raise BadTable("user is missing; write the id that it writes under, 1 to 40 of A-Z a-z 0-9 _ -")
    user = values["user"]
    if not NAME.match(user):
        raise BadTable(f"user is {user[:40]!r}; it has to be 1 to 40 of A-Z a-z 0-9 _ -")
    values.setdefault("name", user)
    _check(values, list(tools))
    manners = fill(Manners, table.get("policy", {}), "[policy]")
    return Persona(
        **values,
        manners=manners,
        tuned=_tuned(manners, table.get("room", {})),
        budget=fill(Budget, table.get("budget", {}), "[budget]"),
        prices=_prices(table.get("prices")),
        mcp=_servers(table.get("mcp", {})),
    )


def _check(values: Mapping[str, Any], tools: list[str]) -> None:
    if not values["name"].strip():
        raise BadTable("name is empty; write what people shall see, or leave it out")
    if len(values.get("prompt", "")) > MAX_PROMPT:
        raise BadTable(f"prompt has more than {MAX_PROMPT} characters; each call of the model pays for it")
    idle = sorted(values.keys() & {"base_url", "judge_model", "api_key_env"})
    if "model" not in values and idle:
        raise BadTable(f"model is missing; name the one that answers, or leave {' and '.join(idle)} out")
    if not _VARIABLE.match(values.get("api_key_env", "KEY")):
        # What stands there may be a key, and is shown to nobody.
        raise BadTable(
            "api_key_env is no name of an environment variable (A-Z a-z 0-9 _); the key itself stands in "
            "that variable, and never in this file"
        )
    unknown = next((tool for tool in values.get("tools", ()) if tool not in tools), None)
    if unknown is not None:
        raise BadTable(f"tools has {unknown[:40]!r}; there are {', '.join(tools)}")


def _prices(table: object) -> Prices | None:
    if table is None:
        return None
    if not isinstance(table, Mapping):
        raise BadTable("[prices] has to be a table with in and out for each model")
    try:
        return make_prices(table, "[prices]")
    except ValueError as error:
        raise BadTable(str(error)) from error


def _tuned(manners: Manners, table: object) -> dict[str, dict[str, Any]]:
    if not isinstance(table, Mapping) or not all(isinstance(value, Mapping) for value in table.values()):
        raise BadTable('[room.NAME] has to be a table with keys of [policy]; a pattern as in [room."team-*"]')
    if len(table) > MAX_TUNED:
        raise BadTable(f"[room] has {len(table)} rooms; at most {MAX_TUNED} can be tuned: use patterns")
    tuned = {}
    for pattern, value in table.items():
        where = f"[room.{pattern[:40]}]"
        if not _PATTERN.match(pattern):
            raise BadTable(f"{where}: a room is 1 to 40 of A-Z a-z 0-9 _ -, or a pattern like team-*")
        tuned[pattern] = fields_of(Manners, value, where)
        try:
            replace(manners, **tuned[pattern])
        except BadManners as error:
            raise BadTable(f"{where}: {error}") from error
    return tuned


def _servers(table: object) -> dict[str, McpServer]:
    if not isinstance(table, Mapping):
        raise BadTable("[mcp.NAME] has to be a table with a command")
    if len(table) > MAX_SERVERS:
        raise BadTable(f"[mcp] has {len(table)} servers; at most {MAX_SERVERS} can run beside an agent")
    return {name: _server(name, value) for name, value in table.items()}


def _server(name: str, table: object) -> McpServer:
    where = f"[mcp.{name}]"
    if not NAME.match(name):
        raise BadTable(f"{where}: a server's name is 1 to 40 of A-Z a-z 0-9 _ -")
    if not isinstance(table, Mapping) or not table.get("command"):
        raise BadTable(f'{where} command is missing; write it as a list: ["program", "argument"]')
    env = table.get("env", {})
    if not isinstance(env, Mapping) or not all(isinstance(value, str) for value in env.values()):
        raise BadTable(f"{where} env has to be a table of texts")
    server = fill(McpServer, {key: value for key, value in table.items() if key != "env"}, where)
    return McpServer(server.command, dict(env), server.free, server.only)

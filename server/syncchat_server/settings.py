"""What a daemon needs to know, as one value; and limits by their names."""

import math
import tomllib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from syncchat.agent import Model
from syncchat.agent.budget import Budget
from syncchat.agent.persona import Persona
from syncchat.agent.prices import Prices
from syncchat.agent.prices import make_prices as prices_of
from syncchat.agent.tables import fill
from syncchat.core.ids import NAME
from syncchat.errors import SyncchatError
from syncchat_server.limits import DaemonLimits


class BadSetting(SyncchatError):
    """A setting that cannot be: the text names it, where it came from, and what would do."""


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Which tokens are believed: at most one of the three kinds of keys, and what is checked beside them.

    Without any key the data folder's own secret serves, if it has one.
    """

    secret_file: Path | None = None
    public_key: Path | None = None
    jwks: Path | None = None
    issuer: str | None = None
    audience: str | None = None
    rooms_claim: str = "rooms"
    """The claim that holds the rooms: some providers want a name of the form `https://...`."""
    endless_tokens: bool = False
    """Whether a token without `exp` is believed."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What a room keeps; a page goes when one of the two lets it go, and the newest never does.

    By `days` the pages stay that have a message as young as that, and all after them; by `messages`
    the newest ones that together hold so many. None means for ever.
    """

    days: float | None = None
    messages: int | None = None


EVERY_ROOM: Final = "*"
"""In place of a room's name: all that have no setting of their own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a daemon needs to know; whoever makes one has found the values (flags, environment, file).

    `agent` is the model and the judge's model of the built-in persona, None for no such agent. `open`
    insists on serving others without authentication.
    """

    host: str
    port: int
    data: Path
    agent: tuple[Model, Model] | None = None
    personas: tuple[Persona, ...] = ()
    """Further agents; one that writes as the built-in one does takes its place."""
    limits: DaemonLimits = field(default_factory=DaemonLimits)
    auth: AuthSettings = field(default_factory=AuthSettings)
    open: bool = False
    allow_origin: tuple[str, ...] = ()
    allow_metrics: tuple[str, ...] = ()
    """Networks that may read the metrics, beside this machine."""
    webhooks: Path | None = None
    """The file with the webhooks."""
    search: bool = True
    """Whether messages can be searched for."""
    retention: Mapping[str, Keep] = field(default_factory=dict)
    """What rooms keep, by their names; a room that is not there keeps everything."""
    budget: Budget = field(default_factory=Budget)
    """What each agent may spend in a day, unless its persona has a budget of its own."""
    prices: Prices = field(default_factory=Prices)
    """What models cost."""
    drain_seconds: int = 10
    """Seconds after SIGTERM within which the daemon has ended, whatever happens."""


TABLES: Final[Mapping[str, str]] = {
    "limits": "a table of names and numbers",
    "retention": "a table with days or messages",
    "budget": "a table of names and numbers",
    "prices": "a table with a currency, and a table with in and out for each model",
}
"""The tables that a settings file may have beside its settings, and what each of them is."""


class Read(NamedTuple):
    """What stands in a TOML file: the settings, and its tables by their names (TABLES), or empty ones."""

    settings: dict[str, object]
    tables: dict[str, dict[str, object]]


def read_settings(path: Path, known: AbstractSet[str]) -> Read:
    """The settings in a TOML file.

    Raises BadSetting for what cannot be read, and for a name that is not in `known`.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"the settings file {path} cannot be read: {error.strerror} (--config)") from error
    except ValueError as error:
        raise BadSetting(f"the settings file {path} is no TOML: {error} (--config)") from error
    tables = {name: table.pop(name, {}) for name in TABLES}
    for name, what in TABLES.items():
        if not isinstance(tables[name], dict):
            raise BadSetting(f"[{name}] in {path} has to be {what}")
    unknown = sorted(table.keys() - known)
    if unknown:
        names = ", ".join(sorted(known))
        raise BadSetting(
            f"no setting is called {unknown[0]!r} ({path}); there are {names}, "
            "[limits], [retention.ROOM], [budget] and [prices]"
        )
    return Read(table, tables)


def make_limits(table: Mapping[str, object], source: str, base: DaemonLimits | None = None) -> DaemonLimits:
    """The limits of `base`, or the usual ones, with some of them set by name.

    `source` is where the table came from, for errors. Raises BadSetting for a name or a value that
    cannot be.
    """
    values: dict[str, Any] = {name: _limit(name, value, source) for name, value in table.items()}
    return replace(base or DaemonLimits(), **values)


def make_retention(table: Mapping[str, object], source: str) -> dict[str, Keep]:
    """What rooms keep, by their names. Raises BadSetting for what cannot be."""
    return {room: _keep(room, value, source) for room, value in table.items()}


def make_budget(table: Mapping[str, object], source: str) -> Budget:
    """What each agent may spend in a day. Raises BadSetting for what cannot be."""
    try:
        return fill(Budget, table, f"[budget] in {source}")
    except ValueError as error:
        raise BadSetting(str(error)) from error


def make_prices(table: Mapping[str, object], source: str) -> Prices:
    """What models cost. Raises BadSetting for what cannot be."""
    try:
        return prices_of(table, f"[prices] in {source}")
    except ValueError as error:
        raise BadSetting(str(error)) from error


def _keep(room: str, value: object, source: str) -> Keep:
    where = f"[retention.{room}] in {source}"
    if room != EVERY_ROOM and not NAME.match(room):
        raise BadSetting(f'{where}: {room!r} is no room; write its name, or "*" for all others')
    if not isinstance(value, dict) or not value.keys() <= {"days", "messages"}:
        raise BadSetting(f"{where} may have days and messages, and nothing else")
    days, messages = value.get("days"), value.get("messages")
    if days is not None and (type(days) not in (int, float) or not 0 < days < math.inf):
        raise BadSetting(f"{where}: days is {days!r}; it has to be a number over 0")
    if messages is not None and (type(messages) is not int or messages < 1):
        raise BadSetting(f"{where}: messages is {messages!r}; it has to be a whole number over 0")
    return Keep(days, messages)


def read_assignments(texts: Iterable[str], source: str) -> dict[str, object]:
    """The table that texts of the form `NAME=VALUE` are. Raises BadSetting."""
    try:
        return tomllib.loads("\n".join(text.replace("\n", " ") for text in texts))
    except ValueError as error:
        raise BadSetting(f"a limit is set as NAME=NUMBER, each name once ({source}): {error}") from error


def _limit(name: str, value: object, source: str) -> float:
    kinds = {known.name: known.type for known in fields(DaemonLimits)}
    if name not in kinds:
        raise BadSetting(f"no limit is called {name!r} ({source}); there are {', '.join(sorted(kinds))}")
    whole = kinds[name] in (int, "int")
    number = isinstance(value, int) or (isinstance(value, float) and not whole)
    if isinstance(value, bool) or not number or not 0 <= cast(float, value) < math.inf:
        what = "a whole number" if whole else "a number"
        raise BadSetting(f"the limit {name} is {value!r} ({source}); it has to be {what}, 0 or more")
    return cast(float, value)

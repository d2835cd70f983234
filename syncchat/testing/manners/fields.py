"""Reads the fields of a JSON object, each with an error that names it."""

from collections.abc import Collection, Mapping

from syncchat.agent.lines import Who
from syncchat.core.ids import check_name


def json_object(value: object, what: str) -> dict[str, object]:
    """An object. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is a JSON object")
    return value


def keys(fields: Mapping[str, object], needs: Collection[str], may: Collection[str]) -> None:
    """That all that is needed is there, and nothing that nobody would read. Raises ValueError."""
    if missing := [key for key in sorted(needs) if key not in fields]:
        raise ValueError(f"{missing[0]} is missing")
    if unknown := [key for key in fields if key not in needs and key not in may]:
        raise ValueError(f"nothing here is called {unknown[0]!r}")


def text(value: object, what: str) -> str:
    """A string. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is a string")
    return value


def texts(value: object, what: str) -> tuple[str, ...]:
    """A list of strings. Raises ValueError."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{what} is a list of strings")
    return tuple(value)


def number(value: object, what: str) -> float:
    """A number of seconds. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(f"{what} is a number of seconds, 0 or more")
    return float(value)


def flag(value: object, what: str) -> bool:
    """True or false. Raises ValueError."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} is true or false")
    return value


def one_of(value: object, allowed: Collection[str], what: str) -> str:
    """One of a few words. Raises ValueError."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{what} is one of {', '.join(allowed)}; not {value!r}")
    return value


def user_id(value: object) -> str:
    """A user id. Raises ValueError."""
    return check_name(text(value, "author"), "author")


def who(value: object) -> Who:
    """The agent: its user id and its name. Raises ValueError."""
    fields = json_object(value, "me")
    keys(fields, {"user", "name"}, ())
    return Who(user_id(fields["user"]), text(fields["name"], "name"))

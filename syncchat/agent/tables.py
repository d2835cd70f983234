"""From a table of a TOML file to a frozen dataclass, field by field; what cannot be is told by its key."""

import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from syncchat.errors import SyncchatError

Made = TypeVar("Made")


class BadTable(SyncchatError, ValueError):
    """A table that cannot be meant: the text names the key, what is wrong with it, and what would do."""


def check_known(table: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Raise BadTable for a key that is not `known`; `where` says in which table."""
    names = sorted(known)
    unknown = sorted(table.keys() - set(names))
    if unknown:
        raise BadTable(f"{where} has no {unknown[0][:40]!r}; there are {', '.join(names)}")


def fill(kind: type[Made], table: object, where: str) -> Made:
    """A `kind`, which is a dataclass, with the fields that stand in `table`; the others are as by default.

    Raises BadTable for what is no table, for an unknown name and for a value that its field cannot take;
    what `kind` itself refuses with a ValueError is told as such.
    """
    values = fields_of(kind, table, where)
    try:
        return kind(**values)
    except ValueError as error:
        raise BadTable(f"{where}: {error}") from error


def fields_of(kind: type[Any], table: object, where: str) -> dict[str, Any]:
    """Those fields of a `kind` that stand in `table`. Raises BadTable, but not for what `kind` refuses."""
    if not isinstance(table, Mapping):
        raise BadTable(f"{where} has to be a table")
    hints = get_type_hints(kind)
    check_known(table, [field.name for field in fields(kind) if field.init], where)
    return {name: as_field(value, hints[name], f"{where} {name}") for name, value in table.items()}


def as_field(value: object, hint: Any, where: str) -> Any:
    """`value` as a field of the type `hint` takes it. Raises BadTable."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        (hint,) = (kind for kind in get_args(hint) if kind is not type(None))
        return as_field(value, hint, where)
    if origin is Literal:
        return _one_of(value, get_args(hint), where)
    if origin is tuple:
        return _texts(value, where)
    return _simple(value, hint, where)


def _one_of(value: object, words: tuple[object, ...], where: str) -> object:
    if value not in words:
        raise BadTable(f"{where} is {_shown(value)}; it has to be {' or '.join(map(repr, words))}")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadTable(f"{where} is {_shown(value)}; it has to be a list of texts")
    return tuple(value)


_WHAT = {bool: "true or false", int: "a whole number, 0 or more", float: "a number, 0 or more", str: "a text"}


def _simple(value: object, hint: type, where: str) -> object:
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise BadTable(f"{where} is {_shown(value)}; it has to be {_WHAT[hint]}")
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise BadTable(f"{where} is {_shown(value)}; it has to be {_WHAT[hint]}")
    return value


def _shown(value: object) -> str:
    return repr(value)[:40]

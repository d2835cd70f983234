"""How a sorted list of rows changed: steps that turn the previous list into the present one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Added:
    """`row` came in at `index`."""

    index: int
    row: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The row at `index` has another content; `appended` is set if this was added to its text, no more."""

    index: int
    row: str
    appended: str | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """`row` went away from `index`."""

    index: int
    row: str


@dataclass(frozen=True, slots=True)
class Moved:
    """`row`, with a content that may be another, left `index` and came in again at `to` after that."""

    index: int
    to: int
    row: str


Delta: TypeAlias = Added | Changed | Removed | Moved
"""One step; its indexes are those of the list after the steps before it."""


def apply_deltas(rows: list[str], deltas: Iterable[Delta]) -> None:
    """Do to `rows`, in place, what the deltas say."""
    for delta in deltas:
        match delta:
            case Added(index, row):
                rows.insert(index, row)
            case Removed(index, _):
                del rows[index]
            case Moved(index, to, row):
                del rows[index]
                rows.insert(to, row)
            case Changed():
                pass

"""What each kind of doc may hold, and who may write which of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from syncchat.core.ids import NAME, DocName, author_of
from syncchat.core.places import Row
from syncchat.errors import InvalidName

SERVER: Final = "|server"
"""Stands for the server among the owners; no user can have this name."""

KIB: Final = 1024


class Content(Enum):
    """What the rows of a root are made of."""

    JSON = auto()
    """One text that is JSON."""
    TEXT = auto()
    """A shared Text, without formatting."""
    ANYTHING = auto()
    """Whatever a Y-doc can hold, but no docs inside the doc."""


Owner = Callable[[str], str | None]
"""Tells from a row's key the user who may write it, None for everybody; InvalidName if it is no key."""


@dataclass(frozen=True, slots=True)
class Root:
    """The rows of one root; `max_bytes` bounds each write to a row, and for texts all of one row."""

    owner: Owner
    content: Content
    max_bytes: int = 64 * KIB


@dataclass(frozen=True, slots=True)
class Schema:
    """The roots that a doc may have; `others` is the rule for roots without a name here, None for none.

    `max_update` is in bytes. `max_depth` counts the shared types inside one another.
    """

    roots: Mapping[str, Root] = field(default_factory=dict)
    others: Root | None = None
    max_update: int = 4096 * KIB
    max_depth: int = 16

    def root(self, name: str) -> Root | None:
        """The rule for a root, None if there may be no such root."""
        return self.roots.get(name, self.others)

    def owner_of(self, row: Row) -> str | None:
        """The one user who may write `row`; None if that is everybody, or nobody."""
        root = self.root(row[0])
        try:
            return None if root is None else root.owner(row[1])
        except InvalidName:
            return None


def anyone(_key: str) -> None:
    """The owner of rows that everybody may write."""


def server_only(_key: str) -> str:
    """The owner of rows that only the server may write."""
    return SERVER


@lru_cache(maxsize=4096)
def _author(key: str) -> str:
    """The owner of a message's id; a stream asks for the same one with each token."""
    return author_of(key)


def _reactor(key: str) -> str:
    """The owner of `id|user|emoji`."""
    message, user, _ = _three_parts(key)
    author_of(message)
    return _user(user)


def _requester(key: str) -> str:
    """The owner of `verb|what|user`."""
    return _user(_three_parts(key)[2])


def _three_parts(key: str) -> list[str]:
    parts = key.split("|")
    if len(parts) != 3 or not all(parts):
        raise InvalidName(f"{key[:60]!r} is not made of three parts")
    return parts


def _user(name: str) -> str:
    if not NAME.match(name):
        raise InvalidName(f"{name[:60]!r} is no user")
    return name


PAGE: Final = Schema(
    {
        "messages": Root(_author, Content.JSON),
        "streams": Root(_author, Content.TEXT),
        "reactions": Root(_reactor, Content.JSON, max_bytes=KIB),
        "requests": Root(_requester, Content.JSON, max_bytes=4 * KIB),
        "marks": Root(server_only, Content.JSON),
    },
    max_depth=1,
)
"""A page of a room."""

COVER: Final = Schema(others=Root(server_only, Content.ANYTHING))
"""The cover of a room."""

OPEN: Final = Schema(others=Root(anyone, Content.ANYTHING, max_bytes=1024 * KIB))
"""A doc that belongs to no room."""


def schema_of(name: DocName) -> Schema:
    """The schema of the doc with this name."""
    if name.cover:
        return COVER
    return OPEN if name.page is None else PAGE

"""What each kind of doc may hold, how much of it, and who may write which of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from syncchat.core.asking import MAX_ASKED
from syncchat.core.grant import Role
from syncchat.core.ids import NAME, RAND_WIDTH, DocName, author_of, parse_id
from syncchat.core.places import Row
from syncchat.errors import InvalidName

SERVER: Final = "|server"
"""Stands for the server among the owners; no user can have this name."""

KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Writer:
    """Who an update is from; the user of the server itself is SERVER."""

    user: str
    role: Role
    is_server: bool = field(init=False)
    """Whether it is the server itself."""
    writes: bool = field(init=False)
    """Whether it may change anything at all."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_server", self.user == SERVER)
        object.__setattr__(self, "writes", self.is_server or self.role.writes)


class Content(Enum):
    """What the rows of a root are made of."""

    MESSAGE = auto()
    """One text that is the JSON of a message; a moderator may write a tombstone over it."""
    JSON = auto()
    """One text that is JSON."""
    TEXT = auto()
    """A shared Text, without formatting."""
    ANYTHING = auto()
    """Whatever a Y-doc can hold, but no docs inside the doc."""


Owner = Callable[[str], str | None]
"""Tells from a row's key the user who may write it, None for everybody; InvalidName if it is no key."""

Stamp = Callable[[str], int | None]
"""Tells from a row's key the time at which it says it was made, in milliseconds since 1970; None for none."""


def _timeless(_key: str) -> None:
    """The time in keys that have none."""


@dataclass(frozen=True, slots=True)
class Root:
    """The rows of one root; `max_bytes` bounds each write to a row, and for texts all of one row.

    `removable`: a moderator may remove the rows of others. `follows` is the root in which rows of
    this one may have begun under the same key: then they are not counted, and not timed, again.
    """

    owner: Owner
    content: Content
    max_bytes: int = 64 * KIB
    stamp: Stamp = _timeless
    removable: bool = False
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The roots that a doc may have; `others` is the rule for roots without a name here, None for none.

    What cannot be split, or undone by deleting, is bounded per update; the rest is a quota of the
    doc, past which only deletions go through.
    """

    roots: Mapping[str, Root] = field(default_factory=dict)
    others: Root | None = None

    max_update: int = 4 * MIB
    """Bytes of one update."""

    max_depth: int = 16
    """Shared types inside one another."""

    max_touched: int = 65_536
    """Rows that one update may write; it may delete from any number. More than `max_update` has room for in
    ordinary rows: it bounds what a replica has to tell its listeners at once."""

    max_rows: int = 262_144
    """Rows that the doc may ever have had: a row that was deleted leaves its key behind."""

    max_size: int = 64 * MIB
    """Bytes of the doc's whole state, which everybody who opens it is sent."""

    max_clients: int = 65_536
    """Client ids in the doc: each stays in every state vector for good."""

    adopts: bool = True
    """Whether who writes next under a client id of whose owner nothing is known becomes its owner."""

    shown: Mapping[str, str] = field(init=False, repr=False)
    """For each root whose rows are on screens as messages, or as their beginnings: that of the messages."""

    def __post_init__(self) -> None:
        messages = {name: rule for name, rule in self.roots.items() if rule.content is Content.MESSAGE}
        begun = {rule.follows: name for name, rule in messages.items() if rule.follows is not None}
        object.__setattr__(self, "shown", {name: name for name in messages} | begun)

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


def _id_stamp(key: str) -> int:
    """The time in a message's id."""
    return parse_id(key).hlc


def _request_stamp(key: str) -> int | None:
    """The time in `verb|hlc|user`; `verb|id|user` has that of a message, which was judged as its own."""
    hlc = _three_parts(key)[1]
    try:
        return _id_stamp(f"{hlc}.x.{'0' * RAND_WIDTH}")
    except InvalidName:
        return None


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
        "messages": Root(_author, Content.MESSAGE, stamp=_id_stamp, follows="streams"),
        "streams": Root(_author, Content.TEXT, stamp=_id_stamp, removable=True),
        "reactions": Root(_reactor, Content.JSON, max_bytes=KIB, removable=True),
        "requests": Root(_requester, Content.JSON, max_bytes=MAX_ASKED, stamp=_request_stamp, removable=True),
        "marks": Root(server_only, Content.JSON),
    },
    max_depth=1,
    max_rows=131_072,
    max_size=32 * MIB,
    max_clients=16_384,
    adopts=False,
)
"""A page of a room. It is meant for some 256 messages, but an offline writer may overfill it, and until the
server opens further pages it is all that a room has: so its quotas are those of a long history."""

COVER: Final = Schema(others=Root(server_only, Content.ANYTHING), adopts=False)
"""The cover of a room."""

OPEN: Final = Schema(others=Root(anyone, Content.ANYTHING, max_bytes=MIB))
"""A doc that belongs to no room."""


def schema_of(name: DocName) -> Schema:
    """The schema of the doc with this name."""
    if name.cover:
        return COVER
    return OPEN if name.page is None else PAGE

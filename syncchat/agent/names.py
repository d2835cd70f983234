"""Names by which people are called, looked up at a cost that does not grow with their number."""

from collections.abc import Iterable
from typing import Self

MAX_WORDS = 3
"""Words that a name may have; who has a longer one is called by the user id."""

MAX_SPELLINGS = 4_000
"""Spellings that are known at once; beyond that the one learned first is forgotten."""

MAX_BEARERS = 3
"""Users that one spelling may mean; who takes it after them is called by the user id."""

_DECORATION = "_`^|[]{}\\"
"""What people and chat programs put around a nick that is taken, or away: `ann_`, `[ann]`."""


def fold(name: str) -> str:
    """How a name is compared: case and spacing aside."""
    return " ".join(name.casefold().split())


def plain(folded: str) -> str:
    """A folded nick without its decoration (`ann` of `ann_` and `ann|away`); empty if it is no nick."""
    return "" if " " in folded else folded.strip(_DECORATION).partition("|")[0]


class Names:
    """Which users a name may mean; several may bear the same, but never one that is another's user id."""

    def __init__(self) -> None:
        self._users: dict[str, tuple[str, ...]] = {}
        self._ids: dict[str, tuple[str, ...]] = {}
        self.words = 1
        """How many words a name has at most."""

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Names that are their users' ids as well."""
        known = cls()
        for name in names:
            known.add(name, name)
        return known

    def add(self, name: str, user: str) -> None:
        """Know that `user` is called `name`; an empty name is nobody's."""
        self.words = max(self.words, min(MAX_WORDS, 1 + fold(name).count(" ")))
        _learn(self._ids, fold(user), user)
        for spelling in (fold(name), plain(fold(name)), plain(fold(user))):
            _learn(self._users, spelling, user)

    def find(self, spelling: str) -> tuple[str, ...]:
        """Whose name this is; empty if it is nobody's."""
        folded = spelling.casefold()
        return self._ids.get(folded) or self._users.get(folded) or self._users.get(plain(folded), ())


def _learn(users: dict[str, tuple[str, ...]], spelling: str, user: str) -> None:
    known = users.get(spelling, ())
    if not spelling or user in known or len(known) == MAX_BEARERS:
        return
    users[spelling] = (*known, user)
    if len(users) > MAX_SPELLINGS:
        del users[next(iter(users))]

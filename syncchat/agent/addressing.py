"""Who is a message meant for? Pure text, by the habits of chat rooms."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from syncchat.agent.names import Names
from syncchat.agent.quotes import own_words
from syncchat.agent.vocatives import Call, amid, behind, in_front, mentions, named

_WORD = re.compile(r"\S+")

MAX_LOOKED_AT = 2_000
"""Characters in which a name is looked for that calls nobody."""


class Address(NamedTuple):
    """Whom a message is for: the `users` it calls, `unknown` if it calls a name that nobody known has.

    `perhaps` are users who may be called or talked about (`name went away`, `good luck name`). `rest` is
    the text without the address, `at` whether somebody was called by `@`, and not by name alone.
    """

    users: frozenset[str]
    perhaps: frozenset[str]
    unknown: bool
    at: bool
    rest: str

    @property
    def somebody(self) -> bool:
        """Whether it is for anybody in particular."""
        return self.unknown or bool(self.users)


def address_of(text: str, names: Names) -> Address:
    """Whom `text` is for: `@name` anywhere, names in front (`name: ...`, `ann, bob: ...`, `hey name, ...`,
    `name ...?`) or behind a comma at the end (`..., name?`).

    A name in the middle of a sentence is talk about somebody, and what is quoted or code calls nobody.
    """
    words = own_words(text)
    at = list(mentions(words, names)) if "@" in words else []
    called = [call for call in (in_front(words, names), behind(words, names)) if call is not None]
    every = at + [call for call in called if call.sure]
    users = frozenset(user for call in every for user in call.users)
    perhaps = frozenset(user for call in called if not call.sure for user in call.users)
    perhaps |= amid(words, names)
    unknown = any(not call.users for call in every)
    rest = _without(text, every) if every else text
    return Address(users, perhaps - users, unknown, bool(at), rest)


def request_to(text: str, names: Iterable[str]) -> str | None:
    """What is asked of the one who has `names`: the text without the address; None if it is not meant."""
    address = address_of(text, Names.of(names))
    return _tidy(address.rest) if address.users else None


def is_to_somebody(text: str, people: Iterable[str]) -> bool:
    """Whether a message calls anybody: `@name`, `name: ...`, or one of `people` as in `address_of`."""
    return address_of(text, Names.of(people)).somebody


def names_in(text: str, names: Names) -> frozenset[str]:
    """The users whose names stand anywhere in what the author says: called, or talked about."""
    found = (
        user
        for word in _WORD.finditer(own_words(text[:MAX_LOOKED_AT]))
        for user in named(word[0].strip("@.,:;!?()'’").removesuffix("'s").removesuffix("’s"), names)
    )
    return frozenset(found)


def _without(text: str, calls: list[Call]) -> str:
    """The text without what calls."""
    rest, at = "", 0
    for call in sorted(calls, key=lambda call: call.start):
        if call.start >= at:
            rest += text[at : call.start] + " "
            at = call.end
    behind = text[at:]
    return (rest.rstrip() if behind[:1] in (".", "!", "?") else rest) + behind


def _tidy(text: str) -> str:
    return " ".join(text.split())

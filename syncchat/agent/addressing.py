"""Who is a message meant for? Pure text, by the habits of chat rooms."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from syncchat.agent.names import Names
from syncchat.agent.quotes import own_words
from syncchat.agent.vocatives import (
    Call,
    amid,
    behind,
    calls_a_stranger,
    in_front,
    in_later_sentences,
    mentions,
    named,
    starts_anew,
    within,
)

_WORD = re.compile(r"\S+")

MAX_LOOKED_AT = 2_000
"""Characters in which a name is looked for that calls nobody."""


class Address(NamedTuple):
    """Whom a message is for: the `users` it calls, `unknown` if it calls a name that nobody known has.

    `perhaps` are users who may be called or talked about (`name too`, `good luck name`). `at`: somebody was
    called by `@`, and not by name alone. `rest` is the text without the address, and `said` without the
    names only: of `thanks, name` the thanks. `stranger`: it seems to call somebody who was
    never heard here.
    """

    users: frozenset[str]
    perhaps: frozenset[str]
    unknown: bool
    at: bool
    rest: str
    said: str
    stranger: bool

    @property
    def somebody(self) -> bool:
        """Whether it is for anybody in particular."""
        return self.unknown or bool(self.users)


def address_of(text: str, names: Names) -> Address:
    """Whom `text` is for: `@name` anywhere, names in front (`name: ...`, `ann, bob: ...`, `hey name, ...`,
    `name ...?`) or behind a comma at the end (`..., name?`).

    A name in the middle of a sentence is talk about somebody, and so is `@name` where somebody else is called
    in front, unless it starts anew (`ann: fine. @name, ...`). What is quoted or code calls nobody.
    """
    words = own_words(text)
    at = list(mentions(words, names)) if "@" in words else []
    front = in_front(words, names)
    if front is not None and front.sure:
        # `ann: ask @bot about it` is for ann; `ann: fine. @bot, sum up` is for both.
        at = [call._replace(sure=call.end <= front.end or starts_anew(words, call.start)) for call in at]
    later = in_later_sentences(words, names)
    amidst = within(words, names)
    called = [call for call in (*at, front, *later, *amidst, behind(words, names)) if call is not None]
    every = [call for call in called if call.sure]
    users = frozenset(user for call in every for user in call.users)
    perhaps = frozenset(user for call in called if not call.sure for user in call.users)
    perhaps |= amid(words, names)
    unknown = any(not call.users for call in every)
    at_all = any(call.sure for call in at)
    rest, said = (_without(text, every), _without(text, every, greetings=True)) if every else (text, text)
    stranger = not every and calls_a_stranger(words)
    return Address(users, perhaps - users, unknown, at_all, rest, said, stranger)


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


def _without(text: str, calls: list[Call], *, greetings: bool = False) -> str:
    """The text without what calls, and without the greetings that go with it."""
    rest, at = "", 0
    for call in sorted(calls, key=lambda call: call.start):
        if call.start >= at:
            rest += text[at : call.start if greetings else max(at, call.start - call.greeting)] + " "
            at = call.end
    behind = text[at:]
    return (rest.rstrip() if behind[:1] in (".", "!", "?") else rest) + behind


def _tidy(text: str) -> str:
    return " ".join(text.split())

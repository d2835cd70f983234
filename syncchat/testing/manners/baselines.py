"""Plain policies to hold a score against: always, only when called, whenever named."""

import re
from collections.abc import Callable, Mapping

from syncchat.agent.lines import Who
from syncchat.agent.policy import Decision, Event, Heard, Rule, Said, Speak

Wants = Callable[[Heard, Who], bool]


class Baseline:
    """Answers each message that `wants` says yes to, at once, but never its own."""

    deadline: int | None = None

    def __init__(self, wants: Wants, me: Who) -> None:
        self._me = me
        self._wants = wants

    def hear(self, event: Event, now: int) -> list[Decision]:
        """See `TurnPolicy.hear`."""
        match event:
            case Said(heard) if heard.user != self._me.user and self._wants(heard, self._me):
                return [Speak(heard.id, Rule.JUDGED)]
            case _:
                return []


def opens_with(text: str, me: Who) -> bool:
    """Whether a text begins with one of the names, as `name: ...`, `@name ...` or `name, ...`."""
    return any(_begins(name).match(text) for name in {me.user, me.name})


def _begins(name: str) -> re.Pattern[str]:
    return re.compile(rf"\s*(?:@{re.escape(name)}(?![\w-])|{re.escape(name)}\s*[:,])", re.I)


def _names(text: str, me: Who) -> bool:
    return any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I) is not None for name in {me.user, me.name}
    )


BASELINES: Mapping[str, Wants] = {
    "always": lambda heard, me: True,
    "vocative only": lambda heard, me: opens_with(heard.text, me),
    "name anywhere": lambda heard, me: _names(heard.text, me),
}
"""The policies by their names."""

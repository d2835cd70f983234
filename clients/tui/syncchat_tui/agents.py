"""What agents say of themselves in their presence, read and put into words; pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from syncchat.core.message import read_id
from syncchat.core.people import Person
from syncchat_tui.answer_lines import one_line

MAX_WORD = 20
MAX_PROBLEM = 200

BUSY: Final = {"judging": "reading…", "writing": "writing…", "waiting": "waiting…"}
"""What an agent does at this moment, in words; that it waits is told with the time that is left."""

IDLE: Final = {
    "watching": "",
    "standby": "stands by",
    "over budget": "over budget",
    "unreachable": "model is down",
}
MODES: Final = {"ambient": "ambient", "addressed": "when addressed"}


class AgentHere(NamedTuple):
    """An agent that is here. `re` is the message that it is about to answer, or answers.

    `until` is when it may answer that, in ms since 1970.
    """

    user: str
    state: str
    mode: str = ""
    re: str | None = None
    until: int | None = None
    problem: str = ""


def is_agent(person: Person) -> bool:
    """Whether somebody says to be a program."""
    return person.state.get("agent") is True


def said(person: Person, field: str, length: int) -> str:
    """What somebody says in a field, harmless for a terminal; empty if nothing, or nothing that is text."""
    value = person.state.get(field)
    return one_line(value, length) if isinstance(value, str) else ""


def agents_of(people: Iterable[Person]) -> list[AgentHere]:
    """The agents among these people, as they say."""
    return [_read(person) for person in people if is_agent(person)]


def _read(person: Person) -> AgentHere:
    re, until = person.state.get("re"), person.state.get("until")
    return AgentHere(
        person.user,
        said(person, "state", MAX_WORD),
        said(person, "mode", MAX_WORD),
        re if isinstance(re, str) and read_id(re) is not None else None,
        until if type(until) is int else None,
        said(person, "problem", MAX_PROBLEM),
    )


def state_in_words(agent: AgentHere) -> str:
    """What an agent does, or why it does nothing; empty if it only watches."""
    return BUSY.get(agent.state) or IDLE.get(agent.state, agent.state)


def waits_until(agent: AgentHere, now: int) -> str:
    """When an agent that leaves a question to people can answer it; `now` is in ms since 1970."""
    if agent.until is None:
        return f"{agent.user} waits (F7: now)"
    left = max(0, -(-(agent.until - now) // 1000))
    return f"{agent.user} can answer in {left} s (F7: now)"

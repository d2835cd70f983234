"""What agents say of themselves in their presence, read and put into words; pure."""

from collections.abc import Iterable, Mapping
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
SPEAKS: Final = {"ambient": "unasked, too", "addressed": "when addressed"}

MAX_GRACE = 10**9
"""Seconds beyond which a grace period is none."""


class AgentHere(NamedTuple):
    """An agent that is here. `re` is the message that it is about to answer, or answers.

    `until` is when it may answer that, in ms since 1970. `manners` is how it is tuned here, in words.
    """

    user: str
    state: str
    mode: str = ""
    re: str | None = None
    until: int | None = None
    problem: str = ""
    manners: str = ""


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
        _manners(person.state.get("manners")),
    )


def _manners(told: object) -> str:
    """How an agent is tuned, as far as that can be read."""
    if not isinstance(told, Mapping):
        return ""
    grace, share, newer = told.get("grace"), told.get("share"), told.get("on_newer")
    words = []
    if isinstance(grace, int | float) and type(grace) is not bool and 0 <= grace < MAX_GRACE:
        words.append(f"grace {grace:g} s")
    if isinstance(share, int | float) and type(share) is not bool and 0 <= share <= 1:
        words.append(f"share {share:g}")
    if isinstance(newer, str):
        words.append(f"newer {one_line(newer, MAX_WORD)}")
    return ", ".join(words)


def tuned_in_words(agent: AgentHere) -> str:
    """How an agent behaves in the room."""
    mode = MODES.get(agent.mode, "") and f"speaks {SPEAKS[agent.mode]}"
    return f"{agent.user}: {', '.join(filter(None, (mode, agent.manners))) or 'does not say'}"


def state_in_words(agent: AgentHere) -> str:
    """What an agent does, or why it does nothing; empty if it only watches."""
    return BUSY.get(agent.state) or IDLE.get(agent.state, agent.state)


def waits_until(agent: AgentHere, now: int) -> str:
    """When an agent that leaves a question to people can answer it; `now` is in ms since 1970."""
    if agent.until is None:
        return f"{agent.user} waits (F7: now)"
    left = max(0, -(-(agent.until - now) // 1000))
    return f"{agent.user} can answer in {left} s (F7: now)"

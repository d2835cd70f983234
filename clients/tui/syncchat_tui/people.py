"""The list at the side: who is here, who of them is an agent, and what they do."""

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from syncchat.core.people import Person
from syncchat_tui.plain import plain
from syncchat_tui.transcript import author_color
from syncchat_tui.wrap import AGENT_MARK

WORDS = {"watching": "", "judging": "reading"}
"""What an agent's states are called here; one that only watches is as idle as a person who reads."""

MAX_NAME = 40
MAX_WORD = 20
MAX_PROBLEM = 200


def doing(person: Person) -> str:
    """What somebody says to be doing (`writing`, say), harmless for a terminal; empty if nothing."""
    state = _said(person, "state", MAX_WORD)
    return WORDS.get(state, state)


def _said(person: Person, field: str, length: int) -> str:
    value = person.state.get(field)
    return plain(value[:length].replace("\n", " ")) if isinstance(value, str) else ""


def is_agent(person: Person) -> bool:
    """Whether somebody says to be a program."""
    return person.state.get("agent") is True


def people_list(people: Iterable[Person]) -> Content:
    """What the list says: the people, and then the agents."""
    lines = [_entry(person) for person in sorted(people, key=is_agent)]
    return Content("\n").join([Content.styled(f"Here: {len(lines)}", "$text-muted"), *lines])


def _entry(person: Person) -> Content:
    parts = [Content.styled(plain(person.user), author_color(person.user))]
    if is_agent(person):
        parts.append(Content.styled(f" {AGENT_MARK}", "$text-muted"))
    if person.name.casefold() != person.user.casefold():
        # Beside the id, never in its place: two may have one name, and anybody's name may be another's id.
        parts.append(Content.styled(f" {plain(person.name[:MAX_NAME])}", "$text-muted"))
    if state := doing(person):
        parts.append(Content.styled(f"\n  {state}…", "italic $text-muted"))
    if problem := _said(person, "problem", MAX_PROBLEM):
        parts.append(Content.styled(f"\n  ! {problem}", "$warning"))
    return Content.assemble(*parts)


class People(Static):
    """The list of people; `show` brings it up to date."""

    def show(self, people: Iterable[Person]) -> None:
        """Show these people."""
        self.update(people_list(people))

"""The list at the side: who is here, who of them is an agent, and what they do."""

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from syncchat.core.people import Person
from syncchat_tui.plain import plain
from syncchat_tui.transcript import author_color
from syncchat_tui.wrap import AGENT_MARK


def doing(person: Person) -> str | None:
    """What somebody says to be doing (`writing`, say), harmless for a terminal; None if nothing."""
    state = person.state.get("state")
    return plain(state[:20]) if isinstance(state, str) and state else None


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
    if (state := doing(person)) is not None:
        parts.append(Content.styled(f"\n  {state}…", "italic $text-muted"))
    return Content.assemble(*parts)


class People(Static):
    """The list of people; `show` brings it up to date."""

    def show(self, people: Iterable[Person]) -> None:
        """Show these people."""
        self.update(people_list(people))

"""The list at the side: who is here, who of them is an agent, and what they do."""

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from syncchat.core.people import Person
from syncchat_tui.agents import BUSY, MAX_PROBLEM, MAX_WORD, MODES, agents_of, is_agent, said, state_in_words
from syncchat_tui.plain import plain
from syncchat_tui.transcript import author_color
from syncchat_tui.wrap import AGENT_MARK

MAX_NAME = 40


def doing(person: Person) -> str:
    """What somebody does at this moment (`writing…`), harmless for a terminal; empty if nothing.

    That an agent waits is told with the time that is left, elsewhere.
    """
    state = said(person, "state", MAX_WORD)
    if is_agent(person):
        return "" if state == "waiting" else BUSY.get(state, "")
    return f"{state}…" if state else ""


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
    if mode := MODES.get(said(person, "mode", MAX_WORD)):
        parts.append(Content.styled(f"\n  {mode}", "$text-muted"))
    if state := _state(person):
        parts.append(Content.styled(f"\n  {state}", "italic $text-muted"))
    if problem := said(person, "problem", MAX_PROBLEM):
        parts.append(Content.styled(f"\n  ! {problem}", "$warning"))
    return Content.assemble(*parts)


def _state(person: Person) -> str:
    return next(map(state_in_words, agents_of([person])), "") or doing(person)


class People(Static):
    """The list of people; `show` brings it up to date."""

    def show(self, people: Iterable[Person]) -> None:
        """Show these people."""
        self.update(people_list(people))

"""From what people marked in a room ("should have spoken", "should have been quiet") to cases."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncchat.agent.addressing import is_to_somebody, request_to
from syncchat.agent.lines import Who
from syncchat.core.ids import parse_id
from syncchat.core.page import Page
from syncchat.testing.manners.case import UNADDRESSED, Case, Event, Label, Mode

CONTEXT = 20
"""Messages before the one that a case is about that are told in it."""

REACH = 256
"""How many messages back the one may be that a marked answer replies to, on an earlier page."""

AT_ONCE, AFTER_PEOPLE = 30.0, 180.0
"""Seconds within which an answer is due: to who speaks to the agent, and to who asks the room."""

Marks = Mapping[str, Mapping[str, str]]
"""For each message that was marked: by which user, and what the agent should have done."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A message that can be told."""

    id: str
    user: str
    seconds: float
    text: str
    re: str | None
    agent: bool
    finished: bool
    """Whether it says anything; an answer that failed or was stopped does not."""


def marked_cases(room: str, pages: Iterable[Page], agent: Who) -> Iterator[Case]:
    """A case for each message of `room` that somebody marked, in order; `agent` is whose manners it is about.

    `pages` are the room's in their order, of which one is looked at at a time. A mark on an answer of the
    agent is about what it answers. Where people do not agree the label is EITHER. A message that is deleted
    or not there makes no case.
    """
    before: list[_Said] = []
    modes: dict[str, bool] = {}
    for page in pages:
        said = before + list(_said(page))
        modes |= {asked.what: asked.value == "on" for asked in page.asked("ambient")}
        marks: dict[str, dict[str, str]] = {}
        for asked in page.asked("should"):
            marks.setdefault(asked.what, {})[asked.user] = str(asked.value)
        told: set[str] = set()
        for id in sorted(marks):
            case = _case(room, said, id, marks[id], modes, agent)
            if case is not None and case.id not in told:
                told.add(case.id)
                yield case
        before = said[-REACH:]


def _said(page: Page) -> Iterator[_Said]:
    for id in sorted(page.messages.rows()):
        body = page.body(id)
        if body is not None and not body.deleted:
            parts = parse_id(id)
            finished = body.state is None and bool(body.text.strip())
            yield _Said(id, parts.user, parts.hlc / 1000, body.text, body.re, body.agent, finished)


def _case(
    room: str,
    said: Sequence[_Said],
    id: str,
    marks: Mapping[str, str],
    modes: Mapping[str, bool],
    agent: Who,
) -> Case | None:
    places = {message.id: place for place, message in enumerate(said)}
    place = places.get(id)
    if place is None:
        return None
    until = said[place].seconds
    if said[place].user == agent.user:
        place = places.get(said[place].re or "")
        if place is None:
            return None
    about = said[place]
    if not about.finished:
        return None
    label = _label(marks.values())
    is_on = [on for what, on in sorted(modes.items()) if what <= about.id]
    mode: Mode = "ambient" if is_on and is_on[-1] else "addressed"
    slice_ = _slice_of(about, said[places[about.re]] if about.re in places else None, agent)
    deadline = AFTER_PEOPLE if mode == "ambient" else AT_ONCE
    later = [m for m in said[place + 1 :] if m.seconds <= min(until, about.seconds + deadline)]
    told = [*said[max(0, place - CONTEXT) : place + 1], *(m for m in later if m.user != agent.user)]
    told = [message for message in told if message.finished]
    return Case(
        id=f"{room}-{about.id}",
        slice=slice_,
        label=label,
        deadline=deadline,
        mode=mode,
        events=tuple(_events(told)),
        about=(about.id,),
        addressed=slice_ not in UNADDRESSED,
        me=agent,
        why=", ".join(f"{user}: {mark}" for user, mark in sorted(marks.items())),
    )


def _label(marks: Iterable[str]) -> Label:
    match sorted(set(marks)):
        case ["speak"]:
            return "SPEAK"
        case ["quiet"]:
            return "QUIET"
        case _:
            return "EITHER"


def _slice_of(about: _Said, answered: _Said | None, agent: Who) -> str:
    """What kind of message it is, as far as its form tells; whoever keeps the case may know better."""
    names = (agent.user, agent.name)
    if about.agent:
        return "other bot"
    if request_to(about.text, names) is not None:
        return "mention" if "@" in about.text else "name without @"
    if answered is not None and answered.user == agent.user:
        return "reply to the agent"
    if is_to_somebody(about.text, ()) or answered is not None:
        return "to another person"
    return "open question" if "?" in about.text else "banter"


def _events(told: Sequence[_Said]) -> Iterator[Event]:
    begin, known = told[0].seconds, set[str]()
    for message in told:
        yield Event(
            time=round(message.seconds - begin, 3),
            id=message.id,
            author=message.user,
            text=message.text,
            reply_to=message.re if message.re in known else None,
            agent=message.agent,
        )
        known.add(message.id)

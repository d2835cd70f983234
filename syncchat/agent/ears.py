"""What a room tells, as the events that a turn policy hears."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from syncchat.agent.lines import Who
from syncchat.agent.policy import Ambient, Asked, Edited, Event, Gone, Heard, Here, Said, Typing
from syncchat.agent.policy.events import Verb
from syncchat.core import asking
from syncchat.core.deltas import Changed, Delta
from syncchat.core.message import Message
from syncchat.core.page import Page
from syncchat.core.people import Person
from syncchat.core.room import Room

MAX_KNOWN = 2_048
"""How many messages are remembered as told; of older ones nobody is told that they were edited."""

TYPING = 10_000
"""How long somebody types who says so once, in ms."""

_VERBS: Final[Mapping[str, Verb]] = {"stop": "stop", "again": "again", "now": "now"}


@dataclass(frozen=True, slots=True)
class _Known:
    """A message that was told: its text, and the page that has it."""

    text: str
    page: Page | None


class Ears:
    """Tells `tell` what happens in `room`, for the agent `user`; `now` is the time in ms since 1970."""

    def __init__(self, room: Room, tell: Callable[[Event], None], *, now: Callable[[], int]) -> None:
        self._room = room
        self._tell = tell
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._types: set[str] = set()
        self._here: tuple[Who, ...] | None = None
        self._horizon = ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Tell what is there already, oldest first, and then what happens while the context is open."""
        room = self._room
        subscriptions = [
            room.timeline.listen(self._hear),
            room.listen_asked(self._hear_asked),
            room.listen_people(self._see),
        ]
        try:
            self._see(room.people)
            messages = room.timeline[-MAX_KNOWN:]
            self._horizon = messages[0].id if messages else ""
            for message in messages:
                self._look(message.id)
            self._hear_asked(sorted(room.asked(), key=lambda asked: asked.hlc))
            yield
        finally:
            for subscription in subscriptions:
                subscription.cancel()

    # Messages

    def _hear(self, deltas: list[Delta]) -> None:
        for id in dict.fromkeys(delta.row for delta in deltas if not is_growth(delta)):
            # What comes in above is history that somebody scrolls to.
            if id >= self._horizon:
                self._look(id)

    def _look(self, id: str) -> None:
        message, known = self._room.message(id), self._known.get(id)
        if message is None or message.deleted:
            if known is not None and (message is not None or not _has(known.page, id)):
                del self._known[id]
                self._tell(Gone(id))
        elif not message.streaming and (known is None or known.text != message.text):
            self._known[id] = _Known(message.text, self._room.timeline.page_of(id))
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
            self._tell(Said(heard(message)) if known is None else Edited(heard(message)))

    # Requests

    def _hear_asked(self, news: list[asking.Asked]) -> None:
        for asked in news:
            if asked.verb == "ambient" and asked.value in ("on", "off"):
                self._tell(Ambient(asked.value == "on"))
            elif asked.verb == "hush":
                self._hear_hush(asked)
            elif asked.verb in _VERBS:
                message = self._room.message(asked.what)
                re = None if message is None or message.deleted else message.re
                self._tell(Asked(_VERBS[asked.verb], asked.what, asked.user, page=asked.page, re=re))

    def _hear_hush(self, asked: asking.Asked) -> None:
        if type(asked.value) not in (int, float):
            return
        left = asked.value - max(0, self._now() - asked.hlc) / 1000
        # One that is over by now is nothing; one of 0 seconds ends those before it.
        if left > 0 or asked.value == 0:
            self._tell(Asked("hush", asked.what, asked.user, max(0, math.ceil(left))))

    # People

    def _see(self, people: list[Person]) -> None:
        persons = [person for person in people if not person.state.get("agent")]
        here = tuple(Who(person.user, person.name) for person in persons)
        if here != self._here:
            self._here = here
            self._tell(Here(here))
        typing = {person.user for person in persons if person.is_writing}
        for user in sorted(typing ^ self._types):
            self._tell(Typing(user, self._now() + (TYPING if user in typing else -1)))
        self._types = typing


def is_growth(delta: Delta) -> bool:
    """Whether a message that is being written has grown, and nothing else: that happens with every token."""
    return isinstance(delta, Changed) and delta.appended is not None


def heard(message: Message) -> Heard:
    """A finished message as the policy is told of it."""
    return Heard(
        message.id,
        message.hlc,
        message.user,
        message.text,
        re=message.re,
        agent=message.agent,
        failed=message.state is not None,
        of=message.of,
    )


def _has(page: Page | None, id: str) -> bool:
    """Whether a message that is not shown any more still stands on its page: the page was closed, then."""
    return page is not None and (page.body(id) is not None or page.streams.get(id) is not None)

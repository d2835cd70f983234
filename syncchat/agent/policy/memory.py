"""What the policy remembers of a room: no texts, and all of it bounded."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from syncchat.agent.lines import Who
from syncchat.agent.names import Names
from syncchat.agent.policy.events import Heard
from syncchat.core.message import read_id

MAX_NOTES: Final = 1_000
"""Messages that are remembered; what is older than a forgotten one is not answered any more."""

MAX_PEOPLE: Final = 64
"""People whose typing, and whose talk with others or with the agent, is remembered at once."""

WINDOW: Final = 40
"""Messages over which the agent's share of the room is counted."""

ENGAGED: Final = 120_000
"""How long two people count as talking to each other after one called the other, in ms."""

MAX_TYPING: Final = 30_000
"""How far ahead somebody's typing is believed, in ms: programs renew it."""

MAX_CREDIT: Final = 3.0
"""Calls of the judge that a long talk can save up."""

V = TypeVar("V")


@dataclass(slots=True)
class Note:
    """One message; `depth`: how many agents spoke in a row, it included; `spoken`: it was answered.

    `asked`: it asked the agent.
    """

    user: str
    at: int
    re: str | None = None
    depth: int = 0
    asked: bool = False
    spoken: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Floor:
    """The agent answered somebody at `since` (ms); `asked`: by a question.

    `shared`: others have spoken to the room since; `broken`: that person has spoken with others.
    """

    since: int
    asked: bool = False
    shared: bool = False
    broken: bool = False


class Notes:
    """The newest MAX_NOTES messages by id, and of what was forgotten how old it may have been."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}
        self._forgotten = -1

    def __len__(self) -> int:
        return len(self._notes)

    def get(self, id: str | None) -> Note | None:
        """The note of a message; None if it is not remembered."""
        return None if id is None else self._notes.get(id)

    def forgot(self, at: int) -> bool:
        """Whether a message of that time that is not remembered may have been heard before."""
        return at <= self._forgotten

    def put(self, id: str, note: Note) -> None:
        """Remember a message."""
        self._notes[id] = note
        if len(self._notes) > MAX_NOTES:
            oldest = self._notes.pop(next(iter(self._notes)))
            self._forgotten = max(self._forgotten, oldest.at)

    def answers(self, id: str) -> list[Note]:
        """The messages that answer this one."""
        return [note for note in self._notes.values() if note.re == id]

    def author(self, id: str | None) -> str | None:
        """Who wrote a message, remembered or not; None if that cannot be told."""
        if id is None:
            return None
        note = self._notes.get(id)
        if note is not None:
            return note.user
        parsed = read_id(id)
        return parsed.user if parsed is not None else None


class Memory:
    """Everything that is known of the room, but for the turns that are open."""

    def __init__(self, me: Who) -> None:
        self.me = me
        self.names = Names()
        self.names.add(me.name, me.user)
        self.notes = Notes()
        self.present: frozenset[str] | None = None
        self.typing: dict[str, int] = {}
        self.floors: dict[str, Floor] = {}
        self._engaged: dict[str, int] = {}
        self._spoken: deque[bool] = deque(maxlen=WINDOW)
        self.credit = 1.0
        self._agents_in_a_row = 0
        self._last = ("", 0)

    def here(self, people: Iterable[Who]) -> None:
        """These people, and nobody else, are present."""
        others = [who for who in people if who.user != self.me.user]
        self.present = frozenset(who.user for who in others[:MAX_PEOPLE])
        for who in others[:MAX_PEOPLE]:
            self.names.add(who.name, who.user)

    def alone(self, user: str) -> bool:
        """Whether nobody else is present who could answer."""
        return self.present is not None and self.present <= {user}

    def note(self, heard: Heard, at: int, gate: float) -> Note:
        """Take note of a message that somebody else wrote."""
        self.names.add(heard.user, heard.user)
        depth = self.depth(heard)
        if heard.agent:
            self._agents_in_a_row += 1
        else:
            self._agents_in_a_row = 0
            self.credit = min(self.credit + gate, MAX_CREDIT)
            self._last = (heard.user, at)
        self._spoken.append(False)
        note = Note(heard.user, at, heard.re, depth)
        self.notes.put(heard.id, note)
        return note

    def depth(self, heard: Heard) -> int:
        """How many agents have spoken in a row with this message, which is about to be noted; 0: a person."""
        if not heard.agent:
            return 0
        answered = self.notes.get(heard.re)
        return max(self._agents_in_a_row, answered.depth if answered is not None else 0) + 1

    def other_spoke_last(self, user: str, at: int) -> bool:
        """Whether another person said something just before."""
        last, when = self._last
        return last not in ("", user) and at - when <= ENGAGED

    def set_back(self, now: int) -> None:
        """The clock was set back."""
        self.typing.clear()
        for user, floor in self.floors.items():
            self.floors[user] = replace(floor, since=min(floor.since, now))

    # Who talks to whom

    def typed(self, user: str, until: int, now: int) -> None:
        """Somebody types, or not any more."""
        self.typing.pop(user, None)
        if until > now:
            _put(self.typing, user, min(until, now + MAX_TYPING))

    def typing_until(self, now: int, user: str | None = None) -> int:
        """Until when `user`, or anybody, types; `now` if nobody does."""
        until = max(self.typing.values(), default=now) if user is None else self.typing.get(user, now)
        return max(now, until)

    def engage(self, users: Iterable[str], at: int) -> None:
        """These people talk to each other."""
        for user in users:
            _put(self._engaged, user, at)

    def engaged(self, user: str, at: int) -> bool:
        """Whether somebody talked with another person lately."""
        return at - self._engaged.get(user, -ENGAGED - 1) <= ENGAGED

    def give_floor(self, user: str, floor: Floor) -> None:
        """The agent has just answered this person, who may go on without an address."""
        _put(self.floors, user, floor)

    def keep_floor(self, user: str, began: int, now: int) -> None:
        """The answer that began then has ended: from now on its asker may go on."""
        floor = self.floors.get(user)
        told = floor is not None and floor.since >= began
        self.give_floor(user, replace(floor, since=now) if told and floor is not None else Floor(now))

    def break_floors(self, users: Iterable[str]) -> None:
        """These people speak with others: what they say next may be for those."""
        for user in users:
            if user in self.floors:
                self.floors[user] = replace(self.floors[user], broken=True)

    def share_floors(self, speaker: str) -> None:
        """Somebody spoke to the room: what others say next may be about that."""
        for user in self.floors:
            if user != speaker:
                self.floors[user] = replace(self.floors[user], shared=True)

    # Share

    def spoke(self, *, unasked: bool) -> None:
        """The agent begins to answer."""
        self._spoken.append(unasked)

    def may_speak_unasked(self, share: float) -> bool:
        """Whether one more message of its own that nobody asked for is within its share."""
        return share > 0 and sum(self._spoken) + 1 <= max(1.0, share * len(self._spoken))


def _put(known: dict[str, V], key: str, value: V) -> None:
    """Put a value last; beyond MAX_PEOPLE the one that was put first goes."""
    known.pop(key, None)
    known[key] = value
    if len(known) > MAX_PEOPLE:
        del known[next(iter(known))]

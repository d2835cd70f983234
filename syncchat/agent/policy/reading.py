"""The layers: what one message means to the agent, from the cheapest reason to be quiet on (A7)."""

import re
from typing import NamedTuple

from syncchat.agent.addressing import Address, address_of, names_in
from syncchat.agent.cues import Cues, cues_of
from syncchat.agent.lines import Who
from syncchat.agent.names import Names
from syncchat.agent.policy.decisions import Rule
from syncchat.agent.policy.events import Heard
from syncchat.agent.policy.manners import Manners
from syncchat.agent.policy.memory import Floor, Memory
from syncchat.agent.wishes import Wishes, quiet_seconds

SLACK = 2_000
"""How much earlier than an answer its follow-up may have been written, in ms: both were on their way."""

MAX_ELLIPTIC = 6
"""Words of a question that makes sense only after another one: `and 2100?`"""

MIN_MAYBE = 3
"""Words from which on something that whom it answered says to nobody may be for the agent."""

MAX_PLEASED = 6
"""Words of a reply that is content: `perfect, sending it`."""

MAX_SETTLED = 12
"""Words of a message that says that nothing is to be answered any more."""


class Mode(NamedTuple):
    """How the agent is in this room now: `hushed` for all, `quiet` unless it is asked.

    `writing_for` is whom it writes an answer for.
    """

    ambient: bool
    hushed: bool
    quiet: bool
    dismissed: bool
    writing_for: str | None


class _Heard(NamedTuple):
    """A message with all that its words tell, `call` being how it calls the agent, if it does."""

    heard: Heard
    at: int
    late: bool
    address: Address
    cues: Cues
    call: Rule | None
    floor: Floor | None

    @property
    def to_me(self) -> bool:
        """Whether it is for the agent, or for nobody else by somebody who has the floor with it."""
        return self.call is not None or (self.floor is not None and not self.address.somebody)


class Reading(NamedTuple):
    """What a message means: `asked` of the agent, `open` for the judge, or neither, by `rule`.

    `to` are the others whom it is for, `hush` the seconds of quiet that it asks for.
    """

    rule: Rule
    cues: Cues
    to: frozenset[str]
    asked: bool = False
    open: bool = False
    hush: float | None = None


_JUDGED = frozenset({Rule.OPEN, Rule.MAYBE})
_ASKED = frozenset({Rule.MENTION, Rule.NAME, Rule.REPLY, Rule.FOLLOW_UP})


class Layers:
    """Reads messages for one agent."""

    def __init__(self, me: Who, manners: Manners) -> None:
        self._me = me
        self._manners = manners
        self._wishes = Wishes((me.user, me.name))
        self._names = Names.of([me.user])
        self._names.add(me.name, me.user)
        name = f"(?:{re.escape(me.user)}|{re.escape(me.name)})"
        self._plain = re.compile(rf"\A\W*(?:\w+\s+)?{name}\s*[,:]|,\s*{name}\W*\Z", re.I)

    def tune(self, manners: Manners) -> None:
        """From now on these manners hold."""
        self._manners = manners

    def read(self, heard: Heard, at: int, late: bool, mode: Mode, memory: Memory) -> Reading:
        """What somebody else's message means, given what is known of the room before it."""
        address = address_of(heard.text, memory.names)
        answers = memory.notes.author(heard.re)
        to = address.users | ({answers} if answers else frozenset())
        to -= {self._me.user, heard.user}
        call = self._call(address, answers, to)
        floor = self._floor(memory, heard.user, at)
        it = _Heard(heard, at, late, address, cues_of(address.said), call, floor)
        rule = self._first(it, mode) or (
            self._from_agent(it, memory) if heard.agent else self._from_person(it, mode, memory)
        )
        hush = None
        if rule is Rule.QUIET_PLEASE:
            hush = quiet_seconds(heard.text) or self._manners.quiet_for
        return Reading(rule, it.cues, to, rule in _ASKED, rule in _JUDGED, hush)

    def _floor(self, memory: Memory, user: str, at: int) -> Floor | None:
        """The floor that somebody has with the agent, which has answered that one."""
        floor = memory.floors.get(user)
        if floor is None or floor.broken:
            return None
        in_time = floor.since - SLACK <= at <= floor.since + int(self._manners.follow_up * 1000)
        return floor if in_time else None

    def _call(self, address: Address, answers: str | None, to: frozenset[str]) -> Rule | None:
        """How it is called, if it is."""
        if self._me.user in address.users:
            return Rule.MENTION if address.at else Rule.NAME
        return Rule.REPLY if answers == self._me.user and not address.somebody and not to else None

    def _first(self, it: _Heard, mode: Mode) -> Rule | None:
        if it.heard.failed or not it.heard.text.strip():
            return Rule.FAILED
        return Rule.DISMISSED if mode.dismissed else None

    def _from_agent(self, it: _Heard, memory: Memory) -> Rule:
        if it.call is not Rule.MENTION and (
            it.call is not Rule.NAME or not self._plain.search(it.heard.text)
        ):
            # What programs post is full of names: `Name reports sales. Read on?` calls nobody.
            return Rule.AGENT
        if memory.depth(it.heard) > self._manners.hops:
            return Rule.HOPS
        cues = it.cues
        if cues.acknowledges or cues.thanks:
            return Rule.ACKNOWLEDGEMENT
        # A notice that a program sends is none that it wants talked about.
        return it.call if cues.asks or cues.orders or cues.needs or cues.you else Rule.STATEMENT

    def _from_person(self, it: _Heard, mode: Mode, memory: Memory) -> Rule:
        wish = self._wish(it)
        if wish is not None:
            return wish
        if mode.hushed:
            return Rule.HUSHED
        if _is_over(it):
            return Rule.ACKNOWLEDGEMENT
        if it.call is not None:
            return it.call
        if self._is_to_others(it, memory):
            return Rule.TO_OTHERS
        if mode.writing_for == it.heard.user:
            return Rule.MERGED
        if it.floor is not None and _takes(it.floor, it.cues):
            return Rule.FOLLOW_UP
        return self._unasked(it, mode, memory)

    def _wish(self, it: _Heard) -> Rule | None:
        text = it.heard.text
        if self._wishes.people_only(text, called=it.call is not None):
            return Rule.PEOPLE_ONLY
        quiet = self._wishes.quiet(it.address.rest if it.to_me else text, to_me=it.to_me)
        return Rule.QUIET_PLEASE if quiet else None

    def _is_to_others(self, it: _Heard, memory: Memory) -> bool:
        called = (it.address.users | it.address.perhaps) - {self._me.user, it.heard.user}
        answers = memory.notes.author(it.heard.re)
        to_author = answers not in (None, it.heard.user, self._me.user)
        # `Ingvar, not Hans` corrects an answer, and calls nobody.
        stranger = it.address.stranger and not (it.floor is not None and it.cues.objects)
        return it.address.unknown or stranger or bool(called) or to_author

    def _unasked(self, it: _Heard, mode: Mode, memory: Memory) -> Rule:
        """What nobody is called by: the rest, of which little is left to the judge."""
        if names_in(it.heard.text, self._names):
            return Rule.TALKED_ABOUT
        if not mode.ambient:
            return Rule.ADDRESSED_ONLY
        if mode.quiet:
            return Rule.HUSHED
        cues = it.cues
        if it.floor is not None and cues.words >= MIN_MAYBE and not it.late and not cues.to_room:
            return Rule.MAYBE
        if (cues.small_talk and not cues.needs) or not (cues.asks or cues.needs):
            return Rule.STATEMENT
        if not cues.to_room and self._in_conversation(it, memory):
            return Rule.CONVERSATION
        return Rule.STALE if it.late else Rule.OPEN

    def _in_conversation(self, it: _Heard, memory: Memory) -> bool:
        user = it.heard.user
        if memory.alone(user):
            return False
        return memory.engaged(user, it.at) or (it.cues.you and memory.other_spoke_last(user, it.at))


def _is_over(it: _Heard) -> bool:
    """Whether a message ends a talk: thanks, laughter, yes and no, or that it is settled."""
    cues = it.cues
    if it.floor is not None and it.floor.asked and it.to_me:
        return False
    if it.floor is not None and not it.floor.shared and it.to_me and cues.denies:
        # Just after an answer it is none of the room's.
        return False
    if cues.acknowledges or (cues.settled and cues.words <= MAX_SETTLED and not cues.needs):
        return True
    if it.call is Rule.REPLY and cues.pleased and cues.words <= MAX_PLEASED and not _wants(cues):
        return True
    called = it.call in (Rule.MENTION, Rule.NAME)
    return (cues.thanks or (cues.thanks_last and not called)) and not cues.needs


def _wants(cues: Cues) -> bool:
    return cues.asks or cues.objects or cues.denies or cues.more or cues.continues or cues.needs


def _takes(floor: Floor, cues: Cues) -> bool:
    """Whether somebody who has just been answered goes on with the agent, and not with the room."""
    if cues.to_room:
        return False
    if floor.shared:
        return cues.continues and cues.asks and cues.words <= MAX_ELLIPTIC
    return floor.asked or _wants(cues) or (cues.you and cues.words > 2)

"""The layers: what one message means to the agent, from the cheapest reason to be quiet on (A7)."""

from typing import NamedTuple

from syncchat.agent.addressing import Address, address_of, names_in
from syncchat.agent.cues import Cues, cues_of
from syncchat.agent.lines import Who
from syncchat.agent.names import Names
from syncchat.agent.policy.decisions import Rule
from syncchat.agent.policy.events import Heard
from syncchat.agent.policy.manners import Manners
from syncchat.agent.policy.memory import Memory
from syncchat.agent.wishes import Wishes, quiet_seconds

SLACK = 2_000
"""How much earlier than an answer its follow-up may have been written, in ms: both were on their way."""

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


class Reading(NamedTuple):
    """What a message means: `asked` of the agent, an `open` question, or neither, by `rule`.

    `to` are the others whom it is for, `hush` the seconds of quiet that it asks for.
    """

    rule: Rule
    cues: Cues
    to: frozenset[str]
    asked: bool = False
    open: bool = False
    hush: float | None = None


_ASKED = frozenset({Rule.MENTION, Rule.NAME, Rule.REPLY, Rule.FOLLOW_UP})


class Layers:
    """Reads messages for one agent."""

    def __init__(self, me: Who, manners: Manners) -> None:
        self._me = me
        self._manners = manners
        self._wishes = Wishes((me.user, me.name))
        self._names = Names.of([me.user])
        self._names.add(me.name, me.user)

    def read(self, heard: Heard, at: int, late: bool, mode: Mode, memory: Memory) -> Reading:
        """What somebody else's message means, given what is known of the room before it."""
        address = address_of(heard.text, memory.names)
        cues = cues_of(address.said)
        answers = memory.notes.author(heard.re)
        to = address.users | ({answers} if answers else frozenset())
        to -= {self._me.user, heard.user}
        call = self._call(address, answers, to)
        rule = self._first(heard, mode) or (
            self._from_agent(heard, call, memory)
            if heard.agent
            else self._from_person(heard, at, late, address, cues, call, mode, memory)
        )
        hush = None
        if rule is Rule.QUIET_PLEASE:
            hush = quiet_seconds(heard.text) or self._manners.quiet_for
        return Reading(rule, cues, to, rule in _ASKED, rule is Rule.OPEN, hush)

    def _call(self, address: Address, answers: str | None, to: frozenset[str]) -> Rule | None:
        """How it is called, if it is."""
        if self._me.user in address.users:
            return Rule.MENTION if address.at else Rule.NAME
        return Rule.REPLY if answers == self._me.user and not address.somebody and not to else None

    def _first(self, heard: Heard, mode: Mode) -> Rule | None:
        if heard.failed or not heard.text.strip():
            return Rule.FAILED
        return Rule.DISMISSED if mode.dismissed else None

    def _from_agent(self, heard: Heard, call: Rule | None, memory: Memory) -> Rule:
        if call is None or call is Rule.REPLY:
            return Rule.AGENT
        hops = self._manners.hops
        return Rule.HOPS if memory.depth(heard) > hops or memory.answers_to_agents >= hops else call

    def _from_person(
        self,
        heard: Heard,
        at: int,
        late: bool,
        address: Address,
        cues: Cues,
        call: Rule | None,
        mode: Mode,
        memory: Memory,
    ) -> Rule:
        floor = memory.floors.get(heard.user)
        goes_on = floor is not None and not floor.broken and self._in_time(at, floor.since)
        to_me = call is not None or (goes_on and not address.somebody)
        if self._wishes.people_only(heard.text, called=call is not None):
            return Rule.PEOPLE_ONLY
        if self._wishes.quiet(address.rest if to_me else heard.text, to_me=to_me):
            return Rule.QUIET_PLEASE
        if mode.hushed:
            return Rule.HUSHED
        over = cues.acknowledges or (cues.settled and cues.words <= MAX_SETTLED and not cues.needs)
        if over and not (floor is not None and floor.asked and goes_on and to_me):
            return Rule.ACKNOWLEDGEMENT
        if call is not None:
            return call
        if self._is_to_others(heard, address, memory):
            return Rule.TO_OTHERS
        if mode.writing_for == heard.user:
            return Rule.MERGED
        if goes_on and not mode.quiet and floor is not None and _takes_the_floor(cues, asked=floor.asked):
            return Rule.FOLLOW_UP
        return self._unasked(heard, at, late, cues, mode, memory)

    def _in_time(self, at: int, since: int) -> bool:
        return since - SLACK <= at <= since + int(self._manners.follow_up * 1000)

    def _is_to_others(self, heard: Heard, address: Address, memory: Memory) -> bool:
        called = (address.users | address.perhaps) - {self._me.user, heard.user}
        answers = memory.notes.author(heard.re)
        return address.unknown or bool(called) or answers not in (None, heard.user, self._me.user)

    def _unasked(self, heard: Heard, at: int, late: bool, cues: Cues, mode: Mode, memory: Memory) -> Rule:
        """What nobody is called by: the rest, of which only open questions are left to the judge."""
        if names_in(heard.text, self._names):
            return Rule.TALKED_ABOUT
        if not mode.ambient:
            return Rule.ADDRESSED_ONLY
        if mode.quiet:
            return Rule.HUSHED
        if late:
            return Rule.STALE
        if (cues.small_talk and not cues.needs) or not (cues.asks or cues.needs):
            return Rule.STATEMENT
        if not cues.to_room and self._in_conversation(heard, at, cues, memory):
            return Rule.CONVERSATION
        return Rule.OPEN

    def _in_conversation(self, heard: Heard, at: int, cues: Cues, memory: Memory) -> bool:
        if memory.alone(heard.user):
            return False
        return memory.engaged(heard.user, at) or (cues.you and memory.other_spoke_last(heard.user, at))


def _takes_the_floor(cues: Cues, *, asked: bool) -> bool:
    """Whether somebody who has just been answered goes on with the agent, and not with the room."""
    if cues.to_room:
        return False
    return asked or cues.asks or cues.objects or cues.continues or cues.needs or cues.you

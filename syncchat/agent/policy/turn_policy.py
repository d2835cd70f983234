"""The turn policy: the state machine that decides when the agent speaks."""

from syncchat.agent.lines import Who
from syncchat.agent.policy.asking import again, answer_now, stop
from syncchat.agent.policy.decisions import Decision, Quiet, Rule
from syncchat.agent.policy.desk import Desk
from syncchat.agent.policy.events import (
    Ambient,
    Asked,
    Began,
    Edited,
    End,
    Ended,
    Event,
    Gone,
    Heard,
    Here,
    Judged,
    Said,
    Tick,
    Tuned,
    Typing,
)
from syncchat.agent.policy.listening import Listening
from syncchat.agent.policy.manners import Manners
from syncchat.agent.policy.memory import Floor, Memory, Note
from syncchat.agent.policy.mood import Mood
from syncchat.agent.policy.reading import Layers, Mode, Reading
from syncchat.agent.policy.turns import Turn
from syncchat.agent.quotes import own_words

LIVE = 15_000
"""How old a message may be when it is heard and still count as heard in time, in ms."""

SETTLE = 2_000
"""How long it waits after the last of what it could not hear in time, for more of it, in ms."""

MAX_SETTLE = 10_000
"""How long it waits for that at most, in ms."""


class TurnPolicy:
    """Decides for one agent, `me`, in one room. Its decisions are a pure function of what it was told.

    `now` is in ms since 1970, of the clock that the messages' times are of (`Room.now`); it may be set anew.
    In which order messages arrive, and how often the same one, does not matter: each is answered once at
    most. Tell it Here, Ambient or a Tick first: what was written before its first event was not heard in
    time. Its memory has bounds: MAX_NOTES, MAX_PEOPLE, MAX_SPELLINGS, MAX_OPEN, MAX_MERGED.
    """

    def __init__(self, me: Who, manners: Manners) -> None:
        self._me = me
        self._manners = manners
        self._memory = Memory(me)
        self._layers = Layers(me, manners)
        self._desk = Desk(manners, self._memory)
        self._listening = Listening(self._desk, self._memory)
        self._mood = Mood(manners.ambient)
        self._now = 0
        self._since: int | None = None
        self._catching_up = (0, 0)

    @property
    def ambient(self) -> bool:
        """Whether it may speak unasked."""
        return self._mood.ambient

    @property
    def quiet_until(self) -> int | None:
        """Until when somebody hushed it, or asked it for quiet, in ms; None if nobody did."""
        until = max(self._mood.hushed_until, self._mood.quiet_until)
        return until if until > self._now else None

    @property
    def is_busy(self) -> bool:
        """Whether a message waits, is judged, or is being answered."""
        return any(True for _ in self._desk.turns())

    @property
    def dismissed(self) -> bool:
        """Whether it was sent away."""
        return self._mood.dismissed

    @property
    def deadline(self) -> int | None:
        """When to tell a Tick, in ms since 1970 and later than the last `now`; None: nothing waits."""
        return self._desk.deadline(self._now)

    def hear(self, event: Event, now: int) -> list[Decision]:
        """What to do now that `event` has happened, in this order."""
        if now < self._now - LIVE:
            self._set_back(now)
        self._now = max(self._now, now)
        if self._since is None:
            self._since = self._now
        self._take(event)
        self._desk.advance(self._now)
        decisions, self._desk.decisions = self._desk.decisions, []
        return decisions

    def _set_back(self, now: int) -> None:
        """The clock was wrong, and has been set back: what was to come by the old one comes as soon."""
        by = self._now - now
        self._now = now
        self._since = None if self._since is None else self._since - by
        self._catching_up = (0, 0)
        self._mood.set_back(by)
        self._memory.set_back(now)
        for turn in self._desk.turns():
            turn.due -= by

    def _take(self, event: Event) -> None:
        match event:
            case Said(heard):
                self._said(heard)
            case Edited(heard):
                self._edited(heard)
            case Gone(id):
                self._gone(id)
            case Typing(user, until) if user != self._me.user:
                self._memory.typed(user, until, self._now)
            case Here(people):
                self._memory.here(people)
            case Asked():
                self._asked(event)
            case Ambient(on):
                self._set_ambient(on)
            case Tuned(manners):
                self._tune(manners)
            case Judged(id, speak, problem):
                self._desk.judged(id, speak=speak, problem=problem)
            case Ended(id, state):
                self._ended(id, state)
            case Typing() | Began() | Tick():
                # What the agent types itself, and that its answer begins, changes nothing.
                return

    # Messages

    def _said(self, heard: Heard) -> None:
        at = min(heard.at, self._now)
        if self._memory.notes.get(heard.id) is not None or self._desk.holding(heard.id) is not None:
            return
        if heard.user == self._me.user:
            self._said_myself(heard, at)
        elif self._memory.notes.forgot(at):
            self._quiet(heard.id, Rule.STALE, at)
        else:
            reading = self._read(heard, at)
            self._listening.hear(heard, at, reading)
            self._memory.note(heard, at, self._manners.gate).asked = reading.asked
            self._decide(heard, at, reading)

    def _read(self, heard: Heard, at: int) -> Reading:
        writing = self._desk.speaking
        mode = Mode(
            ambient=self._mood.ambient,
            hushed=self._mood.hushed_until > self._now,
            quiet=self._mood.quiet_until > self._now,
            dismissed=self._mood.dismissed,
            writing_for=writing.user if writing is not None and not writing.withdrawn else None,
        )
        # An open question is nothing missed as long as it is left to people anyway.
        missed = self._is_late(at) and at + int(self._manners.grace * 1000) <= self._now
        return self._layers.read(heard, at, missed, mode, self._memory)

    def _is_late(self, at: int) -> bool:
        """Whether a message was not heard in time."""
        return at < (self._since or 0) or self._now - at > LIVE

    def _said_myself(self, heard: Heard, at: int) -> None:
        """An answer of its own: one that an earlier run, or another process, may have written."""
        notes = self._memory.notes
        asked = notes.get(heard.re)
        notes.put(heard.id, Note(heard.user, at, heard.re, asked.depth if asked is not None else 0))
        if asked is not None and not asked.spoken and heard.of is None:
            # It was not this policy that decided to speak, and its share is that of all runs.
            self._memory.spoke(unasked=not asked.asked)
        for done in (asked, notes.get(heard.of)):
            if done is not None:
                done.spoken = True
        turn = self._desk.holding(heard.re) if heard.re is not None else None
        if turn is not None and turn is not self._desk.speaking and turn.of is None:
            self._desk.withdraw(turn, Rule.ANSWERED, by=heard.id)
        asker = notes.author(heard.re)
        if asker is not None and asker != self._me.user and not heard.failed:
            asks = own_words(heard.text).rstrip().endswith("?")
            self._memory.give_floor(asker, Floor(at, asks))

    def _decide(self, heard: Heard, at: int, reading: Reading) -> None:
        """Decide about a new message."""
        if reading.hush is not None:
            self._be_quiet(heard.user, reading.hush, at)
        if reading.asked and self._now - at > self._manners.fresh * 1000:
            self._quiet(heard.id, Rule.STALE, at)
        elif reading.asked and self._is_answered(heard, at):
            self._quiet(heard.id, Rule.ANSWERED, at)
        elif reading.asked or reading.open:
            self._desk.add(self._turn(heard, at, reading))
        else:
            writing = self._desk.speaking
            if reading.rule is Rule.MERGED and writing is not None:
                self._desk.tell(writing, Rule.ADDED, by=heard.id)
            self._quiet(heard.id, reading.rule, at, to=sorted(reading.to)[:8])

    def _is_answered(self, heard: Heard, at: int) -> bool:
        """Whether an answer was heard before its question: one of its own, or anybody's if it is late."""
        users = {note.user for note in self._memory.notes.answers(heard.id)} - {heard.user}
        return self._me.user in users or (bool(users) and self._is_late(at))

    def _turn(self, heard: Heard, at: int, reading: Reading) -> Turn:
        late = self._is_late(at)
        due = self._now
        if reading.rule is Rule.OPEN and not self._memory.alone(heard.user):
            due = max(due, at + int(self._manners.grace * 1000))
        elif late:
            due = self._settle()
        return Turn(heard.id, heard.user, at, due, reading.rule, reading.asked, late=late, agent=heard.agent)

    def _settle(self) -> int:
        """When what was not heard in time is answered: first all of it has to be there."""
        began, until = self._catching_up
        if until < self._now:
            began = self._now
        until = min(self._now + SETTLE, began + MAX_SETTLE)
        self._catching_up = (began, until)
        for turn in self._desk.open:
            if turn.late and turn.due > self._now:
                turn.due = max(turn.due, until)
        return until

    def _quiet(self, id: str, rule: Rule, at: int, **inputs: object) -> None:
        given = {"age_ms": max(0, self._now - at)} | {name: value for name, value in inputs.items() if value}
        self._desk.decisions.append(Quiet(id, rule, given))

    def _edited(self, heard: Heard) -> None:
        note = self._memory.notes.get(heard.id)
        turn = self._desk.holding(heard.id)
        if note is None and turn is None:
            self._said(heard)
            return
        if heard.user == self._me.user or (note is not None and note.gone):
            return
        at = min(heard.at, self._now)
        if turn is not None:
            self._edited_turn(turn, heard, self._read(heard, at))
        elif note is not None and not note.spoken:
            reading = self._read(heard, at)
            if reading.asked and self._now - at <= self._manners.fresh * 1000:
                self._desk.add(self._turn(heard, at, reading))

    def _edited_turn(self, turn: Turn, heard: Heard, reading: Reading) -> None:
        """A question was rewritten that is open, or being answered."""
        if heard.id != turn.id:
            self._desk.tell(turn, Rule.EDITED, by=heard.id)
        elif (
            turn.of is not None
            or turn.rule is Rule.NOW
            or (
                turn is self._desk.speaking and (reading.asked or reading.open or reading.rule is Rule.MERGED)
            )
        ):
            self._desk.tell(turn, Rule.EDITED)
        elif not (reading.asked or reading.open):
            self._desk.withdraw(turn, Rule.EDITED)
        elif turn is self._desk.speaking:
            self._desk.tell(turn, Rule.EDITED)
        elif turn is self._desk.judging or reading.asked is not turn.asked:
            self._desk.withdraw(turn, Rule.EDITED)
            if reading.asked or reading.open:
                self._desk.add(self._turn(heard, turn.at, reading))

    def _gone(self, id: str) -> None:
        note = self._memory.notes.get(id)
        if note is None:
            note = Note(self._memory.notes.author(id) or "", self._now)
            self._memory.notes.put(id, note)
        note.gone = True
        self._desk.drop(id)

    # What people ask of it

    def _asked(self, asked: Asked) -> None:
        match asked.verb:
            case "stop":
                stop(self._desk, asked.id, asked.user)
            case "again" if not self._mood.dismissed:
                again(self._desk, self._memory, asked, self._now)
            case "now" if not self._mood.dismissed:
                answer_now(self._desk, asked.id, asked.user, self._now)
            case "hush":
                self._mood.hush(asked.seconds, self._now)
                if asked.seconds > 0:
                    self._withdraw_all(Rule.HUSHED, asked.user)
            case "dismiss":
                self._mood.dismissed = True
                self._withdraw_all(Rule.DISMISSED, asked.user)
            case "summon":
                self._mood.summon()

    def _withdraw_all(self, rule: Rule, user: str) -> None:
        for turn in list(self._desk.turns()):
            turn.left.clear()
            self._desk.withdraw(turn, rule, by=user)

    def _set_ambient(self, on: bool) -> None:
        self._mood.ambient = on
        for turn in [] if on else list(self._desk.turns()):
            if not turn.asked:
                self._desk.withdraw(turn, Rule.ADDRESSED_ONLY)

    def _tune(self, manners: Manners) -> None:
        self._manners = manners
        self._layers.tune(manners)
        self._desk.tune(manners, self._now)

    def _be_quiet(self, user: str, seconds: float, at: int) -> None:
        """Somebody wants quiet: nothing unasked for so long, and nothing more for that person now.

        Another who asked and is being answered gets the whole answer.
        """
        self._mood.be_quiet(seconds, at)
        self._memory.floors.clear()
        for turn in list(self._desk.turns()):
            missed = turn.late and turn is not self._desk.speaking
            if not turn.asked or missed or turn.user == user:
                self._desk.withdraw(turn, Rule.QUIET_PLEASE, by=user)

    # What became of an answer

    def _ended(self, id: str, state: End) -> None:
        turn = self._desk.ended(id, state)
        if turn is None or turn.agent:
            return
        if state in ("done", "error", "interrupted"):
            self._memory.keep_floor(turn.user, turn.began, self._now)
        elif state == "stopped":
            self._memory.floors.pop(turn.user, None)

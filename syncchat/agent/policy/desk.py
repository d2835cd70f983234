"""The desk: the turns that are open, the one that is judged and the one that is answered (A11-A13)."""

from collections.abc import Iterator

from syncchat.agent.policy.decisions import Decision, Judge, Quiet, Rule, Speak, Tell, Wait, Withdraw
from syncchat.agent.policy.events import End
from syncchat.agent.policy.manners import Manners
from syncchat.agent.policy.memory import Memory
from syncchat.agent.policy.turns import MAX_OPEN, MAX_TELLS, OpenTurns, Turn

OVERDUE = 300_000
"""How long after its time an open question that could not be answered yet is dropped, in ms."""


class Desk:
    """Decides what is done next. `decisions` are those made since they were taken."""

    def __init__(self, manners: Manners, memory: Memory) -> None:
        self._manners = manners
        self._memory = memory
        self._patience = int(manners.typing_patience * 1000)
        self.open = OpenTurns()
        self.judging: Turn | None = None
        self.speaking: Turn | None = None
        self.decisions: list[Decision] = []

    def tune(self, manners: Manners, now: int) -> None:
        """From now on these manners hold: what is left to people yet is left to them for the new time."""
        self._manners = manners
        self._patience = int(manners.typing_patience * 1000)
        for turn in self.open.unasked():
            due = max(now, turn.at + int(manners.grace * 1000))
            if turn.rule is Rule.OPEN and turn.due > now and due != turn.due:
                turn.due, turn.shown = due, None

    def turns(self) -> Iterator[Turn]:
        """All that is on the desk."""
        yield from self.open
        yield from (turn for turn in (self.judging, self.speaking) if turn is not None)

    def holding(self, id: str) -> Turn | None:
        """The turn that is about this message."""
        return next((turn for turn in self.turns() if turn.holds(id)), None)

    # What comes and goes

    def add(self, turn: Turn) -> None:
        """A message to answer, sooner or later."""
        self._supersede(turn)
        self.open.put(turn)
        if len(self.open) > MAX_OPEN:
            self._make_room()

    def _supersede(self, turn: Turn) -> None:
        """What the same person left open is answered with the newer turn."""
        judging = [self.judging] if self.judging is not None and self.judging.user == turn.user else []
        for older in [*self.open.of(turn.user, asked=False), *judging]:
            self._merge(turn, older)
            self.withdraw(older, Rule.MERGED, into=turn.id)
        writing = self.speaking
        if writing is None or writing.user != turn.user or writing.withdrawn or turn.of is not None:
            return
        if self._manners.on_newer == "replace" and turn.asked and writing.of is None:
            self._merge(turn, writing)
            self.withdraw(writing, Rule.REPLACED, by=turn.id)

    def _merge(self, turn: Turn, older: Turn) -> None:
        for id in turn.take(older):
            self.decisions.append(Quiet(id, Rule.MERGED, {"into": turn.id}))

    def _make_room(self) -> None:
        unasked = self.open.unasked()
        if unasked:
            self.withdraw(unasked[0], Rule.CROWDED)
            return
        oldest, second, *_ = self.open
        self.open.remove(oldest)
        self._merge(second, oldest)

    def withdraw(self, turn: Turn, rule: Rule, **inputs: object) -> None:
        """Answer this turn no more; once is enough."""
        if turn.withdrawn:
            return
        turn.withdrawn = True
        self.open.remove(turn)
        # What nobody was told to wait for, to judge or to write is quiet from the start.
        begun = turn.approved or turn.shown is not None or turn is self.judging or turn is self.speaking
        if self.judging is turn:
            self.judging = None
        self.decisions.append((Withdraw if begun else Quiet)(turn.id, rule, inputs))

    def tell(self, turn: Turn, rule: Rule, **inputs: object) -> None:
        """Let the answer that is being written know what was said."""
        if turn is self.speaking and not turn.withdrawn and turn.told < MAX_TELLS:
            turn.told += 1
            self.decisions.append(Tell(turn.id, rule, inputs))

    def drop(self, id: str) -> None:
        """A message is gone; what was merged with it is answered without it."""
        turn = self.holding(id)
        if turn is None:
            return
        if id != turn.id:
            turn.merged.remove(id)
            return
        left, turn.merged = turn.merged, []
        was_writing = turn is self.speaking and not turn.withdrawn
        self.withdraw(turn, Rule.DELETED)
        if was_writing:
            turn.left = left
        elif turn is not self.speaking:
            self._go_on(turn, left)

    def _go_on(self, turn: Turn, left: list[str]) -> None:
        """Answer what was merged with a turn that is gone."""
        if left:
            *merged, id = left
            user = self._memory.notes.author(id) or turn.user
            self.open.put(
                Turn(
                    id,
                    user,
                    turn.at,
                    turn.due,
                    turn.rule,
                    turn.asked,
                    late=turn.late,
                    by=turn.by,
                    merged=merged,
                )
            )

    # What the runtime tells

    def judged(self, id: str, *, speak: bool, problem: str | None) -> None:
        """The judge's verdict about the turn that is judged; any other is too late."""
        turn = self.judging
        if turn is None or turn.id != id:
            return
        self.judging = None
        if speak:
            turn.approved = True
            self.open.put(turn)
            return
        rule = Rule.JUDGED_QUIET if problem is None else Rule.JUDGE_FAILED
        self.decisions.append(Quiet(id, rule, {} if problem is None else {"problem": problem}))

    def ended(self, id: str, state: End) -> Turn | None:
        """The answer to this message has ended; returns its turn, None if it was not being written."""
        turn = self.speaking
        if turn is None or turn.id != id:
            return None
        self.speaking = None
        if state == "withdrawn":
            self._mark(turn, spoken=False)
        if state != "done":
            self._go_on(turn, turn.left)
        else:
            # It was finished before its withdrawal was heard of.
            for newer in self.open:
                newer.merged = [id for id in newer.merged if not turn.holds(id)]
        return turn

    # What is next

    def advance(self, now: int) -> None:
        """Decide what is to be done at `now`."""
        for turn in self.open.unasked():
            if now > turn.due + OVERDUE:
                self.withdraw(turn, Rule.STALE)
        if self.speaking is None:
            self._speak_next(now)
        if self.speaking is None and self.judging is None:
            self._judge_next(now)
        for turn in self.open:
            self._show(turn, now)

    def _ready(self, now: int) -> Iterator[Turn]:
        return (turn for turn in self.open if self._when(turn, now)[1] <= now)

    def _speak_next(self, now: int) -> None:
        ready = list(self._ready(now))
        asked = next((turn for turn in ready if turn.asked), None)
        if asked is not None:
            self._speak(self._gather(asked, ready), now)
            return
        for turn in ready:
            if turn.approved and self._within_share(turn):
                self._speak(turn, now)
                return

    def _gather(self, turn: Turn, ready: list[Turn]) -> Turn:
        """The turn with all that the same person asked besides, if that is how it is answered."""
        if turn.of is not None:
            return turn
        for newer in ready:
            alike = newer is not turn and newer.user == turn.user and newer.asked and newer.of is None
            if alike and (self._manners.on_newer != "queue" or (turn.late and newer.late)):
                self.open.remove(turn)
                self._merge(newer, turn)
                turn = newer
        return turn

    def _speak(self, turn: Turn, now: int) -> None:
        self.open.remove(turn)
        self.speaking = turn
        turn.began = now
        self._memory.spoke(unasked=not turn.asked)
        self._mark(turn, spoken=True)
        rule = turn.rule if turn.asked else Rule.JUDGED
        inputs = {"user": turn.user, "age_ms": max(0, now - turn.at), "late": turn.late}
        self.decisions.append(Speak(turn.id, rule, tuple(turn.merged), turn.of, inputs, turn.by))

    def _mark(self, turn: Turn, *, spoken: bool) -> None:
        """Remember whether the messages of a turn are answered; of a new version, the version before it."""
        for id in [turn.of] if turn.of is not None else [turn.id, *turn.merged]:
            note = self._memory.notes.get(id)
            if note is not None:
                note.spoken = spoken

    def _judge_next(self, now: int) -> None:
        for turn in list(self._ready(now)):
            if turn.asked or not self._within_share(turn):
                continue
            if self._memory.credit < 1:
                self.withdraw(turn, Rule.GATE, credit=round(self._memory.credit, 2))
                continue
            self._memory.credit -= 1
            self.open.remove(turn)
            self.judging = turn
            inputs = {"user": turn.user, "waited_ms": max(0, now - turn.at)}
            self.decisions.append(Judge(turn.id, turn.rule, inputs))
            return

    def _within_share(self, turn: Turn) -> bool:
        if self._memory.may_speak_unasked(self._manners.share):
            return True
        self.withdraw(turn, Rule.SHARE, share=self._manners.share)
        return False

    def _when(self, turn: Turn, now: int) -> tuple[Rule, int]:
        """What a turn waits for, and until when; not after `now` if it could be answered at once."""
        if turn.due > now:
            return (Rule.CATCHING_UP if turn.asked else Rule.GRACE), turn.due
        if turn.rule not in (Rule.NOW, Rule.AGAIN):
            typing = self._memory.typing_until(now, turn.user if turn.asked else None)
            hold = min(typing, turn.due + self._patience)
            if hold > now:
                return Rule.TYPING, hold
        return Rule.BUSY, now

    def _show(self, turn: Turn, now: int) -> None:
        rule, until = self._when(turn, now)
        if rule is not turn.shown:
            turn.shown = rule
            inputs = {"user": turn.user, "asked": turn.asked}
            self.decisions.append(Wait(turn.id, rule, until if until > now else None, inputs))

    def deadline(self, now: int) -> int | None:
        """When something may be ready that is not ready at `now`."""
        times = [until for turn in self.open if (until := self._when(turn, now)[1]) > now]
        return min(times, default=None)

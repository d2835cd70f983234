"""What a message means for the turns that are open: answered, or needed no more (A11)."""

from syncchat.agent.policy.decisions import Rule
from syncchat.agent.policy.desk import Desk
from syncchat.agent.policy.events import Heard
from syncchat.agent.policy.memory import Memory
from syncchat.agent.policy.reading import Reading
from syncchat.agent.policy.turns import Turn


class Listening:
    """Withdraws what a new message makes needless, and notes who talks to whom."""

    def __init__(self, desk: Desk, memory: Memory) -> None:
        self._desk = desk
        self._memory = memory

    def hear(self, heard: Heard, at: int, reading: Reading) -> None:
        """Take in somebody else's new message."""
        if heard.failed:
            return
        for turn in list(self._desk.turns()):
            if turn.user == heard.user:
                self._asker_spoke(turn, heard, at, reading)
            elif turn.at <= at and not reading.asked:
                self._other_spoke(turn, heard, reading)
        if not heard.agent:
            self._talk(heard, at, reading)

    def _talk(self, heard: Heard, at: int, reading: Reading) -> None:
        """Who speaks with a person, or hears the room speak, has the floor with the agent no more."""
        if reading.to:
            self._memory.engage([heard.user, *reading.to], at)
            self._memory.break_floors([heard.user, *reading.to])
        elif not reading.asked:
            self._memory.share_floors(heard.user)

    def _asker_spoke(self, turn: Turn, heard: Heard, at: int, reading: Reading) -> None:
        """Who has found it, or thanks somebody else, needs no answer any more."""
        cues = reading.cues
        helped = bool(reading.to) and cues.acknowledges and not turn.by_name
        # Nobody thanks for what was not said: it was said while the agent was away.
        thanked = (
            turn.late
            and turn is not self._desk.speaking
            and (cues.thanks or (cues.thanks_last and cues.acknowledges))
            and self._memory.other_spoke_last(heard.user, at)
        )
        if cues.settled or helped or thanked:
            self._desk.withdraw(turn, Rule.SETTLED, by=heard.id)

    def _other_spoke(self, turn: Turn, heard: Heard, reading: Reading) -> None:
        """What somebody has answered is not answered again, unless it was asked by name and heard in time."""
        if reading.cues.clueless:
            return
        plainly = (heard.re is not None and turn.holds(heard.re)) or turn.user in reading.to
        if not plainly and not self._may_answer(turn, heard, reading):
            return
        if not turn.by_name or (turn.late and turn is not self._desk.speaking):
            self._desk.withdraw(turn, Rule.ANSWERED, by=heard.id)
        else:
            self._desk.tell(turn, Rule.ANSWERED, by=heard.id)

    def _may_answer(self, turn: Turn, heard: Heard, reading: Reading) -> bool:
        """Whether what a person said to nobody in particular may answer the newest open question."""
        cues = reading.cues
        if heard.agent or reading.to or turn.asked or cues.asks or cues.acknowledges:
            return False
        if cues.words < 2 and not any(sign.isdigit() for sign in heard.text):
            return False
        others = (other for other in self._desk.turns() if not other.asked and other.user != heard.user)
        return turn.at == max(other.at for other in others)

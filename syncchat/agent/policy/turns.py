"""Turns: messages that the agent answers, or may answer, and that are open yet."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from syncchat.agent.policy.decisions import Rule

MAX_OPEN = 64
"""Turns that may be open; beyond that open questions are dropped, and what it was asked is merged."""

MAX_MERGED = 32
"""Messages that one answer is for beside its own; beyond that the oldest are told as merged, and no more."""

MAX_TELLS = 3
"""How often an answer that is being written goes on with what was said since."""

BY_NAME = frozenset({Rule.MENTION, Rule.NAME, Rule.REPLY, Rule.AGAIN, Rule.NOW})


@dataclass(slots=True)
class Turn:
    """One message to answer at `due` (ms), and those of `merged` with it, oldest first.

    `asked`: the agent was asked, by `rule`; else it is an open question, and `approved` if the judge said so.
    `late`: it was not heard in time. `shown` is what the last Wait told of it, `told` how many Tells there
    were, `began` (ms) when its answer began. `withdrawn`: what is being written goes; `left` are messages
    that a further answer is for then. `by` asked for the answer by a request, in place of `user`.
    """

    id: str
    user: str
    at: int
    due: int
    rule: Rule
    asked: bool
    late: bool = False
    approved: bool = False
    of: str | None = None
    by: str | None = None
    merged: list[str] = field(default_factory=list)
    shown: Rule | None = None
    told: int = 0
    began: int = 0
    agent: bool = False
    withdrawn: bool = False
    left: list[str] = field(default_factory=list)

    @property
    def by_name(self) -> bool:
        """Whether it was asked expressly: then it is answered, whoever else answers too."""
        return self.rule in BY_NAME

    def holds(self, id: str) -> bool:
        """Whether the message is answered by this turn."""
        return id == self.id or id in self.merged

    def take(self, older: "Turn") -> list[str]:
        """Answer another turn by this one; returns the ids that are too many to be told with the answer."""
        everything = [*older.merged, older.id, *self.merged]
        ids = [id for id in dict.fromkeys(everything) if id != self.id]
        self.merged = ids[-MAX_MERGED:]
        return ids[:-MAX_MERGED]


class OpenTurns:
    """The turns that wait, in the order in which they came."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(list(self._turns.values()))

    def get(self, id: str) -> Turn | None:
        """The turn of this message."""
        return self._turns.get(id)

    def holding(self, id: str) -> Turn | None:
        """The turn that answers this message, as its own or merged."""
        return self._turns.get(id) or next((turn for turn in self._turns.values() if id in turn.merged), None)

    def put(self, turn: Turn) -> None:
        """Add a turn; the caller keeps to MAX_OPEN."""
        self._turns[turn.id] = turn

    def remove(self, turn: Turn) -> None:
        """Take a turn out; one that is not there is no error."""
        self._turns.pop(turn.id, None)

    def of(self, user: str, *, asked: bool) -> list[Turn]:
        """The turns of one person, oldest first."""
        return [turn for turn in self._turns.values() if turn.user == user and turn.asked is asked]

    def unasked(self) -> list[Turn]:
        """The open questions, oldest first."""
        return [turn for turn in self._turns.values() if not turn.asked]

"""Why the agent spoke, or did not: one entry for each message that it decided about (A22)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncchat.agent.budget import Spend

MAX_ENTRIES = 500
"""Messages of a room that the ledger goes back; of older ones nobody is told why."""

MAX_BEFORE = 8
"""Earlier decisions about the same message that are kept, the newest ones."""

MAX_INPUTS = 24
MAX_INPUT = 200
"""What a rule looked at, of which so many with so many characters are kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was decided about the message `id` in `room`, at `at` (ms since 1970), by which rule.

    `decision` is a word ("speak", "quiet", "wait", ...). `inputs` are what the rule looked at: ids, names
    and numbers, never a text that somebody wrote. `reply` is the id of the answer, if there is one, `cost`
    what was spent on this message, `problem` what went wrong. `before` are the decisions about it before this
    one: when, what, by which rule.
    """

    room: str
    id: str
    at: int
    decision: str
    rule: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    cost: Spend = field(default_factory=Spend)
    reply: str | None = None
    problem: str | None = None
    before: tuple[tuple[int, str, str], ...] = ()

    def told(self) -> dict[str, Any]:
        """The entry as a JSON object, for whoever asks why."""
        return {
            "id": self.id,
            "at": self.at,
            "decision": self.decision,
            "rule": self.rule,
            "inputs": dict(self.inputs),
            "cost": {
                "calls": self.cost.calls,
                "tokens_in": self.cost.tokens_in,
                "tokens_out": self.cost.tokens_out,
            },
            "reply": self.reply,
            "problem": self.problem,
            "before": [list(step) for step in self.before],
        }


def read_entry(room: str, told: Mapping[str, Any]) -> Entry:
    """The entry that `told` returned. Raises KeyError, TypeError or ValueError for anything else."""
    cost = told["cost"]
    return Entry(
        room,
        str(told["id"]),
        int(told["at"]),
        str(told["decision"]),
        str(told["rule"]),
        dict(told["inputs"]),
        Spend(int(cost["calls"]), int(cost["tokens_in"]), int(cost["tokens_out"])),
        told["reply"],
        told["problem"],
        tuple((int(at), str(decision), str(rule)) for at, decision, rule in told["before"]),
    )


@dataclass
class Ledger:
    """The entries of one room, those about its newest messages; a `journal.State`.

    Who comes back hears old messages again: what is decided about those then pushes out nothing newer. One
    that is answered is as new as its last answer.
    """

    room: str
    entries: dict[str, Entry] = field(default_factory=dict)
    """By the ids of the messages, in the order of their last decisions."""

    def find(self, id: str) -> Entry | None:
        """The entry about a message, or about the one that it answers."""
        if (found := self.entries.get(id)) is not None:
            return found
        return next((entry for entry in reversed(self.entries.values()) if entry.reply == id), None)

    def take(self, entry: Any) -> None:
        """See `syncchat.journal.State`: what `Entry.told` returned."""
        try:
            new = read_entry(self.room, entry)
        except (KeyError, TypeError, ValueError):  # a later version's: it is its own to tell
            return
        last = self.entries.pop(new.id, None)
        self.entries[new.id] = _after(last, new) if last is not None else new
        if len(self.entries) > MAX_ENTRIES:
            del self.entries[min(self.entries.values(), key=_newest).id]

    def whole(self) -> Any:
        """See `syncchat.journal.State`."""
        return [entry.told() for entry in self.entries.values()]

    def restore(self, whole: Any) -> None:
        """See `syncchat.journal.State`."""
        for entry in whole:
            self.take(entry)


def _newest(entry: Entry) -> str:
    """The newest message that an entry is about: ids are in the order of their times."""
    return max(entry.id, entry.reply or "")


def _after(last: Entry, new: Entry) -> Entry:
    """What is known of a message after another decision about it: costs add up, an answer stays known."""
    same = (last.decision, last.rule) == (new.decision, new.rule)
    before = last.before if same else (*last.before, (last.at, last.decision, last.rule))
    return Entry(
        new.room,
        new.id,
        new.at,
        new.decision,
        new.rule,
        new.inputs or last.inputs,
        last.cost + new.cost,
        new.reply or last.reply,
        new.problem,
        before[-MAX_BEFORE:],
    )


def shortened(inputs: Mapping[str, object]) -> dict[str, object]:
    """What the ledger keeps of `inputs`: plain values, neither many nor long."""
    return {str(name)[:MAX_INPUT]: _plain(value) for name, value in list(inputs.items())[:MAX_INPUTS]}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [str(part)[:MAX_INPUT] for part in list(value)[:MAX_INPUTS]]
    return str(value)[:MAX_INPUT]

"""What the turn policy decides, by which rule and from what: no texts, so that all of it can be shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Inputs = Mapping[str, object]
"""What a decision was made from: ids, names, numbers, and no text of anybody's."""


class Rule(StrEnum):
    """Why. The names are stable: the ledger, /why and docs/agent.md have them."""

    # Speak
    MENTION = "mention"
    NAME = "name"
    REPLY = "reply to me"
    FOLLOW_UP = "follow-up"
    AGAIN = "again"
    NOW = "now"
    JUDGED = "judged"
    # Wait
    GRACE = "people first"
    TYPING = "somebody types"
    BUSY = "writing another"
    CATCHING_UP = "catching up"
    # Judge
    OPEN = "open question"
    MAYBE = "perhaps a follow-up"
    # Quiet, and Withdraw
    TO_OTHERS = "to somebody else"
    TALKED_ABOUT = "talked about"
    PEOPLE_ONLY = "for people only"
    ACKNOWLEDGEMENT = "acknowledgement"
    STATEMENT = "nothing asked"
    CONVERSATION = "people talk to each other"
    ADDRESSED_ONLY = "addressed only"
    AGENT = "another agent"
    HOPS = "enough hops"
    QUIET_PLEASE = "request for quiet"
    HUSHED = "hushed"
    DISMISSED = "dismissed"
    STALE = "stale"
    FAILED = "failed message"
    ANSWERED = "answered"
    SETTLED = "settled by the asker"
    MERGED = "merged into a newer one"
    REPLACED = "replaced by a newer one"
    SHARE = "share used up"
    GATE = "gate used up"
    JUDGED_QUIET = "judged quiet"
    JUDGE_FAILED = "judge failed"
    CROWDED = "too much is open"
    STOPPED = "stopped"
    EDITED = "edited"
    DELETED = "deleted"
    # Tell
    ADDED = "asker added"


def _none() -> Inputs:
    return {}


@dataclass(frozen=True, slots=True)
class Judge:
    """Ask the judge about this message; the answer is a Judged. One at a time."""

    id: str
    rule: Rule
    inputs: Inputs = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Speak:
    """Answer this message, and by the same reply those in `merged`; it ends with an Ended. One at a time.

    `of` is the answer that the reply is a new version of. `by` is who asked for it by `again` or `now`; None:
    whoever wrote the message did.
    """

    id: str
    rule: Rule
    merged: tuple[str, ...] = ()
    of: str | None = None
    inputs: Inputs = field(default_factory=_none)
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """This message is not answered, or not by a reply of its own."""

    id: str
    rule: Rule
    inputs: Inputs = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Wait:
    """This message may be answered at `until` (ms since 1970), or when what is being written has ended."""

    id: str
    rule: Rule
    until: int | None
    inputs: Inputs = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Stop waiting, judging or writing for this message; what was shown of its answer goes.

    After a Speak the runtime answers with Ended(id, "withdrawn"); after a Judge or a Wait with nothing.
    """

    id: str
    rule: Rule
    inputs: Inputs = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Tell:
    """The answer to this message goes on, knowing what was said since; at most a few times for each."""

    id: str
    rule: Rule
    inputs: Inputs = field(default_factory=_none)


Decision = Judge | Speak | Quiet | Wait | Withdraw | Tell

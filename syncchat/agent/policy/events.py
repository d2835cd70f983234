"""What the turn policy is told: what happened in the room, and what became of its own decisions."""

from dataclasses import dataclass
from typing import Literal

from syncchat.agent.lines import Who
from syncchat.agent.policy.manners import Manners

Verb = Literal["stop", "again", "now", "hush", "dismiss", "summon"]
"""What people ask of the agent: see `Asked`."""

End = Literal["done", "error", "stopped", "interrupted", "withdrawn", "lost"]
"""How a reply ended: as messages do; `withdrawn` after a Withdraw; `lost`: another process has it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One finished message: its id, its time `at` (ms since 1970) and its author, who is verified.

    `re` is the id of the message that it answers, `of` that of the answer that it is a newer version of.
    `agent`: its author is an agent. `failed`: it ended as an error, stopped or interrupted.
    """

    id: str
    at: int
    user: str
    text: str
    re: str | None = None
    agent: bool = False
    failed: bool = False
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A message is there and finished, the agent's own ones too. One that was told before changes nothing."""

    heard: Heard


@dataclass(frozen=True, slots=True)
class Edited:
    """A message has another text now."""

    heard: Heard


@dataclass(frozen=True, slots=True)
class Gone:
    """A message was deleted."""

    id: str


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody types; unless told again, only until `until` (ms since 1970); not any more if that is past."""

    user: str
    until: int


@dataclass(frozen=True, slots=True)
class Here:
    """The people who are present now, agents left out. Never told, it is not known."""

    people: tuple[Who, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who may write asks: `id` is that of a trigger or of a reply, `seconds` are for `hush` only.

    `page` is where that stands, if it is not the newest; `re` is what it answers, as far as that is known.

    `stop` ends what waits (what is being written, the runtime stops and tells by Ended); `again` wants a
    new version of an answer; `now` does not wait; `hush` for 0 seconds ends a hush, `summon` a `dismiss`.
    """

    verb: Verb
    id: str
    user: str
    seconds: int = 0
    page: int | None = None
    re: str | None = None


@dataclass(frozen=True, slots=True)
class Ambient:
    """From now on the agent may speak unasked, or may not."""

    on: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """From now on these manners hold, also for what is open; whether it may speak unasked says Ambient."""

    manners: Manners


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge says of the message that a Judge was for; `problem`: it failed, which means quiet."""

    id: str
    speak: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """The answer to the trigger `id` is being written, as the message `reply`."""

    id: str
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Each Speak is answered by one of these, whatever happens: the reply to the trigger `id` has ended."""

    id: str
    state: End


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time has passed: to be told when the policy's deadline has come."""


Event = Said | Edited | Gone | Typing | Here | Asked | Ambient | Tuned | Judged | Began | Ended | Tick

"""What a case of the manners set is: a short story of a room, and whether the agent should speak after it."""

from dataclasses import dataclass
from typing import Literal

from syncchat.agent.lines import Who

Label = Literal["SPEAK", "QUIET", "EITHER"]
Mode = Literal["addressed", "ambient"]
Kind = Literal["message", "edit", "delete", "typing", "request", "model-failed", "away", "back"]

SLICES = (
    "mention",
    "name without @",
    "reply to the agent",
    "third person",
    "to another person",
    "acknowledgement",
    "banter",
    "open question",
    "already answered",
    "for people only",
    "error challenged",
    "request for quiet",
    "quoted or injected",
    "other bot",
    "stale backlog",
)

UNADDRESSED = frozenset({"open question", "already answered"})
"""Slices whose SPEAK cases ask the room and not the agent, unless the case says otherwise."""

ME = Who("pixel", "Pixel")
"""The agent of a case that names none."""

SILENT = ("sara", "milo")
"""Who is present without saying anything where a case names nobody: few are alone with an agent."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `time` seconds after the story began.

    `id` is the message that is written, edited, deleted or asked about; `reply_to` the one that is replied
    to, or whose answer failed. `verb` is a request's, `seconds` is how long somebody types or wants quiet.
    `away` and `back` are the agent's own: what is said between them it hears when it is back.
    """

    time: float
    kind: Kind = "message"
    id: str = ""
    author: str = ""
    text: str = ""
    reply_to: str | None = None
    agent: bool = False
    verb: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """One case; see docs/agent.md for its form as JSON.

    The label is about the messages `about` (without them: the last one): within `deadline` seconds of the
    last of these the agent should answer (SPEAK), should not (QUIET), or may (EITHER). A reply to any
    other message is wrong in every case. `addressed` says that a SPEAK case speaks to the agent itself.
    """

    id: str
    slice: str
    label: Label
    deadline: float
    mode: Mode
    events: tuple[Event, ...]
    about: tuple[str, ...]
    addressed: bool
    me: Who = ME
    people: tuple[str, ...] = SILENT
    grace: float | None = None
    why: str = ""

    @property
    def end(self) -> float:
        """When the story is over, in seconds after it began."""
        return self.begin + self.deadline

    @property
    def begin(self) -> float:
        """When the last of the messages it is about was written (or edited), or heard after being away."""
        times = [e.time for e in self.events if e.kind in ("message", "edit") and e.id in self.about]
        return max(times + [e.time for e in self.events if e.kind == "back" and e.time > min(times)])

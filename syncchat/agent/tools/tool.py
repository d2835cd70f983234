"""What a tool is: something that a model may ask for, and a program does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from syncchat.agent.lines import Line
from syncchat.core.room import Room
from syncchat.errors import SyncchatError

MAX_ARGUMENTS = 2_000
"""The longest arguments of a call, in characters of JSON: they are shown to people, who are to read them."""

MAX_RESULT = 6_000
"""Characters of a result that get into a prompt; the rest is cut, and the prompt says so."""

Arguments = Mapping[str, Any]


class ToolFailed(SyncchatError):
    """A call came to nothing; `cause` says why, for the model and for people, and quotes nobody."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class ToolSpec(NamedTuple):
    """A tool as a model is told of it; `parameters` is the JSON schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class ToolCall(NamedTuple):
    """A call that a model wants: the name of a tool, and the arguments as the JSON text that it wrote."""

    name: str
    arguments: str


class ToolResult(NamedTuple):
    """What a call brought: a text, and the messages that it found, which an answer can cite."""

    text: str
    messages: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a call is about: the room, who asked (verified by the message's id), and which message.

    `labels` are those by which the model knows messages, and their ids.
    """

    room: Room
    asker: str
    trigger: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Tool(Protocol):
    """Something that can be called with arguments and answers with a text, with messages, or with both.

    What it answers is data: it gets into a prompt as JSON, and at most MAX_RESULT characters of it.
    """

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""

    @property
    def needs_approval(self) -> bool:
        """Whether the asker or a moderator has to agree to each call."""

    async def call(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Do it; `arguments` are as the schema wants them. Raises ToolFailed, and nothing else."""
        ...

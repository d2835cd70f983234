"""A tool call on its way: from what a model wanted to what became of it, as everybody in the room sees it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from syncchat.agent.lines import one_line
from syncchat.agent.tools.tool import Tool, ToolResult

MAX_NOTE = 300
"""Characters of a result, or of why there is none, that are shown with the message."""

State = Literal["proposed", "approved", "denied", "done", "failed"]


@dataclass(slots=True)
class Proposal:
    """One call of an answer; `number` is its place among them, by which it is approved.

    `by` approved or denied it. `note` is what of its end is shown; `result` is for the model alone.
    """

    number: int
    name: str
    arguments: Mapping[str, Any]
    tool: Tool | None
    state: State = "approved"
    by: str | None = None
    note: str = ""
    result: ToolResult | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in ("proposed", "approved")

    def end(self, state: State, note: str, by: str | None = None) -> None:
        """It is over."""
        self.state, self.note, self.by = state, one_line(note, MAX_NOTE), by or self.by

    def shown(self) -> dict[str, Any]:
        """As it stands in a message's `calls`."""
        told = {"name": self.name, "args": dict(self.arguments), "state": self.state}
        more = {"by": self.by, "result": self.note}
        return told | {name: value for name, value in more.items() if value}

    def outcome(self) -> str:
        """What the model is told of it."""
        if self.result is not None:
            return self.result.text
        return json.dumps({self.state: self.note}, ensure_ascii=False)

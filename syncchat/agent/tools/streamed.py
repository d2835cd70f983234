"""Tool calls as chat completions stream them: in fragments, put together here."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from syncchat.agent.tools.tool import MAX_ARGUMENTS, ToolCall
from syncchat.core.answer import MAX_CALLS


class FunctionPart(Protocol):
    """The part of a call that is being streamed."""

    @property
    def name(self) -> str | None:
        """The tool's name; in the first fragment."""

    @property
    def arguments(self) -> str | None:
        """A piece of the arguments' JSON."""


class CallPart(Protocol):
    """A fragment of a tool call, as `openai` has it in `chunk.choices[0].delta.tool_calls`."""

    @property
    def index(self) -> int:
        """Which call of the answer it belongs to."""

    @property
    def id(self) -> str | None:
        """The call's id; in the first fragment."""

    @property
    def function(self) -> FunctionPart | None:
        """What the fragment says."""


class _Call:
    def __init__(self, part: CallPart) -> None:
        self.index = part.index
        self.id = part.id
        self.name = ""
        self.arguments = ""

    def add(self, part: CallPart) -> None:
        if part.function is None:
            return
        # Past the bound the call is refused anyway; an endless one shall not fill the memory meanwhile.
        room = MAX_ARGUMENTS + 1
        self.name = (self.name + (part.function.name or ""))[:room]
        self.arguments = (self.arguments + (part.function.arguments or ""))[:room]


class StreamedCalls:
    """Gathers the tool calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def add(self, parts: Iterable[CallPart] | None) -> None:
        """Take in what one chunk says of calls.

        Some servers number every call 0 and tell them apart by their ids alone; that is understood as well.
        """
        for part in parts or ():
            call = next((call for call in reversed(self._calls) if call.index == part.index), None)
            if call is None or (part.id and call.id and part.id != call.id):
                if len(self._calls) >= MAX_CALLS:
                    continue
                call = _Call(part)
                self._calls.append(call)
            call.add(part)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far, whole when the answer is; one without a name is none."""
        return tuple(ToolCall(call.name, call.arguments) for call in self._calls if call.name)


def calls_of(pieces: AsyncIterator[str]) -> tuple[ToolCall, ...]:
    """The tool calls an answer ended with: what its iterator has as `calls`; none for a plain iterator."""
    calls = getattr(pieces, "calls", ())
    return calls if isinstance(calls, tuple) else ()

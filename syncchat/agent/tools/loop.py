"""Tools in a reply: a model that calls them, made of one that only wants to (A25).

One answer is several calls of the model: it says what it wants to know, is told, and goes on. For whoever
reads it that is one stream of text, so that a reply need not know of it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import anyio

from syncchat.agent.model import Model, usage_of
from syncchat.agent.prompt import Prompt
from syncchat.agent.tokens import Tokens
from syncchat.agent.tools.approvals import Approvals
from syncchat.agent.tools.arguments import read_arguments
from syncchat.agent.tools.proposal import Proposal
from syncchat.agent.tools.results import with_results
from syncchat.agent.tools.streamed import calls_of
from syncchat.agent.tools.tool import Tool, ToolCall, ToolContext, ToolFailed, ToolResult, ToolSpec
from syncchat.core.answer import MAX_CALLS, are_calls, fitted


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """How far one answer may go: `rounds` calls of the model and `calls` of tools; times in seconds.

    In the last round no tools are offered, so that there is an answer. A call that nobody has approved
    within `approving` is denied, and one that takes longer than `running` has failed.
    """

    rounds: int = 4
    calls: int = MAX_CALLS
    approving: float = 120.0
    running: float = 30.0


class Desk(Protocol):
    """Where an answer is written: what the calls of tools need of it."""

    def show_calls(self, calls: Sequence[Mapping[str, Any]]) -> str:
        """Show how the calls of the answer stand; returns the answer's id, under which they are approved."""
        ...


@dataclass(frozen=True)
class Toolbox:
    """The tools of an agent, and their limits."""

    tools: Sequence[Tool] = ()
    limits: ToolLimits = ToolLimits()

    def beside(self, model: Model, desk: Desk, context: ToolContext) -> Model:
        """A model that writes one answer at `desk` with these tools; `model` itself if there are none.

        Its iterator has the `usage` of all calls, and as `prompt` the last one, with what tools have brought.
        """
        return Tooled(model, self, desk, context) if self.tools else model


class Tooled:
    """See `Toolbox.beside`."""

    def __init__(self, model: Model, toolbox: Toolbox, desk: Desk, context: ToolContext) -> None:
        self.model = model
        self.toolbox = toolbox
        self.desk = desk
        self.context = context

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        rounds = Rounds(self, prompt)
        async with aclosing(rounds.pieces):
            yield rounds


class Rounds:
    """The pieces of one answer, over as many calls of the model and of tools as it takes.

    `prompt` is what the model was asked last: its labels are those that the answer can cite.
    """

    def __init__(self, tooled: Tooled, prompt: Prompt) -> None:
        self._tooled = tooled
        self._tools = {tool.spec.name: tool for tool in tooled.toolbox.tools}
        self._limits = tooled.toolbox.limits
        self._proposals: list[Proposal] = []
        self.prompt = prompt
        self.usage: Tokens | None = None
        self.pieces = self._pieces()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        return await anext(self.pieces)

    async def _pieces(self) -> AsyncGenerator[str, None]:
        try:
            for number in range(self._limits.rounds):
                offered = self._offered(number)
                wanted: tuple[ToolCall, ...] = ()
                said = False
                async with self._tooled.model.stream(replace(self.prompt, tools=offered)) as pieces:
                    async for piece in pieces:
                        said = said or bool(piece.strip())
                        yield piece
                    self._count(usage_of(pieces))
                    wanted = calls_of(pieces) if offered else ()
                if not wanted:
                    return
                if said:
                    yield "\n\n"  # what it says next begins anew
                await self._carry_out(wanted)
        finally:
            self._end_open()

    def _offered(self, number: int) -> tuple[ToolSpec, ...]:
        if number == self._limits.rounds - 1:
            return ()
        return tuple(tool.spec for tool in self._tools.values())

    def _count(self, usage: Tokens | None) -> None:
        if usage is not None:
            before = self.usage or Tokens(0, 0)
            self.usage = Tokens(before.tokens_in + usage.tokens_in, before.tokens_out + usage.tokens_out)

    def _end_open(self) -> None:
        """However the answer ends: nothing waits for an approval that could not do anything any more."""
        for proposal in self._proposals:
            if proposal.is_open:
                proposal.end("failed", "the answer ended before")
                self._show()

    async def _carry_out(self, wanted: Sequence[ToolCall]) -> None:
        begin = len(self._proposals)
        asked = [self._proposed(call, begin + n) for n, call in enumerate(wanted)]
        proposals = asked[: max(0, self._limits.calls - begin)]
        for proposal in proposals:
            self._take(proposal)
        approvals = Approvals(self._tooled.context, self._show)
        await approvals.decide(proposals, seconds=self._limits.approving)
        for proposal in proposals:
            if proposal.state == "approved" and proposal.tool is not None:
                await self._run(proposal, proposal.tool)
                self._show()
        self.prompt = with_results(self.prompt, asked)

    def _take(self, proposal: Proposal) -> None:
        """Add a call to those that the message shows; what nobody could look at is not run either."""
        self._proposals.append(proposal)
        if not are_calls(fitted([taken.shown() for taken in self._proposals])):
            proposal.arguments = {}
            proposal.end("failed", "with these arguments the calls of the answer are too long to be shown")

    def _proposed(self, call: ToolCall, number: int) -> Proposal:
        tool = self._tools.get(call.name)
        proposal = Proposal(number, call.name[:64] or "unnamed", {}, tool)
        try:
            if number >= self._limits.calls:
                raise ToolFailed(f"an answer has at most {self._limits.calls} calls")
            if tool is None:
                raise ToolFailed("there is no such tool")
            proposal.arguments = read_arguments(call.arguments, tool.spec.parameters)
            proposal.state = "proposed" if tool.needs_approval else "approved"
        except ToolFailed as failure:
            proposal.end("failed", failure.cause)
        return proposal

    async def _run(self, proposal: Proposal, tool: Tool) -> None:
        try:
            with anyio.fail_after(self._limits.running):
                context = replace(self._tooled.context, labels=self.prompt.labels)
                result = await tool.call(proposal.arguments, context)
        except ToolFailed as failure:
            proposal.end("failed", failure.cause)
        except TimeoutError:
            proposal.end("failed", f"it took longer than {self._limits.running:g} s")
        else:
            proposal.result = result
            proposal.end("done", _note(result))

    def _show(self) -> str:
        return self._tooled.desk.show_calls([proposal.shown() for proposal in self._proposals])


def _note(result: ToolResult) -> str:
    """What people are shown of a result, whose text may be long: messages they can look at themselves."""
    if result.messages:
        return f"{len(result.messages)} messages"
    return result.text

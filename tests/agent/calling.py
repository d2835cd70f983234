"""A model that calls tools, and a desk at which its answer is written, for the tests."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import anyio.lowlevel

from syncchat.agent import Prompt
from syncchat.agent.tokens import Tokens
from syncchat.agent.tools.tool import Arguments, ToolCall, ToolContext, ToolResult, ToolSpec
from syncchat.core.room import Room
from syncchat.core.stream import Stream

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Round:
    """What the model says in one call, and the tools that it wants then."""

    def __init__(self, *texts: str, calls: Sequence[ToolCall] = ()) -> None:
        self.texts = texts
        self.calls = tuple(calls)


class CallingModel:
    """Plays one round for each call, the last one again and again; `prompts` are those of all calls."""

    def __init__(self, *rounds: Round) -> None:
        self._rounds = rounds
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        played = self._rounds[min(len(self.prompts), len(self._rounds) - 1)]
        self.prompts.append(prompt)
        pieces = _Pieces(played)
        async with aclosing(pieces.texts):
            yield pieces


class _Pieces:
    def __init__(self, played: Round) -> None:
        self._played = played
        self.calls = played.calls
        self.usage = Tokens(10, 1)
        self.texts = self._texts()

    async def _texts(self) -> AsyncGenerator[str, None]:
        for text in self._played.texts:
            await anyio.lowlevel.checkpoint()
            yield text

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        return await anext(self.texts)


class Counter:
    """A tool that doubles a number; `called` are its arguments so far."""

    def __init__(self, name: str = "double", *, needs_approval: bool = True) -> None:
        self.spec = ToolSpec(name, "Doubles a number.", SCHEMA)
        self.needs_approval = needs_approval
        self.called: list[Arguments] = []

    async def call(self, arguments: Arguments, _context: ToolContext) -> ToolResult:
        self.called.append(arguments)
        return ToolResult(str(2 * arguments["n"]))


class Desk:
    """Where the answer is written: a message of `room`; `shown` is how its calls stood, each time."""

    def __init__(self, room: Room) -> None:
        self.stream: Stream = room.stream()
        self.shown: list[list[Mapping[str, Any]]] = []

    def show_calls(self, calls: Sequence[Mapping[str, Any]]) -> str:
        self.shown.append(list(calls))
        return self.stream.id

    @property
    def states(self) -> list[str]:
        """How the calls stand now."""
        return [call["state"] for call in self.shown[-1]] if self.shown else []

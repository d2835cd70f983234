"""What models were asked, counted: for whoever pays for them, or exports it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass

from syncchat.agent.model import Model, ModelFailed
from syncchat.agent.prompt import Prompt

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English; a prompt is never taken apart here as the model does it."""


@dataclass(slots=True)
class Usage:
    """All calls of some models so far; only ever growing."""

    calls: int = 0
    failures: int = 0
    """Calls that gave no whole answer; one that was stopped by its caller has not failed."""
    tokens_in: int = 0
    """Estimated from the characters of the prompts."""
    tokens_out: int = 0
    """Pieces that were streamed; the models that we know stream about one token in each."""


class Metered:
    """A model that counts in `usage` what `model` is asked and answers."""

    def __init__(self, model: Model, usage: Usage) -> None:
        self._model = model
        self._usage = usage

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        self._usage.calls += 1
        size = sum(len(turn.text) for turn in prompt.turns)
        self._usage.tokens_in += -(-size // CHARACTERS_PER_TOKEN)
        try:
            async with self._model.stream(prompt) as tokens, aclosing(self._counted(tokens)) as counted:
                yield counted
        except ModelFailed:
            self._usage.failures += 1
            raise

    async def _counted(self, tokens: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        async for token in tokens:
            self._usage.tokens_out += 1
            yield token

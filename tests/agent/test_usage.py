"""What models were asked is counted, however a call ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from syncchat.agent import Metered, ModelFailed, Prompt, Turn, Usage, Who

PROMPT = Prompt("reply", Who("bot", "bot"), (), (), (Turn("system", "12345"), Turn("user", "1234")))

pytestmark = pytest.mark.anyio


class Scripted:
    """A model that says its pieces, and then fails if it is told to."""

    def __init__(self, *pieces: str, fails: bool = False) -> None:
        self._pieces = pieces
        self._fails = fails

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        yield self._say()

    async def _say(self) -> AsyncIterator[str]:
        for piece in self._pieces:
            yield piece
        if self._fails:
            raise ModelFailed("it is broken")


async def test_a_call_is_counted_with_its_tokens() -> None:
    usage = Usage()
    async with Metered(Scripted("a", "b", "c"), usage).stream(PROMPT) as tokens:
        assert [token async for token in tokens] == ["a", "b", "c"]
    assert usage == Usage(calls=1, tokens_in=4, tokens_out=1)


async def test_a_call_that_fails_is_counted_with_what_came_before() -> None:
    usage = Usage()
    with pytest.raises(ModelFailed):
        async with Metered(Scripted("a", fails=True), usage).stream(PROMPT) as tokens:
            assert [token async for token in tokens]
    assert (usage.calls, usage.failures, usage.tokens_out) == (1, 1, 1)


async def test_a_call_that_its_caller_ends_has_not_failed() -> None:
    usage = Usage()
    async with Metered(Scripted("a", "b"), usage).stream(PROMPT) as tokens:
        assert await anext(tokens) == "a"
    assert (usage.calls, usage.failures, usage.tokens_out) == (1, 0, 1)

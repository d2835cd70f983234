"""What models were asked is counted, however a call ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from syncchat.agent import Metered, ModelFailed, Prompt, Turn, Usage, Who
from syncchat.agent.model import Tokens
from syncchat.agent.prices import Price

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


class Reporting(Scripted):
    """A model whose endpoint tells what the call took."""

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        yield Told(*self._pieces)


class Told:
    def __init__(self, *pieces: str) -> None:
        self._pieces = iter(pieces)
        self.usage = Tokens(1_000, 500)

    def __aiter__(self) -> "Told":
        return self

    async def __anext__(self) -> str:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


async def test_what_the_endpoint_reports_counts_and_costs_its_price() -> None:
    usage = Usage()
    price = Price(Decimal("0.25"), Decimal(2))
    async with Metered(Reporting("a", "b"), usage, price).stream(PROMPT) as tokens:
        assert [token async for token in tokens] == ["a", "b"]
    assert usage == Usage(calls=1, tokens_in=1_000, tokens_out=500, money=Decimal("0.00125"))

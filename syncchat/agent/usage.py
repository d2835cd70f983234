"""What models were asked, counted: for whoever exports it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from syncchat.agent.model import Model, ModelFailed, name_of, usage_of
from syncchat.agent.prices import Price
from syncchat.agent.prompt import Prompt
from syncchat.agent.tokens import BYTES_PER_TOKEN, Tokens, estimated
from syncchat.core.codec import dump


@dataclass(slots=True)
class Usage:
    """All calls of some models so far; only ever growing."""

    calls: int = 0
    failures: int = 0
    """Calls that gave no whole answer; one that was stopped by its caller has not failed."""
    tokens_in: int = 0
    tokens_out: int = 0
    """Tokens as the endpoint reports them; estimated (`tokens.estimated`) where it does not."""
    money: Decimal = field(default_factory=Decimal)
    """What the tokens cost, as far as there are prices."""

    def add(self, taken: Tokens, price: Price | None) -> None:
        """A call took this."""
        self.tokens_in += taken.tokens_in
        self.tokens_out += taken.tokens_out
        self.money += price.of(taken) if price is not None else 0


def size_of(prompt: Prompt) -> int:
    """About how many tokens a model reads for this prompt."""
    tools = sum(estimated(dump(tool._asdict())) for tool in prompt.tools)
    return sum(estimated(turn.text) for turn in prompt.turns) + tools


class Counted:
    """The pieces of an answer, handed on as they come, and what the call has taken so far."""

    def __init__(self, pieces: AsyncIterator[str], prompt: Prompt) -> None:
        self._pieces = pieces
        self._read = size_of(prompt)
        self._written = 0

    @property
    def usage(self) -> Tokens | None:
        """What the endpoint reports; see `Model.stream`."""
        return usage_of(self._pieces)

    @property
    def calls(self) -> Sequence[object]:
        """The tool calls that the answer ends with, if it does."""
        return getattr(self._pieces, "calls", ())

    @property
    def taken(self) -> Tokens:
        """What the endpoint reports, or else what was counted."""
        return self.usage or Tokens(self._read, -(-self._written // BYTES_PER_TOKEN))

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        piece = await anext(self._pieces)
        self._written += len(piece.encode(errors="replace"))
        return piece


class Metered:
    """A model that counts in `usage` what `model` is asked and answers, at `price`."""

    def __init__(self, model: Model, usage: Usage, price: Price | None = None) -> None:
        self.name = name_of(model)
        self._model = model
        self._usage = usage
        self._price = price

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        self._usage.calls += 1
        counted: Counted | None = None
        try:
            async with self._model.stream(prompt) as pieces:
                counted = Counted(pieces, prompt)
                yield counted
        except ModelFailed:
            self._usage.failures += 1
            raise
        finally:
            taken = Tokens(size_of(prompt), 0) if counted is None else counted.taken
            self._usage.add(taken, self._price)

"""What the agent asks of a model: a stream of text that can be closed at any token."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from syncchat.agent.prompt import Prompt
from syncchat.agent.tokens import Tokens
from syncchat.errors import SyncchatError

__all__ = ["Model", "ModelFailed", "Tokens", "name_of", "usage_of", "whole"]


class ModelFailed(SyncchatError):
    """A model gave no whole answer; `cause` says why, without keys and without anybody's words.

    `reached`: the model is there, and this answer is what failed, as one that is refused or too long.
    """

    def __init__(self, cause: str, *, reached: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.reached = reached


class Model(Protocol):
    """Something that can answer a prompt, piece by piece."""

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Call the model; iterate over the pieces of its answer.

        Leaving the context, or cancelling it, ends the call: no later piece is made or paid for.
        Iterating to the end means that the answer is whole. Entering and iterating raise
        ModelFailed for every other end, and nothing else (but for cancellation).

        The iterator may have an attribute `usage: Tokens | None`: what the endpoint says that the call
        took, from when it said so, at the latest when the answer is whole. Read it with `usage_of`.
        """
        ...


def usage_of(pieces: AsyncIterator[str]) -> Tokens | None:
    """What the call took as its endpoint reports it; None if it has not, which goes for a plain iterator."""
    usage = getattr(pieces, "usage", None)
    return usage if isinstance(usage, Tokens) else None


def name_of(model: Model) -> str:
    """What a model is called in books and bills: its attribute `name`, empty for one that has none."""
    name = getattr(model, "name", "")
    return name if isinstance(name, str) else ""


async def whole(model: Model, prompt: Prompt, *, limit: int) -> str:
    """A model's whole answer; raises ModelFailed if it fails or exceeds `limit` characters."""
    pieces: list[str] = []
    size = 0
    async with model.stream(prompt) as tokens:
        async for token in tokens:
            size += len(token)
            if size > limit:
                raise ModelFailed(f"the answer is longer than {limit} characters", reached=True)
            pieces.append(token)
    return "".join(pieces)

"""A model that is a small program: no key, no network, no weights, and it says so."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import anyio

from syncchat.agent.addressing import is_to_somebody, request_to
from syncchat.agent.judge import INTERJECT, QUIET
from syncchat.agent.prices import BUILTIN
from syncchat.agent.prompt import Prompt, Purpose
from syncchat.agent.skills import CAN_DO, answer, catching_up, is_request

TOKENS_PER_SECOND = 30.0

MAX_REQUEST = 1_000
"""Characters of a message that are looked at for a request: a longer one is a story."""

Sleep = Callable[[float], Awaitable[None]]


class BuiltinModel:
    """Answers what its skills can answer, and honestly says so where they cannot.

    The same prompt gives the same answer. It speaks `pace` words a second, so that people can
    read along; 0 means at once. `sleep` is what it waits with (seconds).
    """

    name = BUILTIN

    def __init__(self, *, pace: float = TOKENS_PER_SECOND, sleep: Sleep = anyio.sleep) -> None:
        self._delay = 1 / pace if pace > 0 else 0.0
        self._sleep = sleep

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`; it never raises ModelFailed."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        async with aclosing(self._tokens(prompt)) as tokens:
            yield tokens

    async def _tokens(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        delay = self._delay if prompt.purpose == "reply" else 0  # nobody reads along with anything else
        for word in pieces(_SAID[prompt.purpose](prompt)):
            await self._sleep(delay)
            yield word


def pieces(text: str) -> Iterator[str]:
    """Cut a text into words, each with the space before it; together they are the text."""
    return iter(re.findall(r"\s*\S+|\s+\Z", text))


def verdict(prompt: Prompt) -> str:
    """Whether to speak: when spoken to, or when the room is asked something it can do."""
    if not prompt.lines:
        return f"Nothing was said.\n{QUIET}"
    last = _last(prompt)
    if prompt.lines[-1].agent:
        # Which agents are answered, and how often, is the turn policy's to decide.
        return f"An agent said that.\n{QUIET}"
    if request_to(last, _names(prompt)) is not None:
        return f"I am spoken to.\n{INTERJECT}"
    if is_to_somebody(last, _others(prompt)):
        return f"This is meant for somebody else.\n{QUIET}"
    if is_request(last):
        return f"The room is asked something I can do.\n{INTERJECT}"
    return f"People talk to each other.\n{QUIET}"


def reply(prompt: Prompt) -> str:
    """The answer to the last line of the prompt."""
    last = _last(prompt)
    request = request_to(last, _names(prompt))
    return answer(last if request is None else request, prompt) or (
        f"I am only the built-in model, so I have no answer to that: no language model is connected. {CAN_DO}"
    )


_SAID: Mapping[Purpose, Callable[[Prompt], str]] = {
    "judge": verdict,
    "reply": reply,
    "catch_up": catching_up,
}


def _last(prompt: Prompt) -> str:
    return prompt.lines[-1].text[:MAX_REQUEST] if prompt.lines else ""


def _names(prompt: Prompt) -> tuple[str, ...]:
    return tuple(dict.fromkeys((prompt.me.user, prompt.me.name)))


def _others(prompt: Prompt) -> list[str]:
    others = [who for who in prompt.people if who.user != prompt.me.user]
    spoken = [line.user for line in prompt.lines if line.user != prompt.me.user]
    return [name for who in others for name in (who.user, who.name)] + spoken

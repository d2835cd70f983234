"""Any endpoint that speaks OpenAI's chat completions: OpenAI, Ollama, vLLM, llama.cpp and many more."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import anyio

from syncchat.agent.model import ModelFailed
from syncchat.agent.prompt import Prompt

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

NOT_BEGUN = "the model did not begin to answer in time"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a model may be silent, in seconds: until its first text, and between two texts.

    Empty chunks and keep-alives do not count as text, retries do not start the clock anew.
    """

    first: float = 60.0
    between: float = 20.0


class OpenAIModel:
    """A model behind `base_url` (None: OpenAI's own), asked through the `openai` package.

    `openai` is imported when the first OpenAIModel is made (the `agent` extra brings it); importing
    this module does not. `retries` is how often a call is tried again before anything was answered.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str | None = None,
        api_key: str = "none",
        limits: Limits | None = None,
        retries: int = 1,
    ) -> None:
        import httpx2

        self._tls = httpx2.create_ssl_context()
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._limits = limits or Limits()
        self._retries = retries

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`; the connection is closed when the context is left, which ends the call."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        async with self._client() as client, aclosing(self._tokens(client, prompt)) as tokens:
            yield tokens

    def _client(self) -> "AsyncOpenAI":
        """A client for one call: its connections end with the call, whatever happens.

        The context for TLS is what is slow to make (25 ms), and it is shared.
        """
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        return AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._api_key,
            max_retries=self._retries,
            http_client=DefaultAsyncHttpxClient(verify=self._tls),
        )

    async def _tokens(self, client: "AsyncOpenAI", prompt: Prompt) -> AsyncGenerator[str, None]:
        deadline = anyio.current_time() + self._limits.first
        async with await self._open(client, prompt, deadline) as chunks:
            answer = _Answer(chunks)
            while (text := await answer.next_text(deadline)) is not None:
                yield text
                # Counted from when more is asked for: time that the reader takes is not the model's.
                deadline = anyio.current_time() + self._limits.between

    async def _open(
        self, client: "AsyncOpenAI", prompt: Prompt, deadline: float
    ) -> "AsyncStream[ChatCompletionChunk]":
        turns = [{"role": turn.role, "content": turn.text} for turn in prompt.turns]
        with anyio.CancelScope(deadline=deadline):
            try:
                return await client.chat.completions.create(
                    model=self._model,
                    messages=cast("list[ChatCompletionMessageParam]", turns),
                    stream=True,
                )
            except Exception as error:  # noqa: BLE001 - whatever it raises, the call failed
                raise _failure(error) from None
        raise ModelFailed(NOT_BEGUN)


class _Answer:
    """The texts of one answer, and whether it came to its end."""

    def __init__(self, chunks: "AsyncStream[ChatCompletionChunk]") -> None:
        self._chunks = chunks
        self._began = False
        self._ended: str | None = None

    async def next_text(self, deadline: float) -> str | None:
        """The next text that is not empty, by the loop's time `deadline`; None when the answer is whole."""
        with anyio.CancelScope(deadline=deadline):
            try:
                return await self._next_text()
            except Exception as error:  # noqa: BLE001 - a malformed chunk fails in ways of its own
                raise _failure(error) from None
        raise ModelFailed(
            "the model fell silent" if self._began else "the model did not begin to answer in time"
        )

    async def _next_text(self) -> str | None:
        # A last text may come together with the finish_reason, so that is remembered.
        while self._ended is None:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                raise ModelFailed("cut off: the stream ended before the answer did") from None
            if not chunk.choices:
                continue
            choice = chunk.choices[0]
            self._ended = choice.finish_reason
            if choice.delta.content:
                self._began = True
                return choice.delta.content
        if self._ended in ("length", "content_filter"):
            raise ModelFailed(f"cut off: the model stopped because of its {self._ended}")
        return None


def _failure(error: Exception) -> ModelFailed:
    """What went wrong, without the server's own text: it may quote the key or the conversation."""
    import openai

    if isinstance(error, ModelFailed):
        return error
    if isinstance(error, openai.APIStatusError):
        return ModelFailed(f"the model's server answered {error.status_code}{_hint(error.status_code)}")
    if isinstance(error, openai.APITimeoutError):
        return ModelFailed("the model's server took too long")
    if isinstance(error, openai.APIConnectionError):
        return ModelFailed("the connection to the model's server failed or broke")
    if isinstance(error, json.JSONDecodeError):
        return ModelFailed("the model's server sent something that is no JSON")
    return ModelFailed(f"the model's server could not be understood ({type(error).__name__})")


_HINTS = {
    401: "check the API key",
    403: "this key may not",
    404: "check the base URL and the model's name",
    429: "too many requests, or nothing left to spend",
}


def _hint(status: int) -> str:
    return f" ({_HINTS[status]})" if status in _HINTS else ""

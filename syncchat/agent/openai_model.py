"""Any endpoint that speaks OpenAI's chat completions: OpenAI, Ollama, vLLM, llama.cpp and many more."""

import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from syncchat.agent.openai_answer import NOT_BEGUN, Answer
from syncchat.agent.openai_failures import CallFailed, failure_of
from syncchat.agent.prompt import Prompt
from syncchat.agent.tokens import Tokens
from syncchat.agent.tools.tool import ToolCall

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a model may be silent, in seconds: until its first token, and between two of them.

    Empty chunks and keep-alives do not count, retries do not start the clock anew. `size` is how many
    characters an answer may have, and `bytes` all that a server may send for it; what is longer has failed.
    """

    first: float = 60.0
    between: float = 20.0
    size: int = 100_000
    bytes: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is tried again before its first token, and how long to wait before that, in seconds.

    The wait doubles from `base` to `cap`, less up to half of it by chance. A server's Retry-After is obeyed
    up to `patience`; who asks for more has failed at once, with what it asks for.
    """

    times: int = 2
    base: float = 0.5
    cap: float = 8.0
    patience: float = 30.0

    def wait(self, attempt: int, rand: Callable[[], float]) -> float:
        """Seconds to wait after the `attempt`-th failure, from 0."""
        return min(self.cap, self.base * 2.0**attempt) * (1 - rand() / 2)


class OpenAIModel:
    """A model behind `base_url` (None: OpenAI's own), asked through the `openai` package.

    `openai` is imported when the first OpenAIModel is made (the `agent` extra brings it); importing
    this module does not. `rand` gives numbers from 0 to 1, for the waits.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str | None = None,
        api_key: str = "none",
        limits: Limits | None = None,
        retries: Retries | None = None,
        rand: Callable[[], float] = random.random,
    ) -> None:
        import httpx2
        import openai  # here, as it takes 0.3 s: in the first call everything else would stand still for that

        self._tls = httpx2.create_ssl_context()
        self._make = openai.AsyncOpenAI
        self.name = model
        self._base_url = base_url
        self._api_key = api_key
        self._tells_usage = True
        self.limits = limits or Limits()
        self.retries = retries or Retries()
        self.rand = rand

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `Model.stream`; the connection is closed when the context is left, which ends the call.

        The iterator has `usage`, as the endpoint reports it, and `calls`, the tool calls that the answer ends
        with: with those it may have no text.
        """
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        async with self._client() as client:
            pieces = _Pieces(self, client, prompt)
            async with aclosing(pieces.texts):
                yield pieces

    def _client(self) -> "AsyncOpenAI":
        """A client for one call: its connections end with the call, whatever happens.

        The context for TLS is what is slow to make (25 ms), and it is shared. Trying again is ours: the
        package does not once it has the headers, though nobody has seen a token yet.
        """
        from syncchat.agent.openai_http import make_client

        return self._make(
            base_url=self._base_url,
            api_key=self._api_key,
            max_retries=0,
            http_client=make_client(self._tls, self.limits.bytes),
        )

    async def open(self, client: "AsyncOpenAI", prompt: Prompt) -> "AsyncStream[ChatCompletionChunk]":
        """The stream of an answer; who refuses to tell what a call takes is asked without that, for good."""
        import openai

        try:
            return await self._create(client, prompt)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            if not self._tells_usage:
                raise
            self._tells_usage = False
        try:
            return await self._create(client, prompt)
        except openai.APIError:
            self._tells_usage = True  # it was something else
            raise

    async def _create(self, client: "AsyncOpenAI", prompt: Prompt) -> "AsyncStream[ChatCompletionChunk]":
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": turn.role, "content": turn.text} for turn in prompt.turns],
            "stream": True,
        }
        if self._tells_usage:
            request["stream_options"] = {"include_usage": True}
        if prompt.tools:
            request["tools"] = [{"type": "function", "function": tool._asdict()} for tool in prompt.tools]
        stream: AsyncStream[ChatCompletionChunk] = await client.chat.completions.create(**request)
        return stream


class _Pieces:
    """The pieces of one answer, over as many tries as it takes; see `OpenAIModel.stream`."""

    def __init__(self, model: OpenAIModel, client: "AsyncOpenAI", prompt: Prompt) -> None:
        self._model = model
        self._client = client
        self._prompt = prompt
        self._answer: Answer | None = None
        self.texts = self._texts()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        return await anext(self.texts)

    @property
    def usage(self) -> Tokens | None:
        """What the call took, as far as it has been told."""
        return self._answer.usage if self._answer else None

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far."""
        return self._answer.calls.calls if self._answer else ()

    async def _texts(self) -> AsyncGenerator[str, None]:
        deadline = anyio.current_time() + self._model.limits.first
        for attempt in range(self._model.retries.times + 1):
            try:
                async with aclosing(self._attempt(deadline)) as texts:
                    async for text in texts:
                        yield text
                return
            except CallFailed as failure:
                await anyio.sleep(self._wait(failure, attempt, deadline))

    def _wait(self, failure: CallFailed, attempt: int, deadline: float) -> float:
        """Seconds until the next try; raises the failure if there is none."""
        retries = self._model.retries
        began = self._answer is not None and self._answer.began
        wait = max(retries.wait(attempt, self._model.rand), failure.after or 0.0)
        late = anyio.current_time() + wait >= deadline or (failure.after or 0.0) > retries.patience
        if began or late or not failure.again or attempt == retries.times:
            raise failure
        return wait

    async def _attempt(self, deadline: float) -> AsyncGenerator[str, None]:
        limits = self._model.limits
        async with await self._open(deadline) as chunks:
            self._answer = Answer(chunks, limits.size)
            while (text := await self._answer.next_text(deadline, limits.between)) is not None:
                yield text
                # Counted from when more is asked for: time that the reader takes is not the model's.
                deadline = anyio.current_time() + limits.between

    async def _open(self, deadline: float) -> "AsyncStream[ChatCompletionChunk]":
        with anyio.CancelScope(deadline=deadline):
            try:
                return await self._model.open(self._client, self._prompt)
            except Exception as error:  # noqa: BLE001 - whatever it raises, the call failed
                raise failure_of(error) from None
        raise CallFailed(NOT_BEGUN)

"""Reading one streamed answer of chat completions: its texts, how it ended, and what it took."""

from typing import TYPE_CHECKING

import anyio

from syncchat.agent.openai_failures import CallFailed, failure_of
from syncchat.agent.tokens import Tokens
from syncchat.agent.tools.streamed import StreamedCalls

if TYPE_CHECKING:
    from openai import AsyncStream
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import Choice

NOT_BEGUN = "the model did not begin to answer in time"

TRAILER = 2.0
"""Seconds that a server has for what the call took, after the answer's end."""

_CUT_OFF = {
    "length": "cut off: the model stopped because of its length",
    "content_filter": "withheld: the model's provider filtered the answer",
}


class Answer:
    """The texts of one answer; `began` with the first of them, or with the first thought or tool call.

    `size` is the most characters it may have, thoughts included.
    """

    def __init__(self, chunks: "AsyncStream[ChatCompletionChunk]", size: int) -> None:
        self._chunks = chunks
        self._left = size
        self._size = size
        self._ended: str | None = None
        self._said = False
        self.began = False
        self.usage: Tokens | None = None
        self.calls = StreamedCalls()

    async def next_text(self, deadline: float, between: float) -> str | None:
        """The next text that is not empty; None when the answer is whole. Raises CallFailed.

        It has to come by the loop's time `deadline`, and every `between` seconds after something came.
        """
        with anyio.CancelScope(deadline=deadline) as scope:
            try:
                while self._ended is None:
                    text = await self._next_chunk()
                    if text:
                        return text
                    if text is None:
                        scope.deadline = max(scope.deadline, anyio.current_time() + between)
                await self._end()
                return None
            except Exception as error:  # noqa: BLE001 - a malformed chunk fails in ways of its own
                raise failure_of(error) from None
        raise CallFailed("the model fell silent" if self.began else NOT_BEGUN)

    async def _next_chunk(self) -> str | None:
        """The text of the next chunk, empty if it says nothing; None for a sign of life that is no text."""
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            raise CallFailed("cut off: the stream ended before the answer did", again=True) from None
        self._note_usage(chunk.usage)
        return self._read(chunk.choices[0]) if chunk.choices else ""

    def _read(self, choice: "Choice") -> str | None:
        # A last text may come together with the finish_reason, so that is remembered.
        self._ended = choice.finish_reason
        delta = choice.delta
        if delta.refusal:
            raise CallFailed("the model refused to answer", reached=True)
        text = delta.content or ""
        self.calls.add(delta.tool_calls)
        thought = _thought(delta.model_extra or {})
        alive = bool(thought or delta.tool_calls)
        self._count(len(text) + len(thought))
        self.began = self.began or bool(text) or alive
        self._said = self._said or bool(text.strip())
        return text or (None if alive else "")

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise CallFailed(f"the answer is longer than {self._size} characters", reached=True)

    async def _end(self) -> None:
        await self._read_trailer()
        if self._ended in _CUT_OFF:
            raise CallFailed(_CUT_OFF[self._ended], reached=True)
        if not self._said and not self.calls.calls:
            raise CallFailed("the model answered with nothing", reached=True)

    async def _read_trailer(self) -> None:
        """What the call took comes after the answer's end, if it comes."""
        with anyio.move_on_after(TRAILER):
            try:
                async for chunk in self._chunks:
                    self._note_usage(chunk.usage)
            except Exception:  # noqa: BLE001, S110 - the answer is whole: its usage is counted, not reported
                pass

    def _note_usage(self, usage: "CompletionUsage | None") -> None:
        if usage is None:
            return
        # The package does not check what a stream holds.
        counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
        whole = [count for count in counts if type(count) is int and count >= 0]
        if len(whole) == 2:
            self.usage = Tokens(*whole)


def _thought(extra: dict[str, object]) -> str:
    """What a model thinks aloud, as vLLM, DeepSeek, Ollama and others stream it: no text of the answer."""
    thoughts = (extra.get(name) for name in ("reasoning_content", "reasoning"))
    return next((thought for thought in thoughts if isinstance(thought, str)), "")

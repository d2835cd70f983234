"""One draft of an answer: from a model's stream into a message that grows (A3, A4)."""

from collections.abc import Callable

import anyio

from syncchat.agent.model import Model, ModelFailed
from syncchat.agent.prompt import Prompt
from syncchat.core.message import MAX_TEXT, printable
from syncchat.core.stream import Stream
from syncchat.mailbox import Mailbox

MAX_WAITING = 64
"""How many pieces wait to be written before they are joined to one."""


class Draft:
    """Writes a model's answer to a prompt into the message that `begin` makes, every `flush_every` seconds.

    The message comes into being with the first text: what ended before that leaves nothing. When `write`
    returns or raises, by cancellation too, the call has ended, and whoever made the draft finishes the
    message with `text`. `state` is how it ended: None for a whole answer, "interrupted" unless `end` said
    otherwise. `problem` says what went wrong, if anything did, and `reached` whether the model was there
    nevertheless; `prompt` is what was asked last. `heard`: the model has said something, be it a tool's call.
    """

    def __init__(
        self, model: Model, prompt: Prompt, begin: Callable[[], Stream], *, flush_every: float, seconds: float
    ) -> None:
        self._model = model
        self.prompt = prompt
        self._begin = begin
        self._flush_every = flush_every
        self._seconds = seconds
        self._pieces: Mailbox[str] = Mailbox(MAX_WAITING, overflow=lambda pieces: ["".join(pieces)])
        self._half = ""
        self._rest = ""
        self._size = 0
        self._calling = anyio.CancelScope()
        self.stream: Stream | None = None
        self.state: str | None = "interrupted"
        self.problem: str | None = None
        self.reached = True
        self.heard = False
        self.failure: ModelFailed | None = None

    @property
    def text(self) -> str:
        """The answer, as far as it came; whole when the call has ended."""
        return ((self.stream.text if self.stream else "") + self._rest).strip()

    def end(self, state: str) -> None:
        """End the model's call at once; too late for a whole answer, and for one that was ended."""
        if self.state is not None and not self._calling.cancel_called:
            self.state = state
            self._calling.cancel()

    async def write(self) -> None:
        """Call the model and write what it says; returns when the call has ended."""
        try:
            with self._calling, anyio.move_on_after(self._seconds) as limit:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._flush_in_steps)
                    await self._read()
                    tasks.cancel_scope.cancel()
            if limit.cancelled_caught:
                self.problem = f"the answer took longer than {self._seconds:g} s"
                self.reached = self.heard
        finally:
            self._rest = "".join(self._pieces.drain()) + printable(self._half)

    async def _read(self) -> None:
        try:
            async with self._model.stream(self.prompt) as tokens:
                async for token in tokens:
                    if not self._take(token):
                        self.problem = f"the answer is longer than the {MAX_TEXT} bytes of a message"
                        return
                # With tools the model is asked several times; what it can cite is in the last prompt.
                self.prompt = getattr(tokens, "prompt", self.prompt)
            self.state = None
        except ModelFailed as failure:
            self.failure = failure
            self.problem = failure.cause
            self.reached = failure.reached

    def _take(self, token: str) -> bool:
        """Keep a token for the next flush; False if the message would get too long."""
        self.heard = True
        text, half = _whole_characters(self._half + token)
        size = self._size + len(text.encode())
        fits = size + len(printable(half).encode()) <= MAX_TEXT
        self._half = half if fits else ""
        if fits and text:
            self._size = size
            self._pieces.put(text)
        return fits

    async def _flush_in_steps(self) -> None:
        while True:
            await self._pieces.wait()
            self._flush()
            await anyio.sleep(self._flush_every)

    def _flush(self) -> None:
        text = "".join(self._pieces.drain())
        if self.stream is None:
            text = text.lstrip()
            if not text:
                return
            self.stream = self._begin()
        if not self.stream.append(text):
            self.end("gone")


def _whole_characters(text: str) -> tuple[str, str]:
    """What can be written, and the first half of a surrogate pair whose other half is still to come."""
    cut = len(text) - 1 if "\ud800" <= text[-1:] <= "\udbff" else len(text)
    return printable(text[:cut]), text[cut:]

"""One answer while it is being written: from a model's stream into a message (A3, A4)."""

import anyio

from syncchat.agent.model import Model, ModelFailed
from syncchat.agent.prompt import Prompt
from syncchat.core.message import MAX_TEXT, printable
from syncchat.core.room import Room
from syncchat.core.stream import Stream
from syncchat.mailbox import Mailbox

MAX_WAITING = 64
"""How many pieces wait to be written before they are joined to one."""


class Reply:
    """Writes a model's answer to the message `re`, in steps of `flush_every` seconds.

    The message comes into being with the first text, so that a call that failed before leaves nothing
    behind. However the writing ends, by cancellation too, the message is finished before `write`
    returns or raises: whole, or with the state `stopped` or `interrupted`. `problem` then says what went
    wrong, if anything did.
    """

    def __init__(
        self, room: Room, model: Model, prompt: Prompt, *, re: str, flush_every: float, seconds: float
    ) -> None:
        self._room = room
        self._model = model
        self._prompt = prompt
        self._re = re
        self._flush_every = flush_every
        self._seconds = seconds
        self._pieces: Mailbox[str] = Mailbox(MAX_WAITING, overflow=lambda pieces: ["".join(pieces)])
        self._stream: Stream | None = None
        self._size = 0
        self._half = ""
        self._state: str | None = "interrupted"
        self._calling = anyio.CancelScope()
        self.problem: str | None = None

    @property
    def id(self) -> str | None:
        """The message's id; None as long as there is none."""
        return self._stream.id if self._stream else None

    def stop(self) -> None:
        """End the model's call and keep what is written, as `stopped`; too late for a whole answer."""
        if self._state is not None:
            self._state = "stopped"
            self._calling.cancel()

    def look(self) -> None:
        """End the model's call if the message is gone: nobody would see what it makes (A4)."""
        if self._stream is not None and not self._stream.open:
            self._calling.cancel()

    async def write(self) -> None:
        """Call the model and write what it says; returns when the message is finished."""
        try:
            with self._calling, anyio.move_on_after(self._seconds) as limit:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._flush_in_steps)
                    await self._read()
                    tasks.cancel_scope.cancel()
            if limit.cancelled_caught:
                self.problem = f"the answer took longer than {self._seconds:g} s"
        finally:
            self._finish()

    async def _read(self) -> None:
        try:
            async with self._model.stream(self._prompt) as tokens:
                async for token in tokens:
                    if not self._take(token):
                        self.problem = f"the answer is longer than the {MAX_TEXT} bytes of a message"
                        return
            self._state = None
        except ModelFailed as failure:
            self.problem = failure.cause

    def _take(self, token: str) -> bool:
        """Keep a token for the next flush; False if the message would get too long."""
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
        if self._stream is None:
            text = text.lstrip()
            if not text:
                return
            self._stream = self._room.stream(re=self._re)
        if not self._stream.append(text):
            self._calling.cancel()

    def _finish(self) -> None:
        """Write the rest and finish, in one transaction; nothing is left of an answer without a text."""
        rest = "".join(self._pieces.drain()) + printable(self._half)
        if self._stream is None:
            if not rest.strip():
                self.problem = self.problem or (None if self._state else "the model answered nothing")
                return
            self._stream = self._room.stream(re=self._re)
        self._stream.finish(text=(self._stream.text + rest).strip(), state=self._state)


def _whole_characters(text: str) -> tuple[str, str]:
    """What can be written, and the first half of a surrogate pair whose other half is still to come."""
    cut = len(text) - 1 if "\ud800" <= text[-1:] <= "\udbff" else len(text)
    return printable(text[:cut]), text[cut:]

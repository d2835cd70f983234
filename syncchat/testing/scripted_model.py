"""A model that says what a test wants, when the test wants it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import anyio
import anyio.lowlevel

from syncchat.agent.model import ModelFailed
from syncchat.agent.prompt import Prompt

Step = str | float | ModelFailed | anyio.Event
"""A piece of the answer, seconds to wait, a failure at this point, or an event to wait for."""


class ScriptedModel:
    """Plays one script for each call, the last one again and again.

    `prompts` are those of all calls, `running` is how many calls are under way, `said` what was given out.
    """

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self._scripts = scripts
        self.prompts: list[Prompt] = []
        self.running = 0
        self.most_running = 0
        self.said: list[str] = []

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See `syncchat.agent.Model.stream`."""
        return self._stream(prompt)

    @asynccontextmanager
    async def _stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        script = self._scripts[min(len(self.prompts), len(self._scripts) - 1)]
        self.prompts.append(prompt)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            async with aclosing(self._play(script)) as tokens:
                yield tokens
        finally:
            self.running -= 1

    async def _play(self, script: Sequence[Step]) -> AsyncGenerator[str, None]:
        for step in script:
            await anyio.lowlevel.checkpoint()
            match step:
                case str():
                    self.said.append(step)
                    yield step
                case float():
                    await anyio.sleep(step)
                case ModelFailed():
                    raise step
                case _:
                    await step.wait()

"""A small model server that speaks OpenAI's chat completions, and misbehaves on demand.

`starlette` and `uvicorn` are imported when it is started, not with this module.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the server answers one call.

    `tokens` are sent one by one (`endless`: again and again), then `finish_reason` in a chunk of its own or,
    with `finish_with_last`, in that of the last token; None: the stream ends without one, as when a proxy
    cuts it cleanly. `silent` sends nothing at all, not even headers. A `status` other than 200 is answered
    at once, with `headers`. After so many tokens

    - `stall_after` sends nothing more until the caller goes, with `keep_alive` only empty chunks,
    - `cut_after` breaks the connection,
    - `malformed_after` sends a chunk that is no JSON,
    - `strange_after` sends JSON that is no chunk.
    """

    tokens: Sequence[str] = ("Hello", " there")
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str | None = "stop"
    finish_with_last: bool = False
    usage: bool = True
    stall_after: int | None = None
    keep_alive: bool = False
    cut_after: int | None = None
    malformed_after: int | None = None
    strange_after: int | None = None
    silent: bool = False
    endless: bool = False


class _Cut(Exception):
    """Breaks a response off in the middle, as a crash of the server would."""


class ModelServer:
    """What was asked of the server and what it shall do; `base_url` is for the client.

    `behave` maps the number of a call (from 0) to its behaviour. `calls` are the JSON bodies received,
    `keys` their Authorization headers. `sent` counts the tokens of all calls; `gone` is set when a caller
    leaves before its end.
    """

    def __init__(self, behave: Callable[[int], Behaviour]) -> None:
        self._behave = behave
        self.calls: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.sent = 0
        self.gone = anyio.Event()
        self.base_url = ""

    async def answer(self, request: "Request") -> "Response":
        """The endpoint `POST /v1/chat/completions`."""
        from starlette.responses import JSONResponse, StreamingResponse

        self.calls.append(json.loads(await request.body()))
        self.keys.append(request.headers.get("authorization", ""))
        behaviour = self._behave(len(self.calls) - 1)
        if behaviour.silent:
            await anyio.sleep_forever()
        if behaviour.status != 200:
            error = {"error": {"message": "a text that quotes the key sk-secret", "type": "test"}}
            return JSONResponse(error, behaviour.status, dict(behaviour.headers))
        return StreamingResponse(self._events(behaviour), media_type="text/event-stream")

    async def _events(self, behaviour: Behaviour) -> AsyncIterator[str]:
        try:
            async for chunk in self._chunks(behaviour):
                yield f"data: {chunk}\n\n"
        except (GeneratorExit, anyio.get_cancelled_exc_class()):
            self.gone.set()
            raise

    async def _chunks(self, behaviour: Behaviour) -> AsyncIterator[str]:
        yield _chunk({"role": "assistant", "content": ""})
        tokens = list(behaviour.tokens)
        number = 0
        while behaviour.endless or number < len(tokens):
            self._cut_at(behaviour, number)
            if number == behaviour.malformed_after:
                yield "{no json"
            if number == behaviour.strange_after:
                yield '{"choices":[{"delta":7}]}'
            if number == behaviour.stall_after:
                async for empty in _stall(keep_alive=behaviour.keep_alive):
                    yield empty
            self.sent += 1
            last = behaviour.finish_with_last and number == len(tokens) - 1
            yield _chunk({"content": tokens[number % len(tokens)]}, behaviour.finish_reason if last else None)
            number += 1
            await anyio.lowlevel.checkpoint()
        self._cut_at(behaviour, number)
        if behaviour.finish_reason is not None:
            if not behaviour.finish_with_last:
                yield _chunk({}, behaviour.finish_reason)
            if behaviour.usage:
                yield _json(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
            yield "[DONE]"

    def _cut_at(self, behaviour: Behaviour, number: int) -> None:
        if number == behaviour.cut_after:
            raise _Cut


async def _stall(*, keep_alive: bool) -> AsyncIterator[str]:
    while keep_alive:
        yield _chunk({"content": ""})
        await anyio.sleep(0.005)
    await anyio.sleep_forever()


def _json(**fields: object) -> str:
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **fields})


def _chunk(delta: Mapping[str, str], finish_reason: str | None = None) -> str:
    return _json(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


@contextmanager
def _no_signals() -> Iterator[None]:
    """Signals are for the program that the server is a guest of."""
    yield


@asynccontextmanager
async def model_server(behave: Callable[[int], Behaviour]) -> AsyncIterator[ModelServer]:
    """Serve on a free port of 127.0.0.1 as long as the context is open."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Route

    model = ModelServer(behave)
    app = Starlette(routes=[Route("/v1/chat/completions", model.answer, methods=["POST"])])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]  # uvicorn has no setting for it
    listener = config.bind_socket()
    listener.listen()  # a caller that is faster than the server's start waits instead of being refused
    model.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            yield model
        finally:
            server.should_exit = True

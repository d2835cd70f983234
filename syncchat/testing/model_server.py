"""A small model server that speaks OpenAI's chat completions, and misbehaves on demand.

For tests of agents and of their models, and for who wants to try an agent without a key (`syncchat
model-server`). `starlette` and `uvicorn` are imported when it is started, not with this module.

    async with model_server(lambda call: Behaviour(status=500) if call == 0 else Behaviour()) as server:
        model = OpenAIModel(model="any", base_url=server.base_url)
"""

import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from syncchat.agent.tokens import estimated
from syncchat.testing.model_behaviour import MISBEHAVIOURS, Behaviour

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["MISBEHAVIOURS", "Behaviour", "ModelServer", "model_server"]

MAX_KEPT = 10_000
"""Calls whose bodies are kept to look at; of more, the oldest are forgotten."""


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
        self._number = 0
        self.calls: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.sent = 0
        self.gone = anyio.Event()
        self.base_url = ""

    async def answer(self, request: "Request") -> "Response":
        """The endpoint `POST /v1/chat/completions`."""
        from starlette.responses import JSONResponse, StreamingResponse

        try:
            call = json.loads(await request.body())
            told = isinstance(call["messages"], list)
        except (ValueError, LookupError, TypeError):
            told = False
        if not told:
            return JSONResponse(_error("this is no request for a chat completion"), 400)
        behaviour = self._next_behaviour(call, request.headers.get("authorization", ""))
        if behaviour.silent:
            await anyio.sleep_forever()
        if behaviour.refuses_usage and "stream_options" in call:
            return JSONResponse(_error("unknown parameter: stream_options"), 400)
        if behaviour.status != 200:
            error = _error("a text that quotes the key sk-secret", behaviour.code)
            return JSONResponse(error, behaviour.status, dict(behaviour.headers))
        answer = _Answer(self, behaviour, call)
        if not call.get("stream"):
            return JSONResponse(answer.whole())
        return StreamingResponse(self._events(answer), media_type="text/event-stream")

    def _next_behaviour(self, call: dict[str, Any], key: str) -> Behaviour:
        self.calls.append(call)
        self.keys.append(key)
        del self.calls[:-MAX_KEPT], self.keys[:-MAX_KEPT]
        self._number += 1
        return self._behave(self._number - 1)

    async def models(self, request: "Request") -> "Response":
        """The endpoint `GET /v1/models`: whatever name is asked for is served."""
        from starlette.responses import JSONResponse

        return JSONResponse({"object": "list", "data": [{"id": "any", "object": "model"}]})

    async def _events(self, answer: "_Answer") -> AsyncIterator[str]:
        try:
            async for chunk in answer.chunks():
                yield f"data: {chunk}\n\n"
        except (GeneratorExit, anyio.get_cancelled_exc_class()):
            self.gone.set()
            raise


class _Answer:
    """One answer to `call`, chunk by chunk."""

    def __init__(self, server: ModelServer, behaviour: Behaviour, call: Mapping[str, Any]) -> None:
        self._server = server
        self._behaviour = behaviour
        self._call = call
        self._tokens = list(behaviour.says(call)) if behaviour.says else behaviour.tokens
        self._count = len(self._tokens) * behaviour.repeat

    def whole(self) -> dict[str, Any]:
        """The answer to a call that does not want it streamed."""
        message = {"role": "assistant", "content": "".join(self._tokens) * self._behaviour.repeat}
        choice = {"index": 0, "message": message, "finish_reason": self._behaviour.finish_reason}
        return _body("chat.completion", choices=[choice], usage=self._usage(self._count))

    async def chunks(self) -> AsyncIterator[str]:
        """The data of each event."""
        behaviour = self._behaviour
        yield _chunk({"role": "assistant", "content": ""})
        await anyio.sleep(behaviour.first_after)
        for thought in behaviour.thinks:
            yield _chunk({"reasoning_content": thought})
        if behaviour.refusal:
            yield _chunk({"refusal": behaviour.refusal})
        for call in behaviour.tool_calls:
            yield _chunk({"tool_calls": [call]})
        number = 0
        while not behaviour.refusal and (behaviour.endless or number < self._count):
            async for wrong in self._wrong(number):
                yield wrong
            yield self._token(number)
            number += 1
            await anyio.sleep(behaviour.pace)
        async for wrong in self._wrong(number):
            yield wrong
        if behaviour.finish_reason is None:
            return
        if not behaviour.finish_with_last:
            yield _chunk({}, behaviour.finish_reason)
        if behaviour.usage and (self._call.get("stream_options") or {}).get("include_usage"):
            yield _json(choices=[], usage=self._usage(number))
        yield "[DONE]"

    def _token(self, number: int) -> str:
        self._server.sent += 1
        last = self._behaviour.finish_with_last and number == self._count - 1
        token = self._tokens[number % len(self._tokens)]
        return _chunk({"content": token}, self._behaviour.finish_reason if last else None)

    async def _wrong(self, number: int) -> AsyncIterator[str]:
        """What goes wrong after so many tokens."""
        behaviour = self._behaviour
        if number == behaviour.cut_after:
            raise _Cut
        if number == behaviour.malformed_after:
            yield "{no json"
        if number == behaviour.strange_after:
            yield '{"choices":[{"delta":7}]}'
        if number == behaviour.error_after:
            yield json.dumps(_error("a text that quotes the key sk-secret"))
        if number == behaviour.stall_after:
            while behaviour.keep_alive:
                yield _chunk({"content": ""})
                await anyio.sleep(0.005)
            await anyio.sleep_forever()

    def _usage(self, tokens: int) -> dict[str, int]:
        asked = estimated(json.dumps(self._call["messages"], ensure_ascii=False))
        return {"prompt_tokens": asked, "completion_tokens": tokens, "total_tokens": asked + tokens}


def _error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "test", "code": code}}


def _body(kind: str, **fields: object) -> dict[str, Any]:
    return {"id": "c", "object": kind, "created": 1, "model": "m", **fields}


def _json(**fields: object) -> str:
    return json.dumps(_body("chat.completion.chunk", **fields))


def _chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> str:
    return _json(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(
            f"port {port} of this machine cannot be had ({reason}): try another --port, 0 for any"
        ) from error


@contextmanager
def _no_signals() -> Iterator[None]:
    """Signals are for the program that the server is a guest of."""
    yield


@asynccontextmanager
async def model_server(behave: Callable[[int], Behaviour], *, port: int = 0) -> AsyncIterator[ModelServer]:
    """Serve on `port` (0: any free one) of 127.0.0.1 while the context is open; raises OSError if taken."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Route

    model = ModelServer(behave)
    routes = [
        Route("/v1/chat/completions", model.answer, methods=["POST"]),
        Route("/v1/models", model.models, methods=["GET"]),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]  # uvicorn has no setting for it
    with _listener(port) as listener:
        model.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            try:
                yield model
            finally:
                server.should_exit = True

"""Log lines: JSON that a machine can read, with the connection they are about, and nobody's words."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Scope

from syncchat.errors import LogFailed
from syncchat_server.logs import LogFormat, Traced, configure

SECRET = "the-cake-is-in-the-cellar"


Stderr = Callable[[], str]


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Stderr]:
    """All that was written to stderr, where ours log at every level; logging is put back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("syncchat")
    handlers, level = root.handlers[:], ours.level
    ours.setLevel(logging.DEBUG)
    said: list[str] = []

    def read() -> str:
        said.append(capsys.readouterr().err)
        return "".join(said)

    yield read
    root.handlers[:] = handlers
    ours.setLevel(level)


def lines(stderr: Stderr) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr().splitlines()]


def test_R2_a_json_line_has_a_time_a_level_a_logger_an_event_and_a_connection(stderr: Stderr) -> None:
    configure(LogFormat.JSON)
    logging.getLogger("syncchat.hub").error("doc %s is unloaded: %s", "lobby/0", 'a "reason"\nof two lines')
    (line,) = lines(stderr)
    assert line.pop("time").startswith("20")
    assert line == {
        "level": "ERROR",
        "logger": "syncchat.hub",
        "event": 'doc lobby/0 is unloaded: a "reason"\nof two lines',
        "connection": "-",
    }


def test_R2_a_text_line_is_one_line(stderr: Stderr) -> None:
    configure(LogFormat.TEXT)
    logging.getLogger("syncchat.hub").error("doc %s is unloaded", "lobby/0")
    assert stderr() == "syncchat.hub: doc lobby/0 is unloaded [-]\n"


@pytest.mark.parametrize("form", list(LogFormat))
def test_R2_what_exceptions_and_other_libraries_say_is_not_quoted(stderr: Stderr, form: LogFormat) -> None:
    configure(form)
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        logging.getLogger("syncchat.hub").exception("it failed")
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
        logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {error!r}")
    logging.getLogger("uvicorn.access").error('%s - "%s"', "127.0.0.1", SECRET, stack_info=True)
    assert SECRET not in stderr()
    assert "ValueError in " in stderr(), "its kind and place are told"
    assert "Task exception was never retrieved" in stderr()


def test_R2_our_own_errors_are_told_whole(stderr: Stderr) -> None:
    configure(LogFormat.JSON)
    try:
        raise LogFailed("the disk is full: make room")
    except LogFailed:
        logging.getLogger("syncchat.hub").exception("not stored")
    assert lines(stderr)[0]["event"] == "not stored: the disk is full: make room"


async def answer(request: Request) -> Response:
    logging.getLogger("syncchat.rooms").warning("asked")
    return PlainTextResponse(request.path_params["name"])


APP = Traced(Starlette(routes=[Route("/rooms/{name}", answer)]))


async def ask(path: str, method: str = "GET") -> list[Message]:
    """What the app sends for one request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": SECRET.encode(),
        "headers": [(b"authorization", SECRET.encode())],
    }
    await APP(scope, receive, send)
    return sent


@pytest.mark.anyio
async def test_R2_lines_of_one_request_share_the_id_that_its_answer_tells(stderr: Stderr) -> None:
    configure(LogFormat.JSON)
    ids = [dict((await ask("/rooms/lobby"))[0]["headers"])[b"x-request-id"].decode() for _ in range(2)]
    assert ids[0] != ids[1]
    assert [line["connection"] for line in lines(stderr)] == [ids[0], ids[0], ids[1], ids[1]]
    told = lines(stderr)[1]
    assert (told["route"], told["status"]) == ("GET /rooms/{name}", 200)
    assert told["ms"] >= 0


@pytest.mark.anyio
async def test_R2_a_path_a_query_and_a_header_are_not_told(stderr: Stderr) -> None:
    configure(LogFormat.JSON)
    await ask(f"/rooms/{SECRET}")
    await ask(f"/{SECRET}")
    await ask("/nothing", method=SECRET)
    assert SECRET not in stderr()
    assert [line["status"] for line in lines(stderr) if "status" in line] == [200, 404, 404]

"""The daemon's log lines: as JSON or text on stderr, with the connection they are about and nobody's words.

Our own lines are written so that they hold neither texts nor tokens. Those of other libraries cannot be
relied on for that, and neither can exceptions: of both, only what is the same for everybody is told.
"""

import logging
import secrets
import sys
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from enum import StrEnum

from pythonjsonlogger.json import JsonFormatter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncchat.errors import describe

OURS = "syncchat"
ID_HEADER = b"x-request-id"

logger = logging.getLogger("syncchat.http")

_connection: ContextVar[str] = ContextVar("connection", default="-")


class LogFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


class Discreet(logging.Filter):
    """Adds `connection` to a line, and takes from it what could quote somebody."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.connection = _connection.get()
        if record.name.partition(".")[0] != OURS:
            # What a template is filled with may be a frame or a path; behind its first line may be anything.
            record.msg, record.args = (str(record.msg).splitlines() or [""])[0], None
        if record.exc_info and record.exc_info[1] is not None:
            record.msg, record.args = f"{record.getMessage()}: {describe(record.exc_info[1])}", None
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def configure(form: LogFormat) -> None:
    """Write every line to stderr in this form; what is worth a line is for the loggers' levels to say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Discreet())
    handler.setFormatter(_formatter(form))
    logging.basicConfig(handlers=[handler], force=True)


def _formatter(form: LogFormat) -> logging.Formatter:
    if form is LogFormat.TEXT:
        return logging.Formatter("%(name)s: %(message)s [%(connection)s]")
    return JsonFormatter(
        ["levelname", "name", "message", "connection"],
        rename_fields={"levelname": "level", "name": "logger", "message": "event"},
        timestamp="time",
    )


class Traced:
    """An ASGI app around another: what is logged for a request, at DEBUG for a socket too, carries its id.

    The answer to an HTTP request tells it as `x-request-id`. Paths are logged as their route's
    pattern: a path may be anything, and hold anything.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request in `app`."""
        if scope["type"] == "http":
            _connection.set(secrets.token_hex(4))
            return self._answer(scope, receive, send)
        # There may be very many sockets, for very long: each has an id while somebody looks closely, as that
        # takes most of a kilobyte, and no coroutine around its own.
        if logger.isEnabledFor(logging.DEBUG):
            _connection.set(secrets.token_hex(4))
            logger.debug("a socket opens")
        return self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (ID_HEADER, _connection.get().encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", None)
            # A method that no route knows may be any word as well.
            what = f"{scope['method']} {route}" if route else "an unknown path"
            milliseconds = round((time.perf_counter() - begun) * 1000, 1)
            extra = {"route": what, "status": status, "ms": milliseconds}
            logger.info("%(route)s: %(status)s in %(ms)s ms", extra, extra=extra)

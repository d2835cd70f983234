"""What a daemon tells over its HTTP API, asked for without a library of its own."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import anyio.to_thread

from syncchat.errors import SyncchatError

PATIENCE = 30.0
"""Seconds that a daemon may take for an answer."""

MOST = 16 << 20
"""Bytes of an answer that are read: what is asked for is far less."""

_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


class NotServed(SyncchatError):
    """The daemon cannot be asked, or says no; the text has the cause and the remedy."""


async def get_served(
    server: str,
    token: str,
    path: str,
    query: Mapping[str, object],
    *,
    body: Mapping[str, object] | None = None,
    seconds: float = PATIENCE,
) -> Any:
    """The JSON that the daemon at `server` (`ws://HOST:PORT`) answers to who shows this token.

    With a `body`, which is sent as JSON, it is a POST. An answer may take `seconds`. Raises NotServed, and
    ValueError for a bad address.
    """
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{_http(server)}{path}?{urlencode(query)}", data)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    return await anyio.to_thread.run_sync(_ask, request, seconds, abandon_on_cancel=True)


def _http(server: str) -> str:
    parts = urlsplit(server)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"{server!r} is no server address: write ws://HOST:PORT or wss://HOST")
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/"), "", ""))


class _NoRedirects(HTTPRedirectHandler):
    """A question is for the daemon alone."""

    def redirect_request(self, *_: object) -> None:
        return None


def _ask(request: Request, seconds: float) -> Any:
    try:
        with build_opener(_NoRedirects).open(request, timeout=seconds) as answer:
            return _read(answer)
    except HTTPError as error:
        with error:
            raise NotServed(_problem(error)) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise NotServed(f"{request.host} cannot be asked ({reason}): see whether its daemon runs") from None
    except ValueError:
        raise no_daemon(request.host or "the server") from None


def no_daemon(server: str) -> NotServed:
    """What it answers is nothing that a daemon of ours would."""
    return NotServed(f"what {server} answers cannot be read: is it a daemon of syncchat?")


def _read(answer: IO[bytes]) -> Any:
    return json.loads(answer.read(MOST))


def _problem(error: HTTPError) -> str:
    """What the daemon says is wrong, and its remedy."""
    try:
        told = _read(error)
        return f"{told['detail']}: {told['remedy']}"
    except (ValueError, KeyError, TypeError, OSError):
        return f"it was answered with status {error.code}: is it a daemon of syncchat?"

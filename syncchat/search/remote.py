"""Search on a daemon, over its HTTP API."""

import json
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import anyio.to_thread

from syncchat.search.file import SearchFailed
from syncchat.search.query import parse
from syncchat.search.wire import Answer, from_json

PATIENCE = 30.0
"""Seconds that a daemon may take for an answer."""

MOST = 16 << 20
"""Bytes of an answer that are read: a hundred hits are far less."""

_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


async def search_served(
    server: str, token: str, text: str, *, limit: int = 20, before: str | None = None
) -> Answer:
    """What a query finds in all rooms of the daemon at `server` (`ws://HOST:PORT`) that `token` may read.

    See `LocalSearch.search`. Raises BadQuery, ValueError (a bad address), and SearchFailed if the daemon
    cannot be asked, or says no.
    """
    parse(text)
    query = {"q": text, "limit": limit} | ({} if before is None else {"before": before})
    request = Request(f"{_http(server)}/api/v1/search?{urlencode(query)}")
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    return await anyio.to_thread.run_sync(_ask, request, abandon_on_cancel=True)


def _http(server: str) -> str:
    parts = urlsplit(server)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"{server!r} is no server address: write ws://HOST:PORT or wss://HOST")
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/"), "", ""))


class _NoRedirects(HTTPRedirectHandler):
    """A query is for the daemon alone."""

    def redirect_request(self, *_: object) -> None:
        return None


def _ask(request: Request) -> Answer:
    try:
        with build_opener(_NoRedirects).open(request, timeout=PATIENCE) as answer:
            return from_json(_read(answer))
    except HTTPError as error:
        with error:
            raise SearchFailed(_problem(error)) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise SearchFailed(
            f"{request.host} cannot be asked ({reason}): see whether its daemon runs"
        ) from None
    except ValueError:
        raise SearchFailed(f"what {request.host} answers is no search: is it a daemon of syncchat?") from None


def _read(answer: IO[bytes]) -> Any:
    return json.loads(answer.read(MOST))


def _problem(error: HTTPError) -> str:
    """What the daemon says is wrong, and its remedy."""
    try:
        told = _read(error)
        return f"{told['detail']}: {told['remedy']}"
    except (ValueError, KeyError, TypeError, OSError):
        return f"it was answered with status {error.code}: is it a daemon of syncchat?"

"""The routes of the HTTP API: requests in, JSON out; what it promises is in openapi.py."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncchat.agent import Usage
from syncchat.core.grant import Claims
from syncchat.core.ids import NAME, parse_id
from syncchat.core.message import BadText, Body, TextTooLong, check_message_text
from syncchat.errors import InvalidName, ProtocolError, describe
from syncchat.hub import Denial
from syncchat_server.api.openapi import DOCUMENT, MAX_KEY, MAX_PAGE, MAX_ROOMS, NEW_MESSAGE
from syncchat_server.api.problems import Problem, invalid, no_room, too_large, too_many, unauthenticated
from syncchat_server.api.rooms import Rooms
from syncchat_server.api.tally import Tallies
from syncchat_server.auth import Authorities
from syncchat_server.handshake import Origins, bearer
from syncchat_server.limits import DaemonLimits
from syncchat_server.timestamps import time_text

logger = logging.getLogger("syncchat.api")

MAX_BODY = 128 * 1024
"""Bytes of a request's body: the longest text, with every character escaped."""

Handler = Callable[[Request, Claims], Awaitable[Response]]


def api_routes(
    rooms: Rooms, authority: Authorities, origins: Origins, limits: DaemonLimits, agent: Usage
) -> list[BaseRoute]:
    """`/openapi.json` and `/api/v1/...`, to be put beside others; `agent` counts what models were asked.

    Web pages in `origins` may use them (CORS). `rooms` are entered by the caller.
    """
    api = _Api(rooms, authority, origins, Tallies(limits), agent)
    app = Starlette(
        routes=[
            Route("/openapi.json", _document),
            Route("/api/v1/rooms", api.answers(api.rooms)),
            Route("/api/v1/rooms/{room}/messages", api.answers(api.messages), methods=["GET"]),
            Route("/api/v1/rooms/{room}/messages", api.answers(api.post), methods=["POST"]),
            Route("/api/v1/usage", api.answers(api.usage)),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=sorted(origins.allowed),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
                expose_headers=["Retry-After"],
            )
        ],
        exception_handlers={HTTPException: _tell_http},
    )
    return [Route("/openapi.json", app), Route("/api/{path:path}", app)]


class _Api:
    def __init__(
        self, rooms: Rooms, authority: Authorities, origins: Origins, tallies: Tallies, agent: Usage
    ) -> None:
        self._rooms = rooms
        self._authority = authority
        self._origins = origins
        self._agent = agent
        self._tallies = tallies

    def answers(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint: knows who asks, and tells every problem. What is a bug is logged without its text."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request, self._caller(request))
            except Problem as problem:
                return problem.response()
            except Exception as error:  # noqa: BLE001 - a traceback could quote a message
                logger.error("a request to the API failed: %s", describe(error))
                return Problem(
                    500, "failed", "something went wrong here", "tell the operator: the log has it"
                ).response()

        return answer

    def _caller(self, request: Request) -> Claims:
        if not self._origins.allow(request):
            remedy = "the operator can allow it: --allow-origin"
            raise Problem(403, "foreign_page", "this web page may not use the API", remedy)
        if not self._origins.names_us(request):
            remedy = "use the daemon's address, or let it ask for tokens"
            raise Problem(403, "foreign_host", "without authentication a name is nobody's own", remedy)
        try:
            claims = self._authority.claims(bearer(request))
        except (Denial, ProtocolError) as error:
            raise unauthenticated(str(error)) from error
        wait = self._tallies.of(claims.user).count_request()
        if wait > 0:
            self._rooms.stats.over_limit["requests_per_second"] += 1
            raise too_many("too many requests of one user", "requests_per_second", wait)
        return claims

    async def rooms(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/rooms."""
        after, limit = request.query_params.get("after", ""), _limit(request, 100, MAX_ROOMS)
        roles, people = await self._rooms.roles(claims), self._rooms.people()
        names = [name for name in roles if name > after]
        page = [
            {"name": name, "role": roles[name], "users": sorted(people.get(name, ()))}
            for name in names[:limit]
        ]
        return JSONResponse({"rooms": page, "next": page[-1]["name"] if len(names) > limit else None})

    async def messages(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/rooms/{room}/messages."""
        before = request.query_params.get("before")
        if before is not None:
            _check_id(before, "before")
        page = await self._rooms.page(claims, _room(request), before, _limit(request, 50, MAX_PAGE))
        return JSONResponse({"messages": page.messages, "next": page.older})

    async def post(self, request: Request, claims: Claims) -> Response:
        """POST /api/v1/rooms/{room}/messages."""
        room, key = _room(request), _key(request)
        body = _read_message(await _read_body(request))
        message, is_new = await self._rooms.post(claims, room, body, key)
        if is_new:
            self._tallies.of(claims.user).count_message(room)
        return JSONResponse(message, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def usage(self, _request: Request, claims: Claims) -> Response:
        """GET /api/v1/usage."""
        tally = self._tallies.of(claims.user)
        return JSONResponse(
            {
                "user": claims.user,
                "since": time_text(self._tallies.since),
                "requests": tally.requests,
                "messages": dict(tally.messages),
                "agent": asdict(self._agent),
            }
        )


async def _document(_request: Request) -> Response:
    return JSONResponse(DOCUMENT)


async def _tell_http(_request: Request, error: Exception) -> Response:
    """What starlette itself answers: no such path, no such method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_")
    response = Problem(status, code, status.description or status.phrase, "see /openapi.json").response()
    response.headers.update(error.headers or {})
    return response


# What requests say.


def _room(request: Request) -> str:
    room: str = request.path_params["room"]
    if not NAME.match(room):
        raise no_room()
    return room


def _limit(request: Request, default: int, most: int) -> int:
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise invalid(f"limit has to be a number from 1 to {most}")
    return int(text)


def _check_id(text: str, what: str) -> None:
    try:
        parse_id(text)
    except InvalidName as error:
        raise invalid(f"{what!r} is no message's id") from error


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise invalid(f"an Idempotency-Key has 1 to {MAX_KEY} characters")
    return key


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise too_large(f"a request's body has at most {MAX_BODY} bytes")
    return bytes(body)


def _read_message(data: bytes) -> Body:
    """The message to be posted; raises Problem, which repeats nothing of what was sent."""
    try:
        told: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise invalid("the body is no JSON") from error
    if (
        not isinstance(told, dict)
        or "text" not in told
        or not told.keys() <= NEW_MESSAGE["properties"].keys()
    ):
        raise invalid("the body has to be an object with text, and maybe re and agent, and nothing else")
    text, re, agent = told["text"], told.get("re"), told.get("agent", False)
    if not isinstance(text, str) or not isinstance(agent, bool) or not isinstance(re, str | None):
        raise invalid("text and re have to be texts, and agent true or false")
    if re is not None:
        _check_id(re, "re")
    try:
        return Body(check_message_text(text), re=re, agent=agent)
    except TextTooLong as error:
        raise too_large(str(error)) from error
    except BadText as error:
        raise invalid(str(error)) from error

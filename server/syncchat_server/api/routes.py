"""The routes of the HTTP API: requests in, JSON out; what it promises is in openapi.py."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncchat.core.grant import Claims
from syncchat.core.timestamps import time_text
from syncchat.errors import LogError, ProtocolError, describe
from syncchat.hub import Denial
from syncchat.search import MAX_HITS, BadQuery
from syncchat.search.wire import to_json
from syncchat_server.api.asking import (
    day_of,
    key_of,
    limit_of,
    message_of,
    place_of,
    read_body,
    read_mark,
    read_message,
    read_request,
    read_since,
    room_of,
)
from syncchat_server.api.catching_up import Teller
from syncchat_server.api.erasing import BEYOND
from syncchat_server.api.openapi import DOCUMENT
from syncchat_server.api.problems import (
    Problem,
    invalid,
    no_agent,
    no_decision,
    no_message,
    no_search,
    not_now,
    too_many,
    unauthenticated,
)
from syncchat_server.api.rooms import Rooms
from syncchat_server.api.schemas import MAX_PAGE, MAX_ROOMS
from syncchat_server.api.tally import Tallies
from syncchat_server.auth import Authorities
from syncchat_server.books import Books
from syncchat_server.handshake import Origins, bearer
from syncchat_server.limits import DaemonLimits
from syncchat_server.searching import NotNow, Search

logger = logging.getLogger("syncchat.api")

Told = TypeVar("Told")
Handler = Callable[[Request, Claims], Awaitable[Response]]


def api_routes(
    rooms: Rooms,
    authority: Authorities,
    origins: Origins,
    limits: DaemonLimits,
    books: Books,
    search: Search | None = None,
    teller: Teller | None = None,
) -> list[BaseRoute]:
    """`/openapi.json` and `/api/v1/...`, to be put beside others; `books` are those of the daemon's agents.

    Web pages in `origins` may use them (CORS). `rooms` are entered by the caller; without `search`
    nothing can be searched for, and without `teller` nobody is told what was missed.
    """
    api = _Api(rooms, authority, origins, Tallies(limits), books, search, teller)
    app = Starlette(
        routes=[
            Route("/openapi.json", _document),
            Route("/api/v1/rooms", api.answers(api.rooms)),
            Route("/api/v1/rooms/{room}", api.answers(api.room)),
            Route("/api/v1/rooms/{room}/messages", api.answers(api.messages), methods=["GET"]),
            Route("/api/v1/rooms/{room}/messages", api.answers(api.post), methods=["POST"]),
            Route("/api/v1/rooms/{room}/read", api.answers(api.read), methods=["PUT"]),
            Route("/api/v1/rooms/{room}/ask", api.answers(api.ask), methods=["POST"]),
            Route("/api/v1/rooms/{room}/messages/{id}", api.answers(api.message)),
            Route("/api/v1/rooms/{room}/messages/{id}/erase", api.answers(api.erase), methods=["POST"]),
            Route("/api/v1/rooms/{room}/catch-up", api.answers(api.catch_up), methods=["POST"]),
            Route("/api/v1/rooms/{room}/why/{id}", api.answers(api.why)),
            Route("/api/v1/search", api.answers(api.search)),
            Route("/api/v1/usage", api.answers(api.usage)),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=sorted(origins.allowed),
                allow_methods=["GET", "POST", "PUT"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
                expose_headers=["Retry-After"],
            )
        ],
        exception_handlers={HTTPException: _tell_http},
    )
    return [Route("/openapi.json", app), Route("/api/{path:path}", app)]


class _Api:
    def __init__(
        self,
        rooms: Rooms,
        authority: Authorities,
        origins: Origins,
        tallies: Tallies,
        books: Books,
        search: Search | None,
        teller: Teller | None,
    ) -> None:
        self._rooms = rooms
        self._authority = authority
        self._origins = origins
        self._books = books
        self._tallies = tallies
        self._search = search
        self._teller = teller

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
        after, limit = request.query_params.get("after", ""), limit_of(request, 100, MAX_ROOMS)
        roles = await self._rooms.roles(claims)
        names = [name for name in roles if name > after]
        told = [await self._rooms.describe(claims, name, roles[name]) for name in names[:limit]]
        return JSONResponse({"rooms": told, "next": names[limit - 1] if len(names) > limit else None})

    async def room(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/rooms/{room}."""
        room = room_of(request)
        role = await self._rooms.admit(claims, room)
        return JSONResponse(await self._rooms.describe(claims, room, role))

    async def messages(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/rooms/{room}/messages."""
        room, before, limit = room_of(request), place_of(request), limit_of(request, 50, MAX_PAGE)
        await self._rooms.admit(claims, room)
        found = await self._rooms.history.read(room, before, limit)
        older = None if found.older is None else str(found.older)
        return JSONResponse({"messages": found.messages, "late": found.late, "next": older})

    async def message(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/rooms/{room}/messages/{id}."""
        room, place = room_of(request), message_of(request)
        await self._rooms.admit(claims, room)
        message = await self._rooms.history.message(room, place)
        if message is None:
            raise no_message()
        return JSONResponse(message)

    async def erase(self, request: Request, claims: Claims) -> Response:
        """POST /api/v1/rooms/{room}/messages/{id}/erase."""
        room, place = room_of(request), message_of(request)
        await self._rooms.admit(claims, room)
        erased = await self._rooms.eraser.erase(claims, room, place)
        return JSONResponse(erased._asdict() | {"beyond": BEYOND})

    async def read(self, request: Request, claims: Claims) -> Response:
        """PUT /api/v1/rooms/{room}/read."""
        room, id = room_of(request), read_mark(await read_body(request))
        await self._rooms.mark_read(claims, room, id)
        return JSONResponse({"read": id}, HTTPStatus.ACCEPTED)

    async def ask(self, request: Request, claims: Claims) -> Response:
        """POST /api/v1/rooms/{room}/ask."""
        room = room_of(request)
        verb, place = read_request(await read_body(request))
        await self._rooms.ask(claims, room, verb, place)
        return JSONResponse({"verb": verb, "id": place.id}, HTTPStatus.ACCEPTED)

    async def post(self, request: Request, claims: Claims) -> Response:
        """POST /api/v1/rooms/{room}/messages."""
        room, key = room_of(request), key_of(request)
        body = read_message(await read_body(request))
        message, is_new = await self._rooms.post(claims, room, body, key)
        if is_new:
            self._tallies.of(claims.user).count_message(room)
        return JSONResponse(message, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def search(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/search."""
        text, before = request.query_params.get("q", ""), request.query_params.get("before")
        limit = limit_of(request, 20, MAX_HITS)
        if self._search is None:
            raise no_search()
        try:
            answer = await self._search.find(claims, text, limit, before)
        except BadQuery as error:
            raise invalid(error.reason, error.remedy) from error
        except NotNow as error:
            raise not_now(str(error)) from error
        return JSONResponse(to_json(answer))

    async def catch_up(self, request: Request, claims: Claims) -> Response:
        """POST /api/v1/rooms/{room}/catch-up."""
        room, since = room_of(request), read_since(await read_body(request))
        if self._teller is None:
            raise no_agent()
        return JSONResponse(await self._teller.tell(claims, room, since))

    async def why(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/rooms/{room}/why/{id}."""
        room, place = room_of(request), message_of(request)
        await self._rooms.admit(claims, room)
        decisions = await _from_books(self._books.why(room, place.id))
        if not decisions:
            raise no_decision()
        return JSONResponse({"decisions": decisions})

    async def usage(self, request: Request, claims: Claims) -> Response:
        """GET /api/v1/usage."""
        tally, day = self._tallies.of(claims.user), day_of(request)
        return JSONResponse(
            {
                "user": claims.user,
                "since": time_text(self._tallies.since),
                "requests": tally.requests,
                "messages": dict(tally.messages),
                "day": day,
                "spent": await _from_books(self._books.spent(claims, day)),
                "currency": self._books.prices.currency,
                "budgets": self._books.budgets(),
            }
        )


async def _from_books(reading: Awaitable[Told]) -> Told:
    """What the agents' books say; raises Problem if a disk fails."""
    try:
        return await reading
    except LogError as error:
        logger.error("an agent's notebook cannot be read: %s", error)
        raise not_now("an agent's notebook cannot be read") from error


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

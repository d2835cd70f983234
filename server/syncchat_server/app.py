"""The ASGI app: the hub's two dialects on websockets, beside plain HTTP; to be mounted anywhere."""

from collections.abc import Sequence
from typing import NamedTuple

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from syncchat.core.dialect import Dialect, HocuspocusDialect, YDialect
from syncchat.core.ids import parse_doc
from syncchat.core.packing import ASKED, PackingDialect
from syncchat.errors import CloseCode, InvalidName, ProtocolError
from syncchat.hub import Hub
from syncchat.link.protocol import short
from syncchat_server.asgi_link import AsgiLink
from syncchat_server.auth import Authorities, OpenAuthority
from syncchat_server.handshake import USER_PARAMETER, Origins, bearer, subprotocol

RAW_SOCKET = "syncchat.raw_socket"
"""The ASGI extension by which our daemon's server offers its sockets' transports (raw_socket.py)."""

SYNC_PATH = "/sync"
Y_PATH = "/y/"


def make_app(
    hub: Hub,
    routes: Sequence[BaseRoute] = (),
    *,
    authority: Authorities | None = None,
    origins: Origins | None = None,
) -> ASGIApp:
    """An app that serves `hub`, which its caller holds open, and further HTTP `routes`.

    `/sync` takes Hocuspocus 4 clients and our own, many docs on one socket; `/y/<doc name>`
    takes y-websocket clients, one doc on each. `authority` is the one that the hub asks, None if
    there is no authentication; `origins` are the web pages whose sockets are taken.
    """
    authority = authority or OpenAuthority()
    return _App(hub, routes, authority, origins or Origins(any_host=not authority.is_open))


class _App:
    """Websockets by themselves, everything else by Starlette, whose layers each socket would keep alive."""

    def __init__(
        self, hub: Hub, routes: Sequence[BaseRoute], authority: Authorities, origins: Origins
    ) -> None:
        self._hub = hub
        self._authority = authority
        self._origins = origins
        self._http = Starlette(routes=[Route("/", _front), *routes])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._http(scope, receive, send)
            return
        socket = WebSocket(scope, receive, send)
        call = await self._answer(socket)
        if call is None:
            return
        fast = scope.get("extensions", {}).get(RAW_SOCKET)
        if fast is None:
            await self._serve(socket, call)
            return
        del socket  # it has read the headers, and would keep them for as long as the link lives
        await self._hub.serve(fast(), *call)

    async def _answer(self, socket: WebSocket) -> "_Call | None":
        """Accept a socket; None if there is nothing to serve on it, and it was told so."""
        path = socket.scope["path"].removeprefix(socket.scope.get("root_path", ""))
        if not self._origins.allow(socket) or not (path == SYNC_PATH or path.startswith(Y_PATH)):
            await socket.close()  # before it was accepted: HTTP status 403
            return None
        await socket.accept(subprotocol(socket))
        try:
            return self._read(socket, path)
        except ProtocolError as error:
            await socket.close(error.code, short(error.reason))
            return None

    def _read(self, socket: WebSocket, path: str) -> "_Call":
        token = bearer(socket)
        address = socket.client.host if socket.client else ""
        if path == SYNC_PATH:
            packs = ASKED.encode() in socket.scope["query_string"].split(b"&")
            return _Call(PackingDialect() if packs else HocuspocusDialect(), "", "", address)
        doc = path.removeprefix(Y_PATH)
        try:
            parse_doc(doc)
        except InvalidName as error:
            raise ProtocolError(str(error), CloseCode.BAD_NAME) from error
        if self._authority.is_open:
            token = token or socket.query_params.get(USER_PARAMETER, "")
        return _Call(YDialect(doc), token, doc, address)

    async def _serve(self, socket: WebSocket, call: "_Call") -> None:
        link = AsgiLink(socket)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(link.run_sender)
            await self._hub.serve(link, *call)
            tasks.cancel_scope.cancel()


class _Call(NamedTuple):
    """What a socket's handshake says, as `Hub.serve` takes it."""

    dialect: Dialect
    token: str
    doc: str
    address: str


async def _front(_request: Request) -> Response:
    return PlainTextResponse("syncchat serves websockets here: /sync and /y/<doc name>\n")

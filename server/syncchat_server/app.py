"""The ASGI app: the hub's two dialects on websockets, beside plain HTTP; to be mounted anywhere."""

from collections.abc import Sequence

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from syncchat.core.dialect import Dialect, HocuspocusDialect, YDialect
from syncchat.core.ids import parse_doc
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
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        socket = WebSocket(scope, receive, send)
        if not self._origins.allow(socket) or not (path == SYNC_PATH or path.startswith(Y_PATH)):
            await socket.close()  # before it was accepted: HTTP status 403
            return
        await socket.accept(subprotocol(socket))
        try:
            await self._converse(socket, path)
        except ProtocolError as error:
            await socket.close(error.code, short(error.reason))

    async def _converse(self, socket: WebSocket, path: str) -> None:
        token = bearer(socket)
        if path == SYNC_PATH:
            await self._serve(socket, HocuspocusDialect())
            return
        doc = path.removeprefix(Y_PATH)
        try:
            parse_doc(doc)
        except InvalidName as error:
            raise ProtocolError(str(error), CloseCode.BAD_NAME) from error
        if self._authority.is_open:
            token = token or socket.query_params.get(USER_PARAMETER, "")
        await self._serve(socket, YDialect(doc), token, doc)

    async def _serve(self, socket: WebSocket, dialect: Dialect, token: str = "", doc: str = "") -> None:
        address = socket.client.host if socket.client else ""
        fast = socket.scope.get("extensions", {}).get(RAW_SOCKET)
        if fast is not None:
            await self._hub.serve(fast(), dialect, token, doc, address)
            return
        link = AsgiLink(socket)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(link.run_sender)
            await self._hub.serve(link, dialect, token, doc, address)
            tasks.cancel_scope.cancel()


async def _front(_request: Request) -> Response:
    return PlainTextResponse("syncchat serves websockets here: /sync and /y/<doc name>\n")

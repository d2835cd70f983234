"""The ASGI app: the hub's two dialects on websockets, beside plain HTTP; to be mounted anywhere."""

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from syncchat.core.dialect import Dialect, HocuspocusDialect, YDialect
from syncchat.core.ids import parse_doc
from syncchat.errors import CloseCode, InvalidName
from syncchat.hub import Hub
from syncchat.link.protocol import short
from syncchat_server.asgi_link import AsgiLink

RAW_SOCKET = "syncchat.raw_socket"
"""The ASGI extension by which our daemon's server offers its sockets' transports (raw_socket.py)."""

USER_PARAMETER = "user"
"""Where a y-websocket client, whose protocol has no token, says who it is: `?user=ada`."""

SYNC_PATH = "/sync"
Y_PATH = "/y/"


def make_app(hub: Hub) -> ASGIApp:
    """An app that serves `hub`, which its caller holds open.

    `/sync` takes Hocuspocus 4 clients and our own, many docs on one socket; `/y/<doc name>`
    takes y-websocket clients, one doc on each.
    """
    return _App(hub)


class _App:
    """Websockets by themselves, everything else by Starlette, whose layers each socket would keep alive."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._http = Starlette(routes=[Route("/", _front)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._http(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        socket = WebSocket(scope, receive, send)
        if path == SYNC_PATH:
            await socket.accept()
            await self._serve(socket, HocuspocusDialect())
        elif path.startswith(Y_PATH):
            await socket.accept()
            await self._serve_y(socket, path.removeprefix(Y_PATH))
        else:
            await socket.close()

    async def _serve_y(self, socket: WebSocket, doc: str) -> None:
        try:
            parse_doc(doc)
        except InvalidName as error:
            await socket.close(CloseCode.BAD_NAME, short(str(error)))
            return
        await self._serve(socket, YDialect(doc), socket.query_params.get(USER_PARAMETER, ""), doc)

    async def _serve(self, socket: WebSocket, dialect: Dialect, token: str = "", doc: str = "") -> None:
        fast = socket.scope.get("extensions", {}).get(RAW_SOCKET)
        if fast is not None:
            await self._hub.serve(fast(), dialect, token, doc)
            return
        link = AsgiLink(socket)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(link.run_sender)
            await self._hub.serve(link, dialect, token, doc)
            tasks.cancel_scope.cancel()


async def _front(_request: Request) -> Response:
    return PlainTextResponse("syncchat serves websockets here: /sync and /y/<doc name>\n")

"""The ASGI app: the two dialects of the hub as websocket routes, mountable into any other app."""

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
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


def make_app(hub: Hub) -> Starlette:
    """An app that serves `hub`, which its caller holds open.

    `/sync` takes Hocuspocus 4 clients and our own, many docs on one socket; `/y/<doc name>`
    takes y-websocket clients, one doc on each.
    """

    async def sync(socket: WebSocket) -> None:
        await socket.accept()
        await _serve(hub, socket, HocuspocusDialect())

    async def y(socket: WebSocket) -> None:
        doc = socket.path_params["doc"]
        if not socket.scope["path"].endswith(doc):
            doc += "\n"  # Starlette's pattern passes over a line end behind the name, which no name has
        await socket.accept()
        try:
            parse_doc(doc)
        except InvalidName as error:
            await socket.close(CloseCode.BAD_NAME, short(str(error)))
            return
        await _serve(hub, socket, YDialect(doc), socket.query_params.get(USER_PARAMETER, ""), doc)

    async def front(_request: Request) -> Response:
        return PlainTextResponse("syncchat serves websockets here: /sync and /y/<doc name>\n")

    return Starlette(
        routes=[
            Route("/", front),
            WebSocketRoute("/sync", sync),
            WebSocketRoute("/y/{doc:path}", y),
        ]
    )


async def _serve(hub: Hub, socket: WebSocket, dialect: Dialect, token: str = "", doc: str = "") -> None:
    fast = socket.scope.get("extensions", {}).get(RAW_SOCKET)
    if fast is not None:
        await hub.serve(fast(), dialect, token, doc)
        return
    link = AsgiLink(socket)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(link.run_sender)
        await hub.serve(link, dialect, token, doc)
        tasks.cancel_scope.cancel()

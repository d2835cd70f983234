"""HTTP connections that do not come to the point: they are ended, and nobody else notices."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.asyncio.client import connect

from syncchat.hub import Hub
from syncchat.testing.client import HeldLog
from syncchat_server.app import make_app
from syncchat_server.auth import OpenAuthority
from syncchat_server.front_door import FrontDoorConfig, FrontDoorProtocol
from syncchat_server.limits import DaemonLimits
from syncchat_server.raw_socket import RawSocketProtocol
from tests.server.up import UpServer

SOON = 0.2
PATIENCE = 30
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


class Server(UpServer):
    """uvicorn as the daemon runs it, with its waiting cut short; the port is free for `far` addresses."""

    def __init__(self, hub: Hub, *, seconds: float) -> None:
        app = make_app(hub, [Route("/echo", echo, methods=["POST"])])
        config = FrontDoorConfig(
            app, http=FrontDoorProtocol, ws=RawSocketProtocol, lifespan="off", log_config=None
        )
        config.limits = DaemonLimits(request_head_seconds=seconds, request_body_seconds=seconds)
        super().__init__(config)


@asynccontextmanager
async def serving(seconds: float = SOON, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The port of a server that waits for a request for so long."""
    with socket.create_server((host, 0)) as listener, anyio.fail_after(PATIENCE):
        async with Hub(HeldLog(), authorize=OpenAuthority()) as hub, anyio.create_task_group() as tasks:
            server = Server(hub, seconds=seconds)
            tasks.start_soon(server.serve, [listener])
            await server.up.wait()
            yield listener.getsockname()[1]
            server.should_exit = True


def outer_address() -> str:
    """An address of this machine that is not loopback; skips the test where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which address would be used
        except OSError:
            pytest.skip("this machine has loopback only")
        return str(probe.getsockname()[0])


async def heard(stream: SocketStream) -> bytes:
    """Everything until the server closes."""
    said = b""
    try:
        while True:
            said += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return said


@pytest.mark.anyio
@pytest.mark.parametrize(
    "said",
    [b"", b"G", b"\r\n", REQUEST, b"POST /echo HTTP/1.1\r\nContent-Length: 9\r\n"],
    ids=["nothing", "a byte", "an empty line", "half the headers", "half of a post's"],
)
async def test_L2_a_request_that_does_not_arrive_is_ended(said: bytes) -> None:
    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        if said:
            await stream.send(said)
        answer = await heard(stream)
        assert b"408 Request Timeout" in answer
        assert b"retry-after: 60" in answer
        assert b"_seconds)" in answer


@pytest.mark.anyio
async def test_L2_a_second_request_that_does_not_arrive_is_ended() -> None:
    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(REQUEST + b"\r\n")
        assert b"200 OK" in await stream.receive()
        await stream.send(b"GET")
        assert b"408 Request Timeout" in await heard(stream)


@pytest.mark.anyio
async def test_L2_a_body_that_does_not_arrive_is_ended() -> None:
    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        assert b"200 OK" not in await heard(stream)


@pytest.mark.anyio
async def test_L2_headers_without_end_are_refused() -> None:
    async with serving(PATIENCE) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(REQUEST + b"X: " + b"x" * DaemonLimits().request_head_bytes)
        assert b"431" in await heard(stream)


@pytest.mark.anyio
async def test_L2_honest_requests_and_sockets_outlive_the_deadline() -> None:
    async with serving() as port:
        async with (
            await anyio.connect_tcp("127.0.0.1", port) as slow,
            connect(f"ws://127.0.0.1:{port}/sync", proxy=None) as early,
        ):
            assert b"408" in await heard(slow)  # the deadline has passed, for the socket too
            await (await early.ping())
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            for _ in range(2):
                await stream.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
                answer = b""
                while not answer.endswith(b"hello"):
                    answer += await stream.receive()
                assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.anyio
async def test_L2_an_address_has_so_many_connections_that_have_not_come_to_the_point() -> None:
    host = outer_address()
    async with serving(PATIENCE, host) as port, AsyncExitStack() as stack:
        waiting = [
            await stack.enter_async_context(await anyio.connect_tcp(host, port))
            for _ in range(DaemonLimits().requests_per_address)
        ]
        async with await anyio.connect_tcp(host, port) as further:
            answer = await heard(further)
            assert b"503" in answer
            assert b"requests_per_address" in answer
            assert b"retry-after" in answer
        await waiting[0].send(REQUEST + b"Connection: close\r\n\r\n")
        assert b"200 OK" in await heard(waiting[0])
        async with (
            connect(f"ws://{host}:{port}/sync", proxy=None),
            await anyio.connect_tcp(host, port) as last,
        ):
            await last.send(REQUEST + b"\r\n")
            assert b"200 OK" in await last.receive()

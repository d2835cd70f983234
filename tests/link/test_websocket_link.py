"""The websocket link against a real server on this machine."""

import anyio
import pytest
from websockets.asyncio.server import ServerConnection, serve

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link.websocket import check_url, open_websocket

pytestmark = pytest.mark.anyio


async def _echo(socket: ServerConnection) -> None:
    async for frame in socket:
        if frame == b"close":
            await socket.close(4503, "try again")
        elif frame == b"text":
            await socket.send("text")
        else:
            await socket.send(frame)


async def test_S7_frames_come_back_in_order() -> None:
    async with serve(_echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_websocket(f"ws://127.0.0.1:{port}/sync") as link:
            for number in range(50):
                link.send(bytes([number]) * 1000)
            assert link.backlog() == 50_000
            with anyio.fail_after(10):
                assert [(await link.receive())[0] for _ in range(50)] == list(range(50))
                await link.drained()
            assert link.backlog() == 0


async def test_D3_the_code_of_the_server_is_heard() -> None:
    async with serve(_echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_websocket(f"ws://127.0.0.1:{port}") as link:
            link.send(b"close")
            with anyio.fail_after(10), pytest.raises(LinkClosed) as error:
                await link.receive()
            assert (error.value.code, error.value.reason) == (CloseCode.LOG_FAILED, "try again")
            link.send(b"dropped")
            assert link.backlog() == 0


async def test_S3_a_text_frame_ends_the_link() -> None:
    async with serve(_echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_websocket(f"ws://127.0.0.1:{port}") as link:
            link.send(b"text")
            with anyio.fail_after(10), pytest.raises(LinkClosed) as error:
                await link.receive()
            assert error.value.code == CloseCode.BAD_FRAME


async def test_O6_no_server_is_a_closed_link() -> None:
    with pytest.raises(LinkClosed, match="no connection"):
        async with open_websocket("ws://127.0.0.1:9/sync"):  # the discard port: nobody listens
            pytest.fail("there is nobody to talk to")


@pytest.mark.parametrize("url", ["http://host", "host:1234", "", "ws://", "ws:///x"])
def test_O6_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is no server address"):
        check_url(url)


def test_a_slash_at_the_end_changes_nothing() -> None:
    assert check_url("wss://host/base/") == "wss://host/base"

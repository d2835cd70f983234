"""Handshakes that take for ever, by the hundred: they are ended, and nobody else notices."""

from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from syncchat.testing.program import PATIENCE, Daemon
from tests.faults.connections import descriptors, until_back
from tests.server.honest import honest

LORISES = 200
LIMIT = "request_head_seconds=2"
HANDSHAKE = b"GET /sync HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Header: "


async def drip(stream: SocketStream, scope: anyio.CancelScope) -> None:
    """Send a handshake a byte at a time, and never come to its end."""
    with scope:
        try:
            for byte in HANDSHAKE:
                await stream.send(bytes([byte]))
                await anyio.sleep(0.05)
            while True:
                await stream.send(b"x")
                await anyio.sleep(0.05)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return


async def dawdle(host: str, port: int, told: list[bytes]) -> None:
    """Drip until the server ends it; what it said is added to `told`."""
    async with await anyio.connect_tcp(host, port) as stream, anyio.create_task_group() as tasks:
        dripping = anyio.CancelScope()
        tasks.start_soon(drip, stream, dripping)
        said = b""
        try:
            while True:
                said += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            told.append(said)
        dripping.cancel()


@pytest.mark.anyio
async def test_L2_S7_handshakes_that_take_for_ever_are_ended_and_nobody_else_notices(tmp_path: Path) -> None:
    told: list[bytes] = []
    with Daemon(tmp_path / "data", "--no-agent", "--limit", LIMIT) as daemon:
        host, _, port = daemon.address.removeprefix("ws://").partition(":")
        async with honest(daemon, patience=3 * PATIENCE) as both:
            before = descriptors(daemon, "socket")
            async with anyio.create_task_group() as lorises:
                for _ in range(LORISES):
                    lorises.start_soon(dawdle, host, int(port), told)
                while len(told) < LORISES:
                    await both.go_on()
                    await anyio.sleep(0.1)
            assert [said for said in told if b"408 Request Timeout" not in said] == []
            await until_back(daemon, before, "socket")

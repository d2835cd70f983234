"""Frames of 50 MB, whole and in parts, and compressed ones: refused before they are in memory."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from syncchat.errors import CloseCode
from syncchat.testing.program import PATIENCE, Daemon
from tests.faults.talker import talker

HUGE = 50_000_000
PART = 1_000_000
HUNG_UP = 1006
GROWTH = HUGE // 2
"""Far less than one frame; what is under way of frames of the allowed size may take some of it."""


def peak(daemon: Daemon) -> int:
    """The most bytes of memory that the daemon ever occupied (Linux)."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


async def in_parts() -> AsyncIterator[bytes]:
    for _ in range(HUGE // PART):
        yield bytes(PART)


@pytest.mark.anyio
@pytest.mark.parametrize("parts", [False, True], ids=["whole", "in parts"])
async def test_S3_a_frame_of_50_MB_ends_its_own_link_and_takes_no_memory(tmp_path: Path, parts: bool) -> None:
    with anyio.fail_after(2 * PATIENCE), Daemon(tmp_path / "data", "--no-agent") as daemon:
        async with talker(daemon.address, "lobby/0", "bob") as other:
            before = peak(daemon)
            for _ in range(3):
                async with connect(f"{daemon.address}/sync", proxy=None) as socket:
                    with suppress(ConnectionClosed):  # it may hear of the end before it has sent everything
                        await socket.send(in_parts() if parts else bytes(HUGE))
                    with pytest.raises(ConnectionClosed):
                        await socket.recv()
                # What is still being sent when the daemon hangs up makes TCP drop its goodbye.
                assert socket.close_code in (CloseCode.TOO_BIG, HUNG_UP)
            assert peak(daemon) - before < GROWTH
            await other.enter("bob")
        assert "Traceback" not in daemon.stderr()


@pytest.mark.anyio
async def test_S3_no_compression_is_agreed_so_that_no_frame_can_be_a_bomb(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE), Daemon(tmp_path / "data", "--no-agent") as daemon:
        async with connect(f"{daemon.address}/sync", proxy=None, compression="deflate") as socket:
            assert socket.response is not None
            assert "Sec-WebSocket-Extensions" not in socket.response.headers
            socket.transport.write(b"\xc2\x85" + bytes(4) + b"hello")  # a frame that says it is compressed
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1002

"""SIGTERM while somebody does not read: the daemon ends by itself and in order all the same."""

import random
import socket
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from syncchat.core.ids import format_id
from syncchat.core.messages import Status, Update
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from tests.faults.talker import Talker, talker

ROW = format_id(1, "ada", 1)
SIZE = 40_000
WRITES = 200
"""Times SIZE some 8 MB: more than the system takes for somebody who does not read."""


def narrow_socket(address: str) -> socket.socket:
    """A connection for which the system keeps little that was not read."""
    host, port = address.removeprefix("ws://").split(":")
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect((host, int(port)))
    return stuck


@pytest.mark.anyio
async def test_R3_S4_a_reader_that_does_not_read_holds_up_no_ending(tmp_path: Path) -> None:
    rng, source = random.Random(1), Writer()
    with anyio.fail_after(3 * PATIENCE), Daemon(tmp_path / "data", "--no-agent") as daemon:
        async with (
            connect(
                f"{daemon.address}/sync", proxy=None, sock=narrow_socket(daemon.address), max_queue=1
            ) as stuck,
            talker(daemon.address, "lobby/0", "ada") as writer,
        ):
            await Talker(stuck, "lobby/0").enter("bob")
            for _ in range(WRITES):
                await writer.say(Update(source.write(ROW, {"text": rng.randbytes(SIZE // 2).hex()})))
                assert (await writer.hear(Status)).ok
            assert await anyio.to_thread.run_sync(daemon.process.terminate) == 0, "it needed no alarm"
            stuck.transport.abort()
    assert "Traceback" not in daemon.stderr()

"""Connections by the thousand, opened and dropped: what they took comes back."""

from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect

from syncchat.testing.program import PATIENCE, Daemon
from tests.faults.connections import descriptors, until_back
from tests.faults.scale import CONNECTIONS
from tests.faults.talker import Talker
from tests.server.honest import honest

AT_ONCE = 100
GROWTH = 4_000_000
"""Bytes that the second 2,000 may need beyond the first, whose places the allocator keeps: one kB each, and
as much for what the daemon's collector has not looked at yet."""


async def drop_one(address: str, number: int) -> None:
    """Open a doc, and vanish without a goodbye."""
    socket = await connect(f"{address}/sync", proxy=None)
    await Talker(socket, f"room{number % 7}/0").enter(f"user{number % 50}")
    socket.transport.abort()
    await socket.wait_closed()


async def open_and_drop(daemon: Daemon, count: int) -> None:
    for first in range(0, count, AT_ONCE):
        async with anyio.create_task_group() as tasks:
            for number in range(first, first + AT_ONCE):
                tasks.start_soon(drop_one, daemon.address, number)


@pytest.mark.anyio
@pytest.mark.timeout(600)
async def test_S3_S4_S7_2000_connections_opened_and_dropped_leave_no_descriptor_and_no_memory(
    tmp_path: Path,
) -> None:
    with Daemon(tmp_path / "data", "--no-agent") as daemon:
        async with honest(daemon, patience=10 * PATIENCE) as both:
            sockets = descriptors(daemon, "socket")
            await open_and_drop(daemon, CONNECTIONS)  # what is made once for all
            await until_back(daemon, sockets, "socket")
            idle, before = descriptors(daemon), daemon.process.resident
            await open_and_drop(daemon, CONNECTIONS)
            await until_back(daemon, sockets, "socket")
            await until_back(daemon, idle)
            assert daemon.process.resident - before < GROWTH
            await both.go_on()

"""A link over a distance: a relay in front of a server, which hands everything on so many seconds later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from urllib.parse import urlsplit

Waiting = asyncio.Queue[tuple[float, bytes]]
"""What is under way, and when it arrives; no bytes are the end."""


@asynccontextmanager
async def at_distance(url: str, seconds: float) -> AsyncIterator[str]:
    """The URL of a relay to a server; each direction takes `seconds`, so that a question takes twice that."""
    there = urlsplit(url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)
        await asyncio.gather(_carry(reader, far_writer, seconds), _carry(far_reader, writer, seconds))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"{there.scheme}://127.0.0.1:{port}{there.path}"
    finally:
        server.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    waiting: Waiting = asyncio.Queue()
    delivery = asyncio.create_task(_deliver(waiting, writer))
    data = b"the first"
    while data:
        data = await reader.read(1 << 16)
        waiting.put_nowait((perf_counter() + seconds, data))
    await delivery


async def _deliver(waiting: Waiting, writer: asyncio.StreamWriter) -> None:
    data = b"the first"
    while data:
        due, data = await waiting.get()
        await asyncio.sleep(due - perf_counter())
        writer.write(data)
    writer.close()

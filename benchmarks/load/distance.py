"""A link over a distance: a relay in front of a server, which hands everything on so many seconds later."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.memory import MemoryObjectReceiveStream

CHUNK = 1 << 16
"""Bytes that are handed on together at most."""

UNDER_WAY = 4096
"""Chunks under way in one direction; past it nothing more is read."""

GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)
"""Nobody is there any more."""

Waiting = tuple[float, bytes]
"""When a chunk arrives, and the chunk."""


@asynccontextmanager
async def at_distance(url: str, seconds: float) -> AsyncIterator[str]:
    """The URL of a relay to a server; each direction takes `seconds`, so that a question takes twice that."""
    there = urlsplit(url)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, partial(_relay, there.hostname or "", there.port or 80, seconds))
            yield f"{there.scheme}://127.0.0.1:{port}{there.path}"
            tasks.cancel_scope.cancel()


async def _relay(host: str, port: int, seconds: float, near: SocketStream) -> None:
    async with near, await anyio.connect_tcp(host, port) as far, anyio.create_task_group() as tasks:
        for source, sink in ((near, far), (far, near)):
            tasks.start_soon(_carry, source, sink, seconds)


async def _carry(source: SocketStream, sink: SocketStream, seconds: float) -> None:
    """Hand on what comes until one of the two ends."""
    late, arriving = anyio.create_memory_object_stream[Waiting](UNDER_WAY)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_deliver, arriving, sink)
        async with late:
            with suppress(anyio.EndOfStream, *GONE):  # what was sent before is still delivered
                while True:
                    data = await source.receive(CHUNK)
                    await late.send((anyio.current_time() + seconds, data))


async def _deliver(arriving: MemoryObjectReceiveStream[Waiting], sink: SocketStream) -> None:
    async with arriving:
        with suppress(*GONE):
            async for due, data in arriving:
                await anyio.sleep_until(due)
                await sink.send(data)
            await sink.send_eof()

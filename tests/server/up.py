"""A uvicorn that a test runs in its own loop: it tells when it is up, and leaves signals to the test."""

import contextlib
import socket
from collections.abc import Iterator

import anyio
import uvicorn


class UpServer(uvicorn.Server):
    """`up` is set when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = anyio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

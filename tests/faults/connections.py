"""What a daemon's connections cost it in file descriptors (Linux)."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio

from syncchat.testing.program import Daemon


def descriptors(daemon: Daemon, kind: str = "") -> int:
    """How many file descriptors the daemon has, of all kinds or of one: "socket"."""
    return sum(1 for link in _links(daemon) if link.startswith(kind))


def _links(daemon: Daemon) -> Iterator[str]:
    for descriptor in Path(f"/proc/{daemon.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield str(descriptor.readlink())


async def until_back(daemon: Daemon, wanted: int, kind: str = "") -> None:
    """Return when the daemon has let go of what is gone; whoever calls this has a deadline."""
    while True:
        if descriptors(daemon, kind) <= wanted:
            return
        await anyio.sleep(0.05)

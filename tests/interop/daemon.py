"""A real daemon: `syncchat serve` in a process of its own, which can be killed and started again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-c", "from syncchat.cli import main; main()", "serve", "--no-agent"]


class Daemon:
    """A daemon's process, its address and its data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.address = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        """The SQLite file with all docs."""
        return self.data / "log.sqlite"

    def start(self) -> None:
        """Start it, the next time on the same port; returns when clients can connect."""
        port = self.address.rpartition(":")[2] or "0"
        command = [*COMMAND, "--port", port, "--data", str(self.data)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert " on ws://" in said, f"the daemon did not start, it said {said!r}"
        self.address = said.split()[-1]

    def kill(self) -> None:
        """kill -9, and wait until it is dead; does nothing if it is not running."""
        if self._process is not None:
            with self._process as process:  # closes its pipes
                process.kill()
            self._process = None


@contextmanager
def run_daemon(data: Path) -> Iterator[Daemon]:
    """A daemon that runs until the block is left."""
    daemon = Daemon(data)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.kill()

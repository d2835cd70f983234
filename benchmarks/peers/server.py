"""A peer's process, on a port of 127.0.0.1 with a data folder of its own: started, stopped, killed."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.catalogue import Peer

START_SECONDS = 20.0
STOP_SECONDS = 20.0


class DidNotStart(Exception):
    """A peer ended, or did not listen in time; the text says what it printed last."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running peer. `pid` is the process to measure, `url` what clients connect to.

    With `trace`, strace writes its calls of fsync and fdatasync into that file. Raises DidNotStart.
    """

    def __init__(self, peer: Peer, data: Path, *, trace: Path | None = None) -> None:
        self.peer = peer
        self.data = data
        self._trace = trace
        self.start()

    def start(self) -> None:
        """Start it, also again, on a new port; returns when it listens."""
        port = free_port()
        fill = {"port": port, "data": self.data}
        command = [part.format(**fill) for part in self.peer.command]
        if self._trace is not None:
            calls = "trace=fsync,fdatasync,sync_file_range,msync"
            command = ["strace", "-f", "-q", "-e", calls, "-o", str(self._trace), *command]
        more = {name: value.format(**fill) for name, value in self.peer.environment.items()}
        self._printed = self.data.with_suffix(".out").open("ab")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=self._printed,
            env={**os.environ, **more},
            cwd=Path(__file__).parents[2],
        )
        self.url = self.peer.url.format(port=port)
        self._wait_for(port)
        self.pid = self._process.pid if self._trace is None else _child_of(self._process.pid)

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        self.kill()
        lines = self.data.with_suffix(".out").read_text(errors="replace").splitlines()
        raise DidNotStart(f"{self.peer.name} did not start: {lines[-1] if lines else 'it printed nothing'}")

    def stop(self) -> None:
        """Ask it to end; one that does not in STOP_SECONDS is killed."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
        self._process.wait()
        self._printed.close()

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
        self._printed.close()


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextmanager
def running(peer: Peer, *, trace: Path | None = None) -> Iterator[Server]:
    """A peer with a fresh data folder for the length of a block."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        server = Server(peer, data, trace=trace)
        try:
            yield server
        finally:
            server.stop()

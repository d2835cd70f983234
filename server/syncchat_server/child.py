"""A daemon in a process of its own, to be started, killed and started again."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from syncchat.errors import SyncchatError

STOP_SECONDS = 15


class Child:
    """A running daemon, started with `options`; `address` is where it serves."""

    def __init__(self, data: Path, *, port: int = 0, agent: bool = True, options: Sequence[str] = ()) -> None:
        self._errors = (data.parent / f"{data.name}.log").open("a+", encoding="utf-8")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "syncchat", "serve", "--port", str(port)),
                *("--data", str(data), "--agent" if agent else "--no-agent"),
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for the client; the daemon is stopped by us
        )
        assert self._process.stdout is not None
        self.address = self._read_address(self._process.stdout)

    @property
    def port(self) -> int:
        """The port it serves on."""
        return int(self.address.rpartition(":")[2])

    def kill(self) -> None:
        """kill -9: no goodbye, nothing flushed."""
        self._process.kill()
        self._end()

    def stop(self) -> None:
        """Ask it to end, and wait for that; one that does not within STOP_SECONDS is killed."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _read_address(self, output: IO[str]) -> str:
        match = re.search(r"ws://\S+", output.readline())
        if match is None:
            self._process.wait()
            self._errors.seek(0)
            reason = self._errors.read().strip().splitlines()
            self._end()
            raise SyncchatError(f"the daemon did not start: {reason[-1] if reason else 'it said nothing'}")
        return match[0]


@contextmanager
def running(start: Callable[[], Child]) -> Iterator[Child]:
    """A daemon for the length of a block."""
    child = start()
    try:
        yield child
    finally:
        child.stop()

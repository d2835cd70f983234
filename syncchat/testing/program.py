"""Programs in processes of their own, a daemon above all, to be killed and started again by tests."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30.0
"""Seconds a program may take for anything; far more than it needs, as the machine may be busy."""

COMMAND = "from syncchat.cli import main; main()"


class ProgramFailed(Exception):
    """A program ended, or said nothing for too long; the text has what it wrote to stderr."""


def python(source: str, *arguments: object) -> list[str]:
    """The command that runs `source` with this interpreter."""
    return [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]


def syncchat(*arguments: object) -> list[str]:
    """The command `syncchat` with these arguments, whether or not its script is on the path."""
    return python(COMMAND, *arguments)


class Program:
    """A process whose stdout is read line by line; what lives when the block is left is killed.

    Its stderr goes to the file `errors`, behind what is there.
    """

    def __init__(self, command: Sequence[str], errors: Path) -> None:
        self.errors = errors
        with errors.open("ab") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def resident(self) -> int:
        """The bytes of memory the process occupies (Linux)."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def line(self) -> str:
        """The next line of its stdout, without its end. Raises ProgramFailed after PATIENCE seconds."""
        assert self._process.stdout is not None
        overdue = threading.Timer(PATIENCE, self._process.kill)
        overdue.start()
        try:
            line = self._process.stdout.readline()
        finally:
            overdue.cancel()
        if not line.endswith("\n"):
            raise ProgramFailed(f"it ended, or was too slow: {line!r} {self.errors.read_text()}")
        return line[:-1]

    def tell(self, line: str) -> None:
        """Write a line to its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def strike(self) -> None:
        """Send kill -9 and return at once: for callbacks that may not wait."""
        self._process.send_signal(signal.SIGKILL)

    def kill(self) -> list[str]:
        """Kill -9, wait, and return the whole lines it had written and nobody had read."""
        self._process.kill()
        # Not communicate(): it reads past what `line` has buffered, so that a line could lose its head.
        assert self._process.stdout is not None
        rest = "" if self._process.stdout.closed else self._process.stdout.read()
        self._process.communicate()
        return [line[:-1] for line in rest.splitlines(keepends=True) if line.endswith("\n")]

    def terminate(self) -> int:
        """Send SIGTERM, wait at most PATIENCE seconds, and return the exit code."""
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)
        return self._process.returncode


class Daemon:
    """`syncchat serve` on a free port of 127.0.0.1, which it keeps when it is started again.

    `address` is what clients connect to. Its log is in the folder `data`, its stderr in a file
    beside that.
    """

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.errors = data.with_name(f"{data.name}.stderr")
        self.address = ""
        self._options = options
        self._port = "0"
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()

    def start(self) -> None:
        """Start it; it takes clients when this returns. Raises ProgramFailed."""
        options = ["--port", self._port, "--data", str(self.data), *self._options]
        self.process = Program(self.command("serve", *options), self.errors)
        try:
            self.address = self.process.line().rpartition(" ")[2]
        except ProgramFailed:
            self.process.kill()
            raise
        self._port = self.address.rpartition(":")[2]

    def command(self, *arguments: object) -> list[str]:
        """What starts it."""
        return syncchat(*arguments)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.process.kill()

    def restart(self) -> None:
        """Kill -9, and start it on the same folder and port."""
        self.kill()
        self.start()

    def stderr(self) -> str:
        """What it has written to stderr since it was made."""
        return self.errors.read_text(encoding="utf-8")

"""Reading what others made: bounded, and every complaint with its file and line."""

from collections.abc import Callable, Iterator
from pathlib import Path

from syncchat.errors import SyncchatError

MAX_LINE = 16 << 20
"""Bytes of a line; more than any message and all its reactions may have."""


class BadInput(SyncchatError, ValueError):
    """A file that is to be imported and cannot be; the text says where, and why."""


def _nothing(_bytes: int) -> None:
    """What is done with the progress that nobody wants to see."""


class Reading:
    """How far the reading of some files has come; who reads them raises ValueError, without the place.

    `progress` is told of bytes when they have been read.
    """

    def __init__(self, progress: Callable[[int], None] = _nothing) -> None:
        self.place = ""
        """What is being read, as `FILE:LINE`."""
        self.skipped = 0
        """Lines or events that are no messages."""
        self.progress = progress

    def lines(self, path: Path) -> Iterator[bytes]:
        """The lines of a file with their ends, one in memory at a time. Raises OSError, BadInput."""
        number = 0
        self.place = str(path)
        with path.open("rb") as file:
            while data := file.readline(MAX_LINE + 1):
                number += 1
                self.place = f"{path}:{number}"
                if len(data) > MAX_LINE:
                    raise BadInput(f"a line of more than {MAX_LINE >> 20} MB")
                yield data
                self.progress(len(data))

    def told(self, error: BaseException) -> BadInput:
        """The same error with its place."""
        if isinstance(error, OSError):
            return BadInput(f"{self.place}: it cannot be read ({error.strerror or error})")
        return BadInput(f"{self.place}: {error}")


def head_of(path: Path, size: int = 1 << 16) -> bytes:
    """The first bytes of a file. Raises OSError."""
    with path.open("rb") as file:
        return file.read(size)

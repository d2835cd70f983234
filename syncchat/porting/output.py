"""Files that are there whole or not at all."""

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from syncchat.errors import SyncchatError

STDOUT = Path("-")


class ExportFailed(SyncchatError):
    """A file could not be written; the text says why, and what was there under its name is there still."""


class Output:
    """A file being written; raises ExportFailed for what the system does not take."""

    def __init__(self, target: Path, file: TextIO) -> None:
        self._target = target
        self._file = file

    def write(self, text: str) -> None:
        """Append to it."""
        with _explained(self._target):
            self._file.write(text)


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Output]:
    """A file to write text to; it takes the place of `target` when the block has ended well.

    Then it is on disk. `-` is stdout, which can only be written as it comes. Raises ExportFailed.
    """
    if target == STDOUT:
        yield Output(target, sys.stdout)
        with _explained(target):
            sys.stdout.flush()
        return
    if target.exists() and not target.is_file():
        raise ExportFailed(f"{target} is no file: choose another place with --out, or `-` for stdout")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    with _explained(target):
        try:
            # Everybody's words are in it, whoever may look into the folder.
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
                yield Output(target, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            _sync_folder(target)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportFailed(
            f"writing {target} failed ({error.strerror or error}), and nothing of it was kept: "
            "make room, or choose another place with --out"
        ) from error


def _sync_folder(target: Path) -> None:
    descriptor = os.open(target.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The files of a Slack export, in a folder or still in the zip."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

MAX_FILE = 64 << 20
"""Bytes of one file of the export, unpacked: it is read whole."""

LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
"""Where the channels are listed, private and direct ones too."""


class Files(Protocol):
    """The JSON files of an export, by names relative to it with `/` in them."""

    def names(self) -> list[str]:
        """All names, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """A file. Raises OSError, or ValueError if it is damaged or of more than MAX_FILE bytes."""
        ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        found = [*self._path.glob("*.json"), *self._path.glob("*/*.json")]
        return sorted(file.relative_to(self._path).as_posix() for file in found)

    def read(self, name: str) -> bytes:
        with (self._path / name).open("rb") as file:
            return _within(file.read(MAX_FILE + 1))


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        names = [name for name in archive.namelist() if name.endswith(".json")]
        lists = [name for name in names if PurePosixPath(name).name in LISTS]
        self._top = min(lists, key=len, default="").rpartition("/")[0]
        self._names = sorted(name.removeprefix(self._top).lstrip("/") for name in names)

    def names(self) -> list[str]:
        return self._names

    def read(self, name: str) -> bytes:
        # What an archive says of its sizes may be a lie: reading ends in time by itself.
        try:
            with self._archive.open(f"{self._top}/{name}".lstrip("/")) as file:
                return _within(file.read(MAX_FILE + 1))
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise ValueError(f"the archive is damaged, or of a kind that is not read ({error})") from error


def _within(data: bytes) -> bytes:
    if len(data) > MAX_FILE:
        raise ValueError(f"it has more than {MAX_FILE >> 20} MB, more than any day of a channel")
    return data


@contextlib.contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of the export at `path`. Raises OSError, and ValueError for what is no archive."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError("it is no zip archive, or a damaged one: export it again") from error
    with archive:
        yield _Zip(archive)

"""The files of a folder in which somebody writes: SQLite's journals come and go while one looks."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def of_each(folder: Path, look: Callable[[Path], T], names: str = "*") -> dict[str, T]:
    """What `look` says of each file below a folder with names like `names`, but of those gone meanwhile."""
    seen: dict[str, T] = {}
    for path in folder.rglob(names):
        with suppress(FileNotFoundError):
            if path.is_file():
                seen[path.name] = look(path)
    return seen


def holding(folder: Path, text: bytes, names: str = "*") -> list[str]:
    """The files below a folder that have a text in them."""
    return [name for name, content in of_each(folder, Path.read_bytes, names).items() if text in content]

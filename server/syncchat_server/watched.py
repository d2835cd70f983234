"""A small file whose content is kept in memory and read again when it has changed."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from syncchat_server.settings import BadSetting

logger = logging.getLogger("syncchat.auth")

Content = TypeVar("Content")


class Watched(Generic[Content]):
    """`read` makes the content of the file at `path`; raises what it raises, BadSetting, when made."""

    def __init__(self, path: Path, read: Callable[[Path], Content]) -> None:
        self._path = path
        self._read = read
        self._state = self._stat()
        self.content = read(path)

    def refresh(self) -> bool:
        """Whether the file has changed, and was read again; what cannot be read leaves all as it was."""
        state = self._stat()
        if state == self._state:
            return False
        self._state = state
        try:
            self.content = self._read(self._path)
        except BadSetting as error:
            logger.error("%s; what it said before holds on", error)
            return False
        return True

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ctime_ns, stat.st_size, stat.st_ino  # that of its permissions, too


def read_revoked(path: Path) -> frozenset[str]:
    """The token ids in a file, one on each line; none if there is no file. Raises BadSetting."""
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise BadSetting(f"the list of revoked tokens {path} cannot be read: {error}") from error

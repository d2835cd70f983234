"""A daemon's data folder, which belongs to one process at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from syncchat.errors import SyncchatError

LOG_NAME = "log.sqlite"
"""The log of all docs, in the data folder."""

AGENTS_NAME = "agents"
"""The folder with the notebooks of the agents, beside it."""

SEARCH_NAME = "search.sqlite"
"""The index of the search, beside it; it can be removed, and is built again."""


OUTBOX_NAME = "webhooks.sqlite"
"""What is still to be told to webhooks."""


class FolderUnusable(SyncchatError):
    """The data folder cannot be used, or somebody else uses it; the text says what to do."""


@contextlib.contextmanager
def own_folder(data: Path) -> Iterator[Path]:
    """The data folder, made if there is none, for this process alone. Raises FolderUnusable.

    Two daemons on one log would not see each other's commits.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Root may look after a folder whose owner it does not trust: no link leads it elsewhere.
        descriptor = os.open(data / "lock", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise FolderUnusable(
            f"the data folder {data} cannot be used: {error.strerror}. Choose another with --data."
        ) from error
    with open(descriptor, "w") as lock:
        hand_over(lock.fileno(), data)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderUnusable(
                f"another daemon is using the data folder {data}. Stop it, or choose another with --data."
            ) from error
        yield data


def hand_over(file: int, data: Path) -> None:
    """Give an open file that root has made to the folder's owner: the daemon has to read and write it."""
    if os.geteuid() == 0:
        owner = data.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)

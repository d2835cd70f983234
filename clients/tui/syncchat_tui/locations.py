"""Where the client keeps its data."""

from pathlib import Path

from platformdirs import user_data_dir

LOG_NAME = "rooms.sqlite"

INDEX_NAME = "search.sqlite"
"""Beside the log, as `syncchat search` has it: the one index serves both."""


def log_path(data: str | None) -> Path:
    """The file of the log in the folder `data`, or in the user's own data folder.

    The folder is made, readable by its owner only. Raises OSError if that cannot be done.
    """
    folder = Path(data if data is not None else user_data_dir("syncchat", appauthor=False)).expanduser()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / LOG_NAME

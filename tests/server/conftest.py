"""What the end-to-end tests share: a daemon in a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncchat.testing.program import Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon on an empty data folder; killed at the end."""
    with Daemon(tmp_path / "daemon", "--no-agent") as daemon:
        yield daemon

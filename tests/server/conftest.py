"""What the end-to-end tests share: daemons in processes of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncchat.testing.program import Daemon
from syncchat_server.issuing import make_secret
from tests.server.receiving import Receiver


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon on an empty data folder; killed at the end."""
    with Daemon(tmp_path / "daemon", "--no-agent") as daemon:
        yield daemon


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A daemon's folder with a secret."""
    make_secret(tmp_path / "daemon")
    return tmp_path / "daemon"


@pytest.fixture
def guarded(folder: Path) -> Iterator[Daemon]:
    """A daemon that asks for tokens."""
    with Daemon(folder, "--no-agent") as daemon:
        yield daemon


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server that takes what webhooks send."""
    receiver = Receiver()
    yield receiver
    receiver.close()

"""Fixtures: a daemon in a process of its own, and a node process for stock clients."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.interop.daemon import Daemon, run_daemon
from tests.interop.stock import Node, missing, run_node


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon on a free port with an empty data folder."""
    with run_daemon(tmp_path / "daemon") as running:
        yield running


@pytest.fixture
async def node(anyio_backend: str) -> AsyncIterator[Node]:
    """A node process for stock clients, which must have found nothing to complain about."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    async with run_node() as running:
        yield running
    assert running.said == []

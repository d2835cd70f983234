"""Fixtures for all tests."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that `@pytest.mark.anyio` tests run on: the one the daemon uses."""
    return "asyncio"

"""Fixtures and settings for all tests."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code under test. All else is as hypothesis has it, with fixed seeds in CI.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that `@pytest.mark.anyio` tests run on: the one the daemon uses."""
    return "asyncio"

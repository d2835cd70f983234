"""Settings for the tests of the hub."""

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Hubs tell of each failing log; here they fail on purpose."""
    caplog.set_level(logging.CRITICAL)

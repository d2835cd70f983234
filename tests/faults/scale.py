"""How much of each fault: a little in every run of the tests, all of it in `make faults`."""

import os
import sys

FULL = os.environ.get("FAULTS") == "full"

KILLS = 200 if FULL else 20
"""How often a daemon or a backup is killed over all moments together."""

STOPPED_SECONDS = 60.0 if FULL else 1.0
"""For how long a reader does not read."""

STREAMED_BYTES = 50_000_000
"""What others write meanwhile."""

CONNECTIONS = 2000
"""How many connections are opened and dropped."""


def report(what: str) -> None:
    """Tell what was measured; `pytest -s` shows it."""
    sys.stdout.write(f"\n  faults: {what}\n")

"""`syncchat usage`: what agents spent, as a table."""

from datetime import UTC, datetime

from syncchat.cli.usage import _rows, _table
from syncchat.testing.program import Daemon
from tests.server.letting import run

SPENT = {"agent": "pixel", "room": "lobby", "user": "ada", "model": "large", "calls": 12}
ROWS = [
    SPENT | {"tokens_in": 10_000, "tokens_out": 3_000, "money": "1.5"},
    SPENT | {"user": None, "model": "", "tokens_in": 7, "tokens_out": 0, "money": None},
]


def test_A23_each_row_is_told_and_their_sum() -> None:
    head, *lines = _table(_rows(ROWS, "EUR"))
    assert head.split() == ["agent", "room", "for", "model", "calls", "read", "written", "money"]
    assert [line.split() for line in lines] == [
        ["pixel", "lobby", "ada", "large", "12", "10,000", "3,000", "1.50", "EUR"],
        ["pixel", "lobby", "nobody", "?", "12", "7", "0", "no", "price"],
        ["all", "24", "10,007", "3,000", "1.50", "EUR"],
    ]
    assert len({line.index("10,0") + 6 for line in (lines[0], lines[2])}) == 1, "numbers stand on the right"


def test_A23_of_a_day_on_which_nothing_was_spent_that_is_told(daemon: Daemon) -> None:
    today = datetime.now(UTC).date().isoformat()
    done = run("usage", "--server", daemon.address, "--name", "ada")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing was spent on 2" in done.stderr
    assert today[:4] in done.stderr
    assert (
        "1999-01-01"
        in run("usage", "--server", daemon.address, "--name", "ada", "--day", "1999-01-01").stderr
    )


def test_A23_a_daemon_that_cannot_be_asked_is_told_in_a_line() -> None:
    done = run("usage", "--server", "ws://127.0.0.1:9", "--name", "ada")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "see whether its daemon runs" in done.stderr

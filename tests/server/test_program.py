"""The harness of the tests that kill: what a program has said before kill -9 is told whole."""

import os
from pathlib import Path

from syncchat.testing.program import Program, python

HALVES = """
    import os, sys
    os.write(1, b"first\\nsec")
    sys.stdin.readline()
    os.write(1, b"ond\\nthird\\nhalf a li")
"""


def test_a_line_that_was_half_read_when_the_program_is_killed_is_told_whole(tmp_path: Path) -> None:
    with Program(python(HALVES), tmp_path / "stderr") as program:
        assert program.line() == "first"
        program.tell("go on")
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
        assert program.kill() == ["second", "third"]
        assert program.kill() == []

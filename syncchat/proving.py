"""Snapshots of large docs, made and proven by a process of their own: a thread would hold up all others.

Loading ten megabytes keeps the interpreter's lock for 150 ms, and beside a thread that computes for
seconds each turn of another waits 5 ms for it; whoever writes meanwhile takes several turns.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence

from syncchat.core.snapshot import NotEqual, make_snapshot

SECONDS = 600.0
"""After so long a process is ended; ten megabytes take some three seconds."""

UNPROVEN = 3
"""The exit code of a process that tells on its stderr what could not be proven."""

_PROGRAM = "from syncchat.proving import answer; answer()"


def make_snapshot_apart(updates: Sequence[bytes]) -> bytes:
    """What `make_snapshot` returns, without its work being done in this process; it blocks until then.

    Where no process can be started it is done here. Raises NotEqual, also if the process dies.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM],
            input=pickle.dumps(list(updates)),
            capture_output=True,
            check=False,
            timeout=SECONDS,
            # What this process can import, and nothing of what is typed at it.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
    except OSError:
        return make_snapshot(updates)
    except subprocess.TimeoutExpired:
        raise NotEqual(f"the process that makes the snapshot took more than {SECONDS:.0f} s") from None
    if done.returncode == UNPROVEN:
        raise NotEqual(done.stderr.decode())
    if done.returncode:  # what it wrote may have more in it than a log line should
        raise NotEqual(f"the process that makes the snapshot ended with code {done.returncode}")
    return done.stdout


def answer() -> None:
    """What the process does: updates in, their snapshot out."""
    os.nice(10)
    try:
        snapshot = make_snapshot(pickle.loads(sys.stdin.buffer.read()))
    except NotEqual as error:
        sys.stderr.write(str(error))
        sys.exit(UNPROVEN)
    sys.stdout.buffer.write(snapshot)
    sys.stdout.buffer.flush()

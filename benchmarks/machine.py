"""What machine and which versions a result belongs to."""

import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.peers.prepare import version


def describe(peers: Iterable[Peer]) -> dict[str, object]:
    """The head of a file of results."""
    return {
        "kind": "head",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "commit": _first_line(["git", "describe", "--always", "--dirty"]),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "node": _first_line(["node", "--version"]),
        },
        "peers": {peer.name: {"label": peer.label, "version": version(peer)} for peer in peers},
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _first_line(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"

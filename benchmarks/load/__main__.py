"""`python -m benchmarks.load`: one workload against the server at a URL, as one line of JSON."""

import gc
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click
import uvloop

from benchmarks.load import joining, scrolling, workloads
from benchmarks.load.client import Failed
from benchmarks.load.meter import Result

Workload = Callable[..., Coroutine[Any, Any, Result]]

WORKLOADS: dict[str, tuple[Workload, tuple[str, ...]]] = {
    "fanout": (workloads.fanout, ("readers", "tokens", "rate")),
    "rooms": (workloads.rooms, ("rooms", "rate", "count")),
    "idle": (workloads.idle, ("connections",)),
    "store": (workloads.store, ("messages", "tokens")),
    "slow": (workloads.slow, ("megabytes",)),
    "away": (workloads.away, ("messages", "missed")),
    "lay": (joining.lay, ("messages",)),
    "first": (joining.first, ("messages",)),
    "herd": (joining.herd, ("messages", "joiners")),
    "whole": (joining.whole, ("messages",)),
    "scroll": (scrolling.scroll, ("messages", "distance")),
}


@click.command()
@click.option("--url", required=True, help="Where clients connect; with dialect y, /DOC is added.")
@click.option("--dialect", type=click.Choice(["sync", "y"]), default="sync", show_default=True)
@click.option("--workload", type=click.Choice(sorted(WORKLOADS)), default="fanout", show_default=True)
@click.option("--paged", is_flag=True, help="The server is ours: clients follow the pages of rooms.")
@click.option("--pid", type=int, help="The server's process, if it is here, to measure its CPU and memory.")
@click.option("--readers", type=int, default=200, show_default=True)
@click.option("--tokens", type=int, default=0)
@click.option("--rate", type=float, default=0.0, help="Updates a second; 0 means all at once.")
@click.option("--rooms", type=int, default=200, show_default=True)
@click.option("--count", type=int, default=2000, show_default=True, help="Updates in all rooms together.")
@click.option("--connections", type=int, default=1000, show_default=True)
@click.option("--messages", type=int, default=1000, show_default=True)
@click.option("--missed", type=int, default=100, show_default=True)
@click.option("--megabytes", type=int, default=50, show_default=True)
@click.option("--distance", type=float, default=0.01, show_default=True, help="Seconds that each way takes.")
@click.option("--joiners", type=int, default=500, show_default=True)
def main(url: str, dialect: str, workload: str, paged: bool, pid: int | None, **options: Any) -> None:
    """Put a workload on any Yjs server and print what it cost, as one line of JSON."""
    run, names = WORKLOADS[workload]
    target = workloads.Target(url, dialect, pid, paged)
    gc.disable()  # its pauses would count as latencies of the server
    try:
        result = uvloop.run(run(target, **{name: options[name] for name in names}))
    except (Failed, OSError, TimeoutError) as error:
        result = {"failed": str(error) or type(error).__name__}
    json.dump(result, sys.stdout)
    sys.stdout.write("\n")
    sys.stdout.flush()


main()

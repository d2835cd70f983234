"""Scrolling back through a long room over a distance, as somebody does who is at a client of ours."""

import tempfile
import time
from pathlib import Path
from time import perf_counter

from benchmarks.load.client import Failed
from benchmarks.load.distance import at_distance
from benchmarks.load.meter import Meter, Result, quantiles
from benchmarks.load.pages import ROOM
from benchmarks.load.workloads import Target
from syncchat.peer import Peer


async def scroll(target: Target, *, messages: int, distance: float) -> Result:
    """Somebody new enters, and goes back page by page to the first; `distance` is each way's, in seconds.

    A page counts until it is in the timeline, and is kept in the client's log. `client_cpu_ms` is what
    one costs the client.
    """
    meter = Meter(target.pid)
    delays: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with (
            at_distance(target.url, distance) as url,
            Peer(Path(folder) / "log.sqlite", user="eve", server=url.removesuffix("/sync")) as peer,
        ):
            room = await peer.enter(ROOM)
            await peer.settled()
            seen = {message.id for message in room.timeline}
            cpu = time.process_time()
            with meter.running():
                while room.has_older:
                    start = perf_counter()
                    await room.older()
                    delays.append((perf_counter() - start) * 1000)
                    seen.update(message.id for message in room.timeline)
            cpu = time.process_time() - cpu
    if len(seen) != messages:
        raise Failed(f"of {messages} messages {len(seen)} were seen on the way")
    return {
        "pages": len(delays),
        "client_cpu_ms": cpu * 1000 / len(delays),
        **quantiles(sorted(delays)),
        **meter.result(),
    }

"""What one piece of work cost the server, and how long it took to reach the readers."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.load.client import Client
from benchmarks.osmeter import cpu_seconds, memory_bytes

Result = dict[str, object]


@dataclass(slots=True)
class Meter:
    """CPU of the server and of this generator over a block, in seconds; memory after it, in bytes."""

    pid: int | None
    cpu: float | None = None
    own_cpu: float = 0.0
    wall: float = 0.0
    memory_before: int | None = None
    memory: int | None = None
    _extra: Result = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure what happens in the block."""
        if self.pid is not None:
            self.memory_before = memory_bytes(self.pid)
        own, wall = time.process_time(), time.perf_counter()
        before = cpu_seconds(self.pid) if self.pid is not None else 0.0
        yield
        if self.pid is not None:
            self.cpu = cpu_seconds(self.pid) - before
            self.memory = memory_bytes(self.pid)
        self.own_cpu = time.process_time() - own
        self.wall = time.perf_counter() - wall

    def result(self) -> Result:
        """As it is printed."""
        return {
            "server_cpu_s": self.cpu,
            "generator_cpu_s": self.own_cpu,
            "wall_s": self.wall,
            "memory_bytes": self.memory,
            "memory_before_bytes": self.memory_before,
        }

    def grown(self) -> Result:
        """What the server's memory has grown by over the block."""
        if self.memory is None or self.memory_before is None:
            return {}
        return {"grown_bytes": self.memory - self.memory_before}


def latencies(clients: Iterable[Client], sent: dict[str, list[float]]) -> list[float]:
    """Milliseconds from sending to hearing, of each number at each client, sorted; `sent` is by doc."""
    found: list[float] = []
    for client in clients:
        times = sent[client.doc]
        for now, first, last in client.heard:
            found.extend(now - times[number] for number in range(first, last + 1))
    return sorted(delay * 1000 for delay in found)


def quantiles(ordered: list[float]) -> Result:
    """Median and tail of a sorted list."""
    if not ordered:
        return {}
    at = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    found: Result = {
        name: ordered[min(len(ordered) - 1, int(part * len(ordered)))] for name, part in at.items()
    }
    return found | {"max_ms": ordered[-1]}


def traffic(clients: Iterable[Client]) -> Result:
    """Bytes and frames of all clients, and what went wrong with any of them."""
    everybody = list(clients)
    return {
        "bytes_in": sum(client.bytes_in for client in everybody),
        "bytes_out": sum(client.bytes_out for client in everybody),
        "frames_in": sum(client.frames_in for client in everybody),
        "strays": sum(client.strays for client in everybody),
        "refused": sum(client.refused for client in everybody),
    }

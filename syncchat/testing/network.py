"""A network in one process: links with delays that can be cut, or swallow everything, at any instant."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio

from syncchat.errors import CloseCode, LinkClosed
from syncchat.link import Link

LOW_WATER = 1 << 10
TICK = 1e-9
"""Seconds between two frames that would arrive together: timers of one instant have no order."""


class Wire:
    """Two ends with a delay of their own for each direction; `cut` loses what is under way."""

    def __init__(self, rng: random.Random, delay: float) -> None:
        self.ends = (End(self, rng, delay), End(self, rng, delay))
        self.ends[0].other, self.ends[1].other = self.ends[1], self.ends[0]
        self.swallows = False

    def cut(self) -> None:
        """Both ends hear that the link is gone; frames under way never arrive."""
        for end in self.ends:
            end.close(CloseCode.GOING_AWAY, "cut")


class End:
    """One end of a wire: a Link."""

    other: "End"

    def __init__(self, wire: Wire, rng: random.Random, delay: float) -> None:
        self._wire = wire
        self._rng = rng
        self._delay = delay
        self._inbox: deque[bytes] = deque()
        self._under_way = 0
        self._last_arrival = 0.0
        self._closed: LinkClosed | None = None
        self._changed = anyio.Event()

    def send(self, frame: bytes) -> None:
        """Send a frame: it arrives later than every earlier one, if the wire is not cut before."""
        if self._closed is not None:
            return
        loop = asyncio.get_running_loop()
        delay = self._delay * (0.5 + self._rng.random())
        self._last_arrival = max(loop.time() + delay, self._last_arrival + TICK)
        self._under_way += len(frame)
        loop.call_at(self._last_arrival, self._arrive, frame)

    def _arrive(self, frame: bytes) -> None:
        self._under_way -= len(frame)
        if self._closed is None and not self._wire.swallows:
            self.other._inbox.append(frame)
            self.other._wake()
        self._wake()

    async def receive(self) -> bytes:
        """The next frame; raises LinkClosed."""
        while not self._inbox:
            self._raise_if_closed()
            await self._changed.wait()
        return self._inbox.popleft()

    def backlog(self) -> int:
        """Bytes under way."""
        return self._under_way

    async def drained(self) -> None:
        """Return when hardly anything is under way; raises LinkClosed."""
        while self._under_way > LOW_WATER:
            self._raise_if_closed()
            await self._changed.wait()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close both ends at once."""
        self.close(code, reason)
        self.other.close(code, reason)

    def close(self, code: int, reason: str) -> None:
        """Close this end: it receives nothing more."""
        if self._closed is None:
            self._closed = LinkClosed(code, reason)
            self._inbox.clear()
            self._wake()

    def _raise_if_closed(self) -> None:
        if self._closed is not None:
            raise LinkClosed(self._closed.code, self._closed.reason)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class Network:
    """Wires between clients and one server; `serve` is called for each new wire, None: there is no server."""

    def __init__(
        self, rng: random.Random, start: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
    ) -> None:
        self.serve: Callable[[Link], Coroutine[Any, Any, None]] | None = None
        self._rng = rng
        self._start = start
        self._wires: dict[str, list[Wire]] = {}

    @asynccontextmanager
    async def connect(self, client: str) -> AsyncIterator[End]:
        """A link from `client` to the server; raises LinkClosed when there is none."""
        await anyio.sleep(self._rng.uniform(0.001, 0.05))
        serve = self.serve
        if serve is None:
            raise LinkClosed(CloseCode.GOING_AWAY, "no connection")
        wire = Wire(self._rng, self._rng.choice((0.001, 0.02, 0.2)))
        self._wires.setdefault(client, []).append(wire)
        self._start(lambda: serve(wire.ends[1]))
        try:
            yield wire.ends[0]
        finally:
            self._wires[client].remove(wire)
            wire.cut()

    def wires(self, client: str | None = None) -> list[Wire]:
        """The wires of a client, or all."""
        if client is not None:
            return list(self._wires.get(client, ()))
        return [wire for wires in self._wires.values() for wire in wires]

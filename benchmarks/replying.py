"""An agent's answer on its way: from the model, by the agent and the daemon, to other clients' screens."""

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import overload

import httpx2

from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import Arrival, join
from benchmarks.load.meter import Result
from benchmarks.load.updates import TOKEN
from benchmarks.load.wire import wire
from benchmarks.osmeter import cpu_seconds
from syncchat.testing.model_server import Behaviour, model_server
from syncchat.testing.program import Daemon, Program, ProgramFailed, syncchat

TOKENS = 500
PACE = 0.02
"""Seconds from token to token: a fast model's 50 a second."""

READERS = 50
ROOM, DOC = "lobby", "lobby/0"
MESSAGES = f"/api/v1/rooms/{ROOM}/messages"

WARM = 2.0
"""Seconds after an answer beforehand, when all that is loaded late is there."""

PATIENCE = 60
"""Seconds for that answer. Two questions before it would be answered as one."""

DRAWING = 2.0
"""Seconds that the last token is waited for on the screen when it is known everywhere."""


class Tokens(Sequence[str]):
    """The tokens of an answer; `at` is when each was asked for, which is when it goes onto the wire."""

    def __init__(self, count: int) -> None:
        self.at: dict[int, float] = {}
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        if index >= self._count:
            raise IndexError(index)
        self.at[index] = perf_counter()
        return TOKEN.format(index)


class Screen:
    """A terminal client in a process of its own; `drawn` is when it drew which token."""

    def __init__(self, program: Program) -> None:
        self.drawn: list[tuple[float, int]] = []
        self._program = program
        if program.line() != "ready":
            raise Failed("the terminal client does not start")
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                when, number = self._program.line().split()
            except ProgramFailed:
                return  # it was ended
            self.drawn.append((float(when), int(number)))


def measure() -> Result:
    """Of one answer, with READERS clients and a terminal client in the room.

    In milliseconds, the way of a token to a client (`heard_`) and until it is drawn on a screen (`drawn_`);
    what a token costs the agent and the daemon in CPU, and a reader in bytes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "daemon").mkdir()
        with Daemon(folder / "daemon", "--no-agent") as daemon:
            return asyncio.run(_measure(daemon, folder))


async def _measure(daemon: Daemon, folder: Path) -> Result:
    tokens = Tokens(TOKENS)
    answers = [Behaviour(tokens=("Hello",)), Behaviour(tokens=tokens, pace=PACE)]
    show = [sys.executable, "-m", "benchmarks.screen", daemon.address]
    async with model_server(lambda call: answers[call]) as models:
        take_part = syncchat(
            *("agent", "--server", daemon.address, "--room", ROOM, "--name", "bot"),
            *("--data", folder / "bot", "--base-url", models.base_url, "--model", "any"),
        )
        with (
            Program(take_part, folder / "agent.stderr") as agent,
            Program(show, folder / "screen.stderr") as shown,
        ):
            await asyncio.to_thread(agent.line)
            screen = await asyncio.to_thread(Screen, shown)
            readers = [Client(wire("sync"), DOC) for _ in range(READERS)]
            await join(
                [(reader, f"reader{at}") for at, reader in enumerate(readers)], f"{daemon.address}/sync"
            )
            await _ask(daemon, "@bot are you there?")
            await _answered(daemon)
            await asyncio.sleep(WARM)
            pids = {"agent": agent.pid, "daemon": daemon.process.pid}
            bytes_before = sum(reader.bytes_in for reader in readers)
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            arrival = Arrival(readers, TOKENS)
            await _ask(daemon, "@bot tell me a long story")
            await arrival.wait()
            spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
            heard_bytes = sum(reader.bytes_in for reader in readers) - bytes_before
            await asyncio.sleep(DRAWING)
    ways = [when - tokens.at[number] for reader in readers for when, number in _first(reader.heard)]
    drawn = [when - tokens.at[number] for when, number in _each(screen.drawn)]
    if len(ways) != TOKENS * READERS or len(drawn) != TOKENS:
        raise Failed(f"{len(ways)} of {TOKENS * READERS} tokens were heard, and {len(drawn)} drawn")
    return {
        **{f"{name}_us_per_token": seconds * 1e6 / TOKENS for name, seconds in spent.items()},
        "bytes_per_token": heard_bytes / READERS / TOKENS,
        **_tail("heard", ways),
        **_tail("drawn", drawn),
    }


async def _ask(daemon: Daemon, text: str) -> None:
    async with _caller(daemon) as client:
        (await client.post(MESSAGES, json={"text": text})).raise_for_status()


async def _answered(daemon: Daemon) -> None:
    """Return when the agent has given an answer; raises TimeoutError."""
    async with asyncio.timeout(PATIENCE), _caller(daemon) as client:
        while True:
            messages = (await client.get(MESSAGES)).raise_for_status().json()["messages"]
            if any(message["agent"] and not message["streaming"] for message in messages):
                return
            await asyncio.sleep(0.1)


def _caller(daemon: Daemon) -> httpx2.AsyncClient:
    url, headers = daemon.address.replace("ws:", "http:"), {"authorization": "Bearer ada"}
    return httpx2.AsyncClient(base_url=url, headers=headers, timeout=30)


def _first(heard: Iterable[tuple[float, int, int]]) -> Iterator[tuple[float, int]]:
    """When each token was heard for the first time: at its end the whole answer comes once more."""
    known = -1
    for when, first, last in heard:
        yield from ((when, number) for number in range(max(first, known + 1), last + 1))
        known = max(known, last)


def _each(drawn: Iterable[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """When each token was on the screen: several may come with one drawing."""
    return _first((when, 0, last) for when, last in drawn)


def _tail(name: str, seconds: list[float]) -> Result:
    ordered = sorted(seconds)
    return {
        f"{name}_p50_ms": ordered[len(ordered) // 2] * 1e3,
        f"{name}_p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
    }

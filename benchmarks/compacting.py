"""How long a writer waits while another doc is compacted: a page, and long docs from before pages."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
from pycrdt import Doc, Map

from benchmarks.load.meter import Result
from syncchat.compaction import compact
from syncchat.core.ids import format_id
from syncchat.log import SqliteLog

PAGE = 1_000
"""Messages of 80 characters: 128 kB, where a page is full."""

LONG = (5_000, 10_000, 14_000, 50_000)
SINCE = 1_000
"""Messages that came after the last snapshot."""

PAUSE = 0.002
"""Seconds between two appends of the writer who waits."""


def measure() -> Result:
    """Milliseconds of the longest append beside a compaction, of a snapshot and more or of single updates."""
    page = max(_waits(PAGE))
    return {"page_wait_ms": page, "long_wait_ms": max(max(_waits(messages)) for messages in LONG)}


def _waits(messages: int) -> list[float]:
    before, single = _write(messages)
    return [anyio.run(_wait, [before, *single[messages:]]), anyio.run(_wait, single)]


def _write(messages: int) -> tuple[bytes, list[bytes]]:
    """The state after so many messages, and the updates of them and of those that came since."""
    updates: list[bytes] = []
    doc: Doc[Map[str]] = Doc()
    rows = doc.get("messages", type=Map)
    doc.observe(lambda event: updates.append(event.update))
    state = b""
    for number in range(messages + SINCE):
        if number == messages:
            state = doc.get_update()
        rows[format_id(1_700_000_000_000 + number, "ann", number)] = f'{{"text": "{"x" * 80}"}}'
    return state, updates


async def _wait(entries: Sequence[bytes]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with SqliteLog(Path(folder) / "log.sqlite") as log:
            for first in range(0, len(entries), 500):
                await log.append("lobby/0", entries[first : first + 500])
            longest = 0.0

            async def write() -> None:
                nonlocal longest
                while True:
                    begun = time.perf_counter()
                    await log.append("other/0", [b"\x00\x00"])
                    longest = max(longest, time.perf_counter() - begun)
                    await anyio.sleep(PAUSE)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                await compact(log, "lobby/0")
                tasks.cancel_scope.cancel()
            return longest * 1e3

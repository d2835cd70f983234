"""The clock that a peer stamps with: its own, corrected by what the server's shows."""

from collections.abc import Callable
from contextlib import suppress

import anyio

from syncchat.core.ids import Hlc
from syncchat.errors import LogError, MalformedUpdate
from syncchat.log import Log
from syncchat.wakeup import Wakeup

STREAM = "#clock"
"""The log's stream in which the offset is kept; no doc can have this name."""

ENTRIES = 16
"""Written offsets after which only the last one is kept."""

STEP = 1000
"""Milliseconds that the offset is rounded to, and up to which another one counts as the same.

Less is the network's delay, and the same offset measured twice makes the same ids of what is stamped anew.
"""

RETRY = 1.0
"""Seconds until a write that failed is tried again."""


def read_offset(data: bytes) -> int:
    """The offset that an entry of the stream tells, in milliseconds. Raises MalformedUpdate."""
    try:
        return int(data)
    except ValueError:
        raise MalformedUpdate("no offset of a clock") from None


class ServerClock:
    """Learns the server's time and remembers it in the log, so that the next start offline has it.

    `now` returns milliseconds since 1970. `run` is its one task.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.hlc = Hlc(now)
        self._now = now
        self._work = Wakeup()

    async def load(self, log: Log) -> None:
        """Take up the offset that was learnt before. Raises LogError."""
        entries = await log.read(STREAM)
        with suppress(MalformedUpdate):  # the server tells it again; doctor says what is wrong with the log
            for entry in entries[-1:]:
                self.hlc.correct(read_offset(entry.data))

    def learn(self, time: int) -> None:
        """The server's clock shows `time` now."""
        offset = round((time - self._now()) / STEP) * STEP
        if not self.hlc.corrected or abs(offset - self.hlc.offset) > STEP:
            self.hlc.correct(offset)
            self._work.call()

    async def run(self, log: Log) -> None:
        """Write down what is learnt, until cancelled."""
        while True:
            await self._work.sleep()
            try:
                await self._write(log)
            except LogError:  # the desks tell what is wrong with the log; the time is learnt again anyway
                await anyio.sleep(RETRY)
                self._work.call()

    async def _write(self, log: Log) -> None:
        await log.append(STREAM, [str(self.hlc.offset).encode()])
        entries = await log.read(STREAM)
        if len(entries) > ENTRIES:
            last = entries[-1]
            await log.compact(STREAM, last.data, base=entries[0].seq, upto=last.seq)

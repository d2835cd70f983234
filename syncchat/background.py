"""Long work in a thread beside an event loop, which soon gets its turn again."""

import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar, TypeVarTuple

import anyio.to_thread

OFFLOAD = 1 << 16
"""Bytes of updates above which what is to be done with them is done in a thread."""

TURN_SECONDS = 0.0005
"""For so long a thread may hold the interpreter's lock while another waits for it.

Python's own 5 ms are too much for what goes to and fro between threads, as an append does: it waits at
each step. The compaction of 1.5 MB held it up for 57 ms at worst; so it is 20.
"""

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class _ShortTurns:
    """Shorter turns for all threads of the process, as long as anybody is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN_SECONDS, self._usual))
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._usual)


short_turns = _ShortTurns()
"""A context in which threads take short turns; several may be in it at once, for as long as they like."""


async def run_in_background(work: Callable[[*Arguments], T], *args: *Arguments) -> T:
    """What `work(*args)` returns or raises; a cancellation waits for it, as a thread cannot be stopped."""

    def within() -> T:
        with short_turns:
            return work(*args)

    return await anyio.to_thread.run_sync(within)


async def work_on(updates: Sequence[bytes], work: Callable[[Sequence[bytes]], T]) -> T:
    """What `work(updates)` returns or raises: at once if they are few bytes, else in a thread."""
    if sum(map(len, updates)) > OFFLOAD:
        return await run_in_background(work, updates)
    return work(updates)

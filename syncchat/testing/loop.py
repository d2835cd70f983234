"""Virtual time: an asyncio loop on which years pass in a second, and every run is the same."""

import asyncio
import math
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Generator
from itertools import count
from typing import Any, NoReturn, TypeVar
from unittest.mock import patch

import anyio
from anyio._backends import _asyncio

T = TypeVar("T")

EPOCH = 1_800_000_000_000
"""When virtual time begins, in milliseconds since 1970."""


def wall_clock() -> int:
    """The time of day in virtual time, in milliseconds since 1970."""
    return EPOCH + int(anyio.current_time() * 1000)


class Stuck(Exception):
    """Every task waits for another and no timer runs: nothing would ever happen again."""


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting, moves the loop's clock to the next timer."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Stuck("every task waits, and no timer is set")
            # A little past it: after some months asyncio's tolerance of 1e-9 s is lost in rounding.
            self.loop.now = math.nextafter(self.loop.now + max(0.0, timeout), math.inf)
        return ready


class _NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    _number: int

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock starts at 0 and jumps; it has no threads, as their order would be chance.

    What anyio would have a thread do is done at once (`run`).
    """

    def __init__(self) -> None:
        selector = _NoWaiting()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)
        numbers = count(1)

        def make(
            loop: asyncio.AbstractEventLoop,
            coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
            **how: Any,
        ) -> asyncio.Task[Any]:
            task = _NumberedTask.__new__(_NumberedTask)
            task._number = next(numbers)
            task.__init__(coroutine, loop=loop, **how)  # type: ignore[misc]  # the number comes first: init hashes it
            return task

        self.set_task_factory(make)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self.now

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        """Raises RuntimeError."""
        raise RuntimeError("no threads in virtual time: give the code under test something it can await")


class _NumberedScope(_asyncio.CancelScope):
    """A cancel scope whose hash is its number: anyio keeps sets of them, and cancels in their order."""

    __slots__ = ("_number",)
    numbers = count(1)

    def __init__(self, *args: Any, **how: Any) -> None:
        self._number = next(self.numbers)
        super().__init__(*args, **how)

    def __hash__(self) -> int:
        return self._number


class _NoThreads(_asyncio.AsyncIOBackend):
    """Does what is meant for a thread in its place: a thread's end would be no event of this loop."""

    @classmethod
    async def run_sync_in_worker_thread(
        cls, func: Callable[..., T], args: tuple[Any, ...], *_: object, **__: object
    ) -> T:
        await cls.checkpoint()
        return func(*args)


def run(main: Callable[..., Awaitable[T]], *args: object) -> T:
    """Run `main(*args)` to its end in virtual time and return its result. Raises Stuck."""
    scope = type("CancelScope", (_NumberedScope,), {"numbers": count(1), "__slots__": ()})
    work = _NoThreads.run_sync_in_worker_thread
    with (
        patch.object(_asyncio, "CancelScope", scope),
        patch.object(_asyncio.AsyncIOBackend, "run_sync_in_worker_thread", work),
    ):
        return anyio.run(main, *args, backend="asyncio", backend_options={"loop_factory": VirtualLoop})

"""A thread of one's own, for work that must not block the event loop and must not overtake itself."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker:
    """Runs one piece of work after another, in the order given.

    A hop there and back costs a third of the one that `anyio.to_thread` takes, which picks a thread,
    copies a context and takes a turn each time; a log does that for every commit.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread; what it returns or raises comes back.

        What has begun cannot be taken back: a caller who has to know what became of it shields the wait.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((work, loop, future))
        return await future

    def stop(self) -> None:
        """End the thread behind the work given so far, and wait for that."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        _let_others_finish()
        while (job := self._jobs.get()) is not None:
            work, loop, future = job
            try:
                tell, outcome = future.set_result, work()
            except BaseException as error:  # noqa: BLE001 - it is raised where the work was asked for
                tell, outcome = future.set_exception, error
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, future, tell, outcome)
            del job, work, future, tell, outcome  # an idle thread keeps nothing alive


def _settle(future: "asyncio.Future[Any]", tell: Callable[[Any], None], outcome: Any) -> None:
    if not future.done():
        tell(outcome)


def _let_others_finish() -> None:
    """Have the scheduler not take a core, for this thread, from the one that has just given it work.

    That one holds Python's lock still: both would wait, and a commit cost twice the changes of task.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):  # where it may not be, work is only somewhat dearer
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

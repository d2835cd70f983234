"""A wake-up call that cannot be lost between looking and falling asleep."""

import asyncio

import anyio.lowlevel


class Wakeup:
    """Wakes one sleeper; a call made while it is awake makes its next sleep return at once.

    Calls are not counted: the sleeper looks at everything there is each time it wakes. It is a
    bare future, made for each sleep: a daemon has one for each doc, and an event takes a kilobyte.
    """

    __slots__ = ("_called", "_sleep")

    def __init__(self) -> None:
        self._called = False
        self._sleep: asyncio.Future[None] | None = None

    def call(self) -> None:
        """Wake the sleeper, now or when it next would sleep."""
        self._called = True
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def sleep(self) -> None:
        """Return as soon as there has been a call since the last return; others run in any case."""
        if self._called:
            await anyio.lowlevel.checkpoint()
        else:
            self._sleep = asyncio.get_running_loop().create_future()
            try:
                await self._sleep
            finally:
                self._sleep = None
        self._called = False

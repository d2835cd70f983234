"""A wake-up call that cannot be lost between looking and falling asleep."""

import anyio
import anyio.lowlevel


class Wakeup:
    """Wakes one sleeper; a call made while it is awake makes its next sleep return at once.

    Calls are not counted: the sleeper looks at everything there is each time it wakes. It costs
    next to nothing while nobody sleeps: an event of asyncio's takes a kilobyte.
    """

    __slots__ = ("_called", "_event")

    def __init__(self) -> None:
        self._called = False
        self._event: anyio.Event | None = None

    def call(self) -> None:
        """Wake the sleeper, now or when it next would sleep."""
        self._called = True
        if self._event is not None:
            self._event.set()

    async def sleep(self) -> None:
        """Return as soon as there has been a call since the last return; others run in any case."""
        if self._called:
            await anyio.lowlevel.checkpoint()
        else:
            self._event = anyio.Event()
            try:
                await self._event.wait()
            finally:
                self._event = None
        self._called = False

"""A wake-up call that cannot be lost between looking and falling asleep."""

import anyio


class Wakeup:
    """Wakes one sleeper; a call made while it is awake makes its next sleep return at once.

    Calls are not counted: the sleeper looks at everything there is each time it wakes.
    """

    def __init__(self) -> None:
        self._event = anyio.Event()

    def call(self) -> None:
        """Wake the sleeper, now or when it next would sleep."""
        self._event.set()

    async def sleep(self) -> None:
        """Return as soon as there has been a call since the last return."""
        await self._event.wait()
        self._event = anyio.Event()

"""A gate that coroutines wait at, in place of an asyncio.Event, which takes 800 bytes though nobody waits."""

import asyncio
from typing import Literal


class Gate:
    """Open until it is cleared; it has the names of asyncio.Event, so that it can stand for one."""

    __slots__ = ("_is_open", "_waiting")

    def __init__(self) -> None:
        self._is_open = True
        self._waiting: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        """Whether it is open."""
        return self._is_open

    def set(self) -> None:
        """Open it: whoever waits goes on, even if it is closed again before."""
        self._is_open = True
        for future in self._waiting or ():
            if not future.done():
                future.set_result(None)

    def clear(self) -> None:
        """Close it."""
        self._is_open = False

    async def wait(self) -> Literal[True]:
        """Return when it has been opened, at once if it is open."""
        if not self._is_open:
            await self._opened()
        return True

    async def _opened(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting = self._waiting or []
        waiting.append(future)
        try:
            await future
        finally:
            waiting.remove(future)
            if not waiting:
                self._waiting = None

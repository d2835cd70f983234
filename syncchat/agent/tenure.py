"""Tenure: of several processes of one agent in a room, one at a time is the agent (A9).

Each shows itself by its presence, which the server vouches for. Who finds another one at work stands by, and
takes over when that one's presence has gone. Each tenure has a fence, a number above all that came before: of
two that were apart and see each other, the one with the lower fence steps down.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import anyio

from syncchat.agent.claims import read_claim
from syncchat.core.asking import Asked
from syncchat.core.room import Room
from syncchat.wakeup import Wakeup

FENCE = "fence"
"""The setting in the notebook that has the highest fence that this agent has had in the room."""

PATIENCE = 3.0
"""Seconds for which the place has to be free before it is taken over: links break, and come back."""

SETTLING = 0.25
"""Seconds after which one who comes in has heard who is there."""

LOOK_EVERY = 1.0
"""Seconds after which it is looked anyway: if nobody else is there, nobody tells that the link is back."""

MAX_FENCE = 2**53
"""Fences are below it: that many are exact wherever JSON is read."""


class Settings(Protocol):
    """What is needed of a notebook: settings of a room that outlive the process."""

    async def get(self, room: str, key: str, default: Any = None) -> Any:
        """Read one."""

    async def set(self, room: str, key: str, value: Any) -> None:
        """Write one."""


class Other(NamedTuple):
    """Another process of the agent, as its presence shows it; with a `fence` of 0 it stands by."""

    fence: int
    process: str


class Tenure:
    """The place of the agent that `room` is of, as its process `process` (a name that no other has) seeks it.

    Use: `with tenure.seeking()`, in which `begin` and `lost` are awaited in turn. `fence` is the number of
    the present tenure, 0 while standing by.
    """

    def __init__(self, room: Room, settings: Settings, process: str) -> None:
        self._room = room
        self._settings = settings
        self.process = process
        self.fence = 0
        self._highest = 0
        self._met = False
        self._stir = Wakeup()

    @contextmanager
    def seeking(self) -> Iterator[None]:
        """Show that this process is there while the context is open, and see who else is."""
        room = self._room
        subscriptions = [room.listen_people(lambda _: self._stir.call()), room.listen_asked(self._hear)]
        self._hear(list(room.asked()))
        room.set_presence(agent=True, process=self.process)
        try:
            yield
        finally:
            for subscription in subscriptions:
                subscription.cancel()
            self.fence = 0
            room.set_presence(agent=None, process=None, fence=None)

    async def begin(self) -> int:
        """Stand by until no other process has the place, and take it; returns the fence. Raises LogError.

        The first who comes takes it almost at once, any later one when it was free for PATIENCE.
        """
        self.fence = 0
        self._room.set_presence(fence=None)
        while True:
            await self._until(self._is_free)
            if not await self._stays_free():
                continue
            known = _fence(await self._settings.get(self._room.name, FENCE, 0))
            fence = max(self._highest, known) + 1
            await self._settings.set(self._room.name, FENCE, fence)
            if self._is_free() and fence > self._highest:
                self._highest = self.fence = fence
                self._room.set_presence(fence=fence)
                return fence

    async def lost(self) -> None:
        """Return when another process has the place, with a higher fence: what goes on here has to end."""
        await self._until(self._is_beaten)

    async def _stays_free(self) -> bool:
        seconds = PATIENCE if self._met else SETTLING
        if self._room.online is None and not self._met:
            return True
        with anyio.move_on_after(seconds) as waited:
            await self._until(lambda: not self._is_free())
        return waited.cancelled_caught and self._is_free()

    def _is_beaten(self) -> bool:
        mine = Other(self.fence, self.process)
        return self._highest > self.fence or any(other > mine for other in self._others())

    def _is_free(self) -> bool:
        """Whether nobody has the place, or waits for it with more right; who hears nobody cannot say."""
        others = self._others()
        self._met = self._met or bool(others)
        at_work = any(other.fence for other in others)
        return (
            self._room.online is not False
            and not at_work
            and self.process <= min((other.process for other in others), default=self.process)
        )

    def _others(self) -> list[Other]:
        found = []
        for state in self._room.connections:
            process, fence = state.get("process"), state.get("fence")
            is_mine = state.get("user") == self._room.user and state.get("agent") is True
            if is_mine and isinstance(process, str) and process != self.process:
                found.append(Other(_fence(fence), process))
        self._highest = max([self._highest, *(other.fence for other in found)])
        return found

    def _hear(self, news: list[Asked]) -> None:
        for asked in news:
            claim = read_claim(asked) if asked.user == self._room.user else None
            if claim is not None and claim.by != self.process:
                self._highest = max(self._highest, _fence(claim.fence))
        self._stir.call()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            with anyio.move_on_after(LOOK_EVERY):
                await self._stir.sleep()


def _fence(value: object) -> int:
    """The fence that somebody tells; 0 if it is none."""
    return value if isinstance(value, int) and 0 < value < MAX_FENCE else 0

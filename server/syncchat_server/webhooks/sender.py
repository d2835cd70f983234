"""Takes events from the outbox to their receivers: in order within a room, again until they are taken."""

import logging
import random
import time
from dataclasses import dataclass

import anyio
import httpx2
from anyio.abc import TaskGroup

from syncchat.link.backoff import Backoff
from syncchat.wakeup import Wakeup
from syncchat_server.webhooks.hook import Hook
from syncchat_server.webhooks.outbox import MAX_AGE, Event, Outbox

logger = logging.getLogger("syncchat.webhooks")

AT_ONCE = 8
"""Deliveries to one receiver under way at once, each of another room."""


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds: how long a receiver may take, and the shortest and longest wait before the next try."""

    patience: float = 15.0
    first: float = 1.0
    longest: float = 600.0


class Sender:
    """Delivers to one hook; `run` is its one task. A room that fails holds up no other."""

    def __init__(
        self,
        hook: Hook,
        outbox: Outbox,
        client: httpx2.AsyncClient,
        pace: Pace,
    ) -> None:
        self._hook = hook
        self._outbox = outbox
        self._client = client
        self._pace = pace
        self._wakeup = Wakeup()
        self._rooms: set[str] = set()
        self._places = anyio.Semaphore(AT_ONCE)
        self._failing = False

    def look(self) -> None:
        """There may be something to send."""
        self._wakeup.call()

    async def run(self) -> None:
        """Send what waits and what comes, until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._start(tasks)
                await self._wakeup.sleep()

    async def _start(self, tasks: TaskGroup) -> None:
        for room in await self._outbox.rooms(self._hook.id):
            if room not in self._rooms:
                self._rooms.add(room)
                tasks.start_soon(self._send_room, room)

    async def _send_room(self, room: str) -> None:
        while (event := await self._outbox.first(self._hook.id, room)) is not None:
            await self._send(event)
            await self._outbox.done(event)
        self._rooms.discard(room)
        self._wakeup.call()  # an event may have come between the last look and this

    async def _send(self, event: Event) -> None:
        """Return when an event was taken, or has become too old."""
        backoff = Backoff(random.random, first=self._pace.first, cap=self._pace.longest)
        while time.time() - event.queued < MAX_AGE:
            async with self._places:
                problem = await self._try(event)
            if problem is None:
                self._say(failing=False)
                return
            self._say(failing=True, problem=problem)
            await anyio.sleep(backoff.next())
        logger.error("webhook %s: an event was dropped, not taken for %d s", self._hook.shown, MAX_AGE)

    async def _try(self, event: Event) -> str | None:
        """Deliver once; what was wrong, if anything was. The answer's body is not read."""
        now = int(time.time())
        headers = self._hook.headers(event.id, now, event.body)
        try:
            with anyio.fail_after(self._pace.patience):
                async with self._client.stream(
                    "POST", self._hook.url, content=event.body, headers=headers
                ) as answer:
                    return None if answer.is_success else f"it answers with status {answer.status_code}"
        except TimeoutError:
            return f"it took longer than {self._pace.patience:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return type(error).__name__  # its text has the address, which may be a secret

    def _say(self, *, failing: bool, problem: str = "") -> None:
        """Log when a receiver goes and when it comes back, and nothing between."""
        if failing and not self._failing:
            logger.warning("webhook %s is not delivered, and tried again: %s", self._hook.shown, problem)
        elif self._failing and not failing:
            logger.warning("webhook %s is delivered again", self._hook.shown)
        self._failing = failing

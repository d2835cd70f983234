"""Recall: messages that are out of view are brought back for as long as the agent works with them (A29)."""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

import anyio

from syncchat.agent.policy import Asked, Event, Tick
from syncchat.core.message import read_id
from syncchat.core.room import Room
from syncchat.errors import LogError
from syncchat.mailbox import Mailbox
from syncchat.paged_room import PagedRoom

MAX_PAGES: Final = 1_024
"""Messages of which it is known on which page they stand; others are looked for."""

MAX_WAITING: Final = 64
"""Requests about messages that are out of view, and are not brought back yet; of more, the oldest go."""

TRIES: Final = 3
"""How often a message is looked for that cannot be had: each time may take some seconds."""

PAUSE: Final = 5.0
"""Seconds in between."""

logger = logging.getLogger(__name__)


class Recall:
    """Brings back messages of `room`; one that shows all its pages anyway has nothing to bring back."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._pages: OrderedDict[str, int] = OrderedDict()

    def note(self, id: str, page: int) -> None:
        """Somebody says that a message stands on this page."""
        self._pages[id] = page
        if len(self._pages) > MAX_PAGES:
            self._pages.popitem(last=False)

    @asynccontextmanager
    async def of(self, *ids: str, before: int = 0) -> AsyncIterator[None]:
        """Have messages in view meanwhile, as far as they can be had, with up to `before` ahead of the last.

        What answers another goes before it: they stand near each other.
        """
        async with AsyncExitStack() as stack:
            if isinstance(self._room, PagedRoom):
                await self._bring(self._room, ids, before, stack)
            yield

    async def _bring(self, room: PagedRoom, ids: Sequence[str], before: int, stack: AsyncExitStack) -> None:
        page = None
        for id in ids:
            page = self._pages.get(id, page)
            bringing = room.recalling(id, page=page, before=before if id == ids[-1] else 0)
            try:
                await stack.enter_async_context(bringing)
            except LogError as error:
                logger.error("room %s: an older message could not be read: %s", room.name, error)
            shown = room.timeline.page_of(id)
            page = page if shown is None else shown.number


class Afar:
    """Hears of answers that are out of view to be written anew; `tell` is told what they answer.

    `run` is its one task.
    """

    def __init__(self, room: Room, recall: Recall, tell: Callable[[Event], None]) -> None:
        self._room = room
        self._recall = recall
        self._tell = tell
        self._waiting: Mailbox[Asked] = Mailbox(MAX_WAITING)
        self.busy = False

    def takes(self, asked: Asked) -> bool:
        """Whether a request has to wait until its message is brought back; it is told after that."""
        if asked.page is not None:
            self._recall.note(asked.id, asked.page)
        parts = read_id(asked.id)
        if asked.verb != "again" or parts is None or parts.user != self._room.user:
            return False  # each agent of a room hears it, and one of them wrote the answer
        if self._room.message(asked.id) is not None or self._is_done(asked.id):
            return False
        self.busy = True
        self._waiting.put(asked)
        return True

    async def run(self) -> None:
        """Bring back what was asked for, until cancelled."""
        while True:
            asked = await self._waiting.get()
            self._tell(await self._found(asked))
            self.busy = len(self._waiting) > 0

    def _is_done(self, id: str) -> bool:
        return any(message.of == id for message in self._room.timeline)

    async def _found(self, asked: Asked) -> Event:
        for left in reversed(range(TRIES)):
            async with self._recall.of(asked.id):
                message = self._room.message(asked.id)
                if message is not None:
                    return Tick() if message.deleted else replace(asked, re=message.re)
            if left:
                await anyio.sleep(PAUSE)
        logger.warning("room %s: an answer to be written anew cannot be had", self._room.name)
        return Tick()

"""What the docs of rooms hold, for requests that read: by the hub or by the log; nothing is loaded."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import anyio
from pycrdt import Doc

from syncchat.background import work_on
from syncchat.core.cover import Cover
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import cover_name, page_name
from syncchat.core.schema import SERVER
from syncchat.core.store import Store
from syncchat.errors import LogError
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat_server.api.problems import unavailable
from syncchat_server.api.visit import PATIENCE, visit

MAX_READERS = 8
"""Docs that are read at once; who comes next waits."""

READER = Claims(SERVER, (("*", Role.READER),))
"""Who reads for callers; what they may read is looked up in their own claims."""

Updates = Sequence[bytes]
"""A doc, as the updates it consists of."""

T = TypeVar("T")


class Docs:
    """The docs of `hub`, whose `log` has those that are not in its memory.

    Reading brings none there: who walks through a long history would fill it with pages. Both tell
    only what is durable. Every method raises Problem.
    """

    def __init__(self, hub: Hub, log: Log) -> None:
        self._hub = hub
        self._log = log
        self._readers = anyio.CapacityLimiter(MAX_READERS)

    async def names(self) -> list[str]:
        """The docs that the log has."""
        return await self._ask(self._log.docs())

    async def is_room(self, room: str) -> bool:
        """Whether anybody ever wrote in it."""
        for doc in (cover_name(room), page_name(room, 0)):
            if (await self._ask(self._log.size(doc)))[0]:
                return True
        return False

    async def cover(self, room: str) -> Cover:
        """The cover of a room as it is now; an empty one if it has none."""
        return await self.read(cover_name(room), _cover)

    async def read(self, doc: str, work: Callable[[Updates], T]) -> T:
        """What `work` makes of a doc; in a thread if that is much."""
        async with self._readers:
            updates = await self._updates(doc)
            return await work_on(updates, work)

    async def _updates(self, doc: str) -> Updates:
        if doc in self._hub.loaded:
            async with visit(self._hub, READER, doc) as there:
                return [await there.state()]
        return [entry.data for entry in await self._ask(self._log.read(doc))]

    async def _ask(self, question: Awaitable[T]) -> T:
        try:
            with anyio.fail_after(PATIENCE):
                return await question
        except LogError as error:
            raise unavailable("the log cannot be read for now") from error
        except TimeoutError:
            raise unavailable(f"the log has not answered for {PATIENCE:g} s") from None


def as_doc(updates: Updates) -> "Doc[Any]":
    """A doc that consists of these updates."""
    doc: Doc[Any] = Doc()
    for update in updates:  # together they would cost the square of their number
        doc.apply_update(update)
    return doc


def _cover(updates: Updates) -> Cover:
    return Cover(Store(as_doc(updates)))

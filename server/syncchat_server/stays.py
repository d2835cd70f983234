"""A peer that is in some rooms and not in others, as somebody else decides, with something to do in each."""

import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Final

import anyio
from anyio.abc import TaskGroup

from syncchat.errors import describe
from syncchat.peer import Peer

logger = logging.getLogger("syncchat.agents")

LOOKOUT: Final = "_lookout_"
"""Who reads in rooms where an agent is not, to hear when it is summoned; it is shown to nobody."""

AGAIN = 10.0
"""Seconds after which a room in which something failed is entered again."""


class Stays:
    """Runs `stay`, which enters a room with `peer`, until it is to be left; `left` is told of each end.

    What fails in one room ends nothing in another.
    """

    def __init__(
        self,
        peer: Peer,
        tasks: TaskGroup,
        stay: Callable[[str], Awaitable[None]],
        left: Callable[[], None],
    ) -> None:
        self._peer = peer
        self._tasks = tasks
        self._stay = stay
        self._left = left
        self._scopes: dict[str, anyio.CancelScope] = {}

    def be_in(self, rooms: AbstractSet[str]) -> None:
        """Be in these rooms and in no others."""
        for room in rooms - self._scopes.keys():
            self._scopes[room] = anyio.CancelScope()
            self._tasks.start_soon(self._run, room)
        for room in self._scopes.keys() - rooms:
            self._scopes[room].cancel()

    async def _run(self, room: str) -> None:
        try:
            with self._scopes[room]:
                await self._try(room)
        finally:
            with anyio.CancelScope(shield=True):
                await self._peer.leave(room)
            del self._scopes[room]
            self._left()  # it may be wanted again meanwhile

    async def _try(self, room: str) -> None:
        try:
            await self._stay(room)
        except Exception as error:  # noqa: BLE001 - it is told; a traceback could quote a message
            # An agent that fails must not take everybody's rooms with it.
            logger.error("%s left room %s: %s", self._peer.user, room, describe(error))
            await anyio.sleep(AGAIN)

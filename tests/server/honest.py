"""Two honest clients of a daemon, who must go on whatever others do to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon


class Honest:
    """Two clients that must go on, whatever somebody else sends."""

    def __init__(self, ada: tuple[Peer, Room], bob: tuple[Peer, Room]) -> None:
        self._ada, self._bob = ada, bob

    async def go_on(self) -> None:
        """A message gets through, on links that were never lost."""
        (ada, written), (bob, read) = self._ada, self._bob
        id = written.post("is anybody there?")
        await bob.until(lambda: read.message(id) is not None)
        assert (ada.status.attempts, bob.status.attempts) == (1, 1)
        assert (ada.status.problem, bob.status.problem) == (None, None)


@asynccontextmanager
async def honest(daemon: Daemon, *, patience: float = 2 * PATIENCE) -> AsyncIterator[Honest]:
    """Two honest clients, and at the end the proof that they went on and that no traceback was written."""
    with anyio.fail_after(patience):
        async with (
            Peer(user="ada", server=daemon.address) as ada,
            Peer(user="bob", server=daemon.address) as bob,
        ):
            both = Honest((ada, await ada.enter("lobby")), (bob, await bob.enter("lobby")))
            await both.go_on()
            yield both
            await both.go_on()
    assert "Traceback" not in daemon.stderr()

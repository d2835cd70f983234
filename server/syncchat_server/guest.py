"""One agent of the daemon: in the rooms where people want it, and where it still owes something."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from functools import partial
from itertools import islice

import anyio

from syncchat.agent.notebook import MAX_ROOMS, Notebook
from syncchat.agent.resident import Part, Resident
from syncchat.agent.tools.history import History
from syncchat.agent.whereabouts import Whereabouts
from syncchat.errors import LogError, describe
from syncchat.peer import Peer
from syncchat_server.stays import Stays

MAX_VISITS = 16
"""Rooms with nobody in them that it enters at once after a start, to see what it owes there."""

FIRST_PAUSE, LAST_PAUSE = 1.0, 300.0
"""Seconds after which an agent that cannot run is tried again: at first, and at most."""

logger = logging.getLogger("syncchat.agents")


class Guest:
    """The agent that `part` is, kept running by `live`, its one task; `place` says where people are.

    `notebook`, `peer` and `history` make what is its own for one life. `known` has its whereabouts while it
    runs, and `changed` is called when it may belong elsewhere.

    What a process that was killed owed its rooms, its successor gives them, whether somebody is there or not:
    the notebook has the rooms that it had come into, and `lately` are those where it may have had no time to.
    """

    def __init__(
        self,
        part: Part,
        *,
        notebook: Callable[[], AbstractAsyncContextManager[Notebook]],
        peer: Callable[[], Peer],
        history: Callable[[], History | None],
        known: list[Whereabouts],
        changed: Callable[[], None],
        lately: Iterable[str] = (),
    ) -> None:
        self._part = part
        self._open_notebook = notebook
        self._make_peer = peer
        self._make_history = history
        self._known = known
        self._changed = changed
        self._stays: Stays | None = None
        self._whereabouts: Whereabouts | None = None
        self._wanted: set[str] = set()
        self._owing: set[str] = set()
        self._unseen: dict[str, None] = {}
        self._missed = dict.fromkeys(lately)

    # Running

    async def live(self) -> None:
        """Run until cancelled; what ends it is told, ends no other agent, and is tried again, ever later."""
        user, pause, told = self._part.persona.user, FIRST_PAUSE, ""
        while True:
            began = anyio.current_time()
            try:
                await self._live()
            except Exception as error:  # noqa: BLE001 - it is told; the other agents and the daemon go on
                if anyio.current_time() - began > LAST_PAUSE:
                    pause, told = FIRST_PAUSE, ""
                if (cause := describe(error)) != told:
                    told = cause
                    logger.error("the agent %s cannot run: %s; it is tried again", user, cause)
            await anyio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _live(self) -> None:
        """One life, which ends with an error or by being cancelled."""
        async with AsyncExitStack() as stack:
            notebook = await stack.enter_async_context(self._open_notebook())
            whereabouts = Whereabouts(self._part.persona, notebook)
            resident = await stack.enter_async_context(
                Resident.living(self._part, whereabouts, self._make_history())
            )
            peer = await stack.enter_async_context(self._make_peer())
            missed = [room for room in self._missed if await whereabouts.is_in(room)]
            self._unseen = dict.fromkeys([*await notebook.stayed(), *missed])
            self._missed.clear()
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stays = Stays(peer, tasks, partial(self._stay, resident, peer, notebook), self._changed)
            stack.enter_context(self._running(stays, whereabouts))
            await anyio.sleep_forever()

    @contextmanager
    def _running(self, stays: Stays, whereabouts: Whereabouts) -> Iterator[None]:
        self._stays, self._whereabouts = stays, whereabouts
        self._known.append(whereabouts)
        self._changed()
        try:
            yield
        finally:
            self._known.remove(whereabouts)
            self._stays = self._whereabouts = None
            self._owing.clear()

    # Where it is

    async def place(self, occupied: set[str]) -> set[str]:
        """Be where it belongs; returns the rooms where people are, it is not, and it can be summoned to."""
        if self._stays is None or self._whereabouts is None:
            # Who asks meanwhile is answered when it runs again.
            self._missed |= dict.fromkeys(sorted(occupied)[: MAX_ROOMS - len(self._missed)])
            return set()
        here = {room for room in occupied | self._owing if await self._whereabouts.is_in(room)}
        # A room from which it was sent away meanwhile is looked at all the same: nothing stays unfinished.
        self._wanted = here | set(islice(self._unseen, MAX_VISITS))
        self._stays.be_in(self._wanted)
        return set() if self._part.persona.summon == "nobody" else occupied - here

    async def _stay(self, resident: Resident, peer: Peer, notebook: Notebook, room: str) -> None:
        """Be in a room until it is to be left; who has not seen yet what there is may owe something."""
        try:
            await notebook.come(room)
            self._owing.add(room)
            await resident.take_part(await peer.enter(room), self._changed, partial(self._owes, room))
        except Exception:
            self._owing.discard(room)
            self._unseen.pop(room, None)
            self._unseen[room] = None  # behind the others: one that fails keeps nobody waiting
            raise
        finally:
            if room not in self._wanted:
                self._owing.discard(room)
                with anyio.CancelScope(shield=True):
                    await _leave(notebook, room)

    def _owes(self, room: str, owes: bool) -> None:
        self._unseen.pop(room, None)
        if owes:
            self._owing.add(room)
        else:
            self._owing.discard(room)
        self._changed()


async def _leave(notebook: Notebook, room: str) -> None:
    """Note that nothing is owed to a room: it is left because nobody wants us there."""
    try:
        await notebook.go(room)
    except LogError as error:
        logger.error("that a room was left could not be noted: %s", error)

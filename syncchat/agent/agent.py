"""The agent: a participant of a room that decides whether to speak, and streams what it says."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import anyio

from syncchat.agent.claims import Claims
from syncchat.agent.face import Face
from syncchat.agent.kit import Kit, Pace
from syncchat.agent.lines import Who
from syncchat.agent.model import Model
from syncchat.agent.notebook import Notebook
from syncchat.agent.policy import Manners
from syncchat.agent.prices import Prices
from syncchat.agent.recall import Recall
from syncchat.agent.shift import Shift
from syncchat.agent.tenure import Tenure
from syncchat.agent.tools.loop import Toolbox
from syncchat.core.room import Room

__all__ = ["Agent", "Pace"]

STANDING_BY = 5.0
"""Seconds after which one that has not got the place leaves what is owed to the process that has it."""


class Agent:
    """Takes part in `room` as the room's user, shown as `name`; uses only what everybody can.

    `model` writes the answers, `judge_model` (the same by default) decides whether there is one to
    write where nobody has asked for it; `persona` is what both are told of it. `manners` say when it speaks.
    In the `notebook` it keeps why it did, what it spent and how it is set: without one it forgets that when
    `run` ends. `prices` make money of what it spent. `toolbox` has the tools that its answers may use.
    `clock` gives ms since 1970, by default of the clock that the messages' times are of. `owing` is told, at
    first and whenever it changes, whether the agent owes the room something: an answer, or a wait that it has
    shown. Who takes it out of the room meanwhile breaks that off.
    """

    def __init__(
        self,
        room: Room,
        *,
        model: Model,
        judge_model: Model | None = None,
        name: str | None = None,
        persona: str = "",
        manners: Manners | None = None,
        notebook: Notebook | None = None,
        toolbox: Toolbox | None = None,
        prices: Prices | None = None,
        clock: Callable[[], int] | None = None,
        pace: Pace | None = None,
        owing: Callable[[bool], None] | None = None,
    ) -> None:
        self._room = room
        self._notebook = notebook
        self._owing = owing or (lambda _: None)
        self._kit = partial(
            Kit,
            room=room,
            me=Who(room.user, name or room.user),
            model=model,
            judge_model=judge_model or model,
            persona=persona,
            manners=manners or Manners(),
            toolbox=toolbox or Toolbox(),
            prices=prices or Prices(),
            clock=clock or (lambda: room.now),
            pace=pace or Pace(),
            recall=Recall(room),
        )

    async def run(self) -> None:
        """Take part until cancelled; a message that is being written then is finished as interrupted.

        As long as another process of the same agent lives in the room, it stands by.
        """
        async with AsyncExitStack() as stack:
            notebook = self._notebook
            if notebook is None:
                notebook = await stack.enter_async_context(Notebook.open(None))
            kit = self._kit(notebook=notebook)
            face = Face(kit.room, kit.me)
            stack.callback(face.leave)
            tenure = Tenure(kit.room, notebook, notebook.id)
            stack.enter_context(tenure.seeking())
            while True:
                face.stand_by()
                await self._begin(tenure)
                await self._work(kit, face, tenure)

    async def _begin(self, tenure: Tenure) -> None:
        """Wait for the place; what is owed while another process has it, that one owes."""
        with anyio.move_on_after(STANDING_BY) as waited:
            await tenure.begin()
        if waited.cancelled_caught:
            self._owing(False)
            await tenure.begin()

    async def _work(self, kit: Kit, face: Face, tenure: Tenure) -> None:
        """Take part as long as no other process of the agent has a better right to."""
        claims = Claims(kit.room, tenure.process, tenure.fence)
        shift = Shift(kit, claims, face, owing=self._owing)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shift.run)
            await tenure.lost()
            shift.lose()
            tasks.cancel_scope.cancel()

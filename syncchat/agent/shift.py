"""A shift: what an agent does in a room while its process is the one. It hears, decides, and carries out."""

import logging
import math
from functools import partial

import anyio

from syncchat.agent.answers import Answers
from syncchat.agent.claims import Claims
from syncchat.agent.ears import Ears
from syncchat.agent.errands import Errands
from syncchat.agent.face import Face
from syncchat.agent.kit import Kit
from syncchat.agent.leftovers import Leftovers
from syncchat.agent.policy import (
    Ambient,
    Asked,
    Decision,
    Event,
    Judge,
    Speak,
    Tell,
    Tick,
    TurnPolicy,
    Wait,
    Withdraw,
)
from syncchat.agent.recorder import Recorder
from syncchat.agent.tuning import Tuner
from syncchat.errors import LogError
from syncchat.mailbox import Mailbox

MAX_EVENTS = 4_096
"""How much may have happened that was not considered yet; beyond that the oldest is not."""

LONGEST_NAP = 60.0
"""Seconds after which the clock is looked at again: that of the wall may have been set."""

AMBIENT = "ambient"
"""The setting in the notebook that tells whether the agent may speak unasked in the room."""

logger = logging.getLogger(__name__)


class Shift:
    """One shift of the agent that `kit` is of, shown by `face`; it is run once."""

    def __init__(self, kit: Kit, claims: Claims, face: Face) -> None:
        self._kit = kit
        self._claims = claims
        self._face = face
        self._policy = TurnPolicy(kit.me, kit.manners)
        self._recorder = Recorder(kit.notebook, kit.room.name, kit.clock)
        self._events: Mailbox[Event] = Mailbox(MAX_EVENTS)
        self._waits: dict[str, Wait] = {}
        self._ambient = kit.manners.ambient
        self._errands: Errands | None = None

    def lose(self) -> None:
        """Another process has the room: what is being written goes; to be cancelled next."""
        if self._errands is not None and self._errands.turn is not None:
            self._errands.turn.lose()

    async def run(self) -> None:
        """Take part until cancelled; what is being written then is finished as interrupted."""
        kit = self._kit
        ambient = await kit.notebook.get(kit.room.name, AMBIENT, kit.manners.ambient)
        async with self._recorder.running(), anyio.create_task_group() as tasks:
            self._errands = Errands(kit, self._claims, self._recorder, tasks, tell=self._events.put)
            leftovers = Leftovers(
                kit.room, self._claims, self._errands, stir=partial(self._events.put, Tick())
            )
            ears = Ears(kit.room, self._hear, now=kit.clock)
            tasks.start_soon(Answers(kit.room, kit.notebook, kit.prices, now=kit.clock).run)
            # The policy takes what was said before its first event for what it could not hear in time.
            # Said to it alone: what no member has asked for is the persona's to change.
            self._ambient = ambient is True
            self._policy.hear(Ambient(self._ambient), kit.clock())
            tuner = Tuner(kit, self._hear)
            await tuner.begin()
            tasks.start_soon(tuner.run)
            with leftovers.listening(), ears.listening():
                while True:
                    leftovers.finish()
                    for event in self._events.drain():
                        await self._consider(event)
                    self._show()
                    await self._rest()

    # What it hears

    def _hear(self, event: Event) -> None:
        """Told at once, in the middle of whatever goes on: a stop waits for nobody."""
        if isinstance(event, Asked) and event.verb == "stop" and self._errands is not None:
            self._errands.stop(event.id, event.user)
        self._events.put(event)

    async def _rest(self) -> None:
        """Wait until something happens, or until the policy has to look at the clock."""
        deadline = self._policy.deadline
        left = math.inf if deadline is None else max(0, deadline - self._kit.clock()) / 1000
        with anyio.move_on_after(min(left, LONGEST_NAP)) as nap:
            await self._events.wait()
        if nap.cancelled_caught:
            self._events.put(Tick())

    # What it does

    async def _consider(self, event: Event) -> None:
        if isinstance(event, Ambient):
            await self._remember(event)
        for decision in self._policy.hear(event, self._kit.clock()):
            self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        assert self._errands is not None
        self._waits.pop(decision.id, None)
        match decision:
            case Judge():
                self._errands.judge(decision)
            case Speak():
                self._errands.answer(decision)
            case Withdraw():
                self._errands.withdraw(decision.id)
            case Tell() if self._errands.turn is not None:
                self._errands.turn.tell()
            case Wait():
                self._waits[decision.id] = decision
        if isinstance(decision, Judge | Speak):
            self._recorder.begin(decision)
        else:
            self._recorder.record(decision)

    async def _remember(self, event: Ambient) -> None:
        self._ambient = event.on
        kit = self._kit
        try:
            await kit.notebook.set(kit.room.name, AMBIENT, event.on)
        except LogError as error:
            logger.error("that the agent may speak unasked, or not, could not be noted: %s", error)

    def _show(self) -> None:
        """Tell everybody what it does: the most urgent of it."""
        errands = self._errands
        assert errands is not None
        mode = "ambient" if self._ambient else "addressed"
        if errands.turn is not None:
            self._face.show("writing", mode=mode, re=errands.turn.job.id)
        elif errands.judging is not None:
            self._face.show("judging", mode=mode, re=errands.judging)
        elif self._waits:
            wait = min(self._waits.values(), key=lambda wait: (wait.until is None, wait.until, wait.id))
            self._face.show("waiting", mode=mode, re=wait.id, until=wait.until, problem=errands.problem)
        else:
            self._face.show(errands.mood, mode=mode, problem=errands.problem)

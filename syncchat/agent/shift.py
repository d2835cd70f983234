"""A shift: what an agent does in a room while its process is the one. It hears, decides, and carries out."""

import logging
import math
from collections.abc import Callable
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
from syncchat.agent.recall import Afar
from syncchat.agent.recorder import Recorder
from syncchat.agent.tuning import Tuner
from syncchat.errors import LogError
from syncchat.mailbox import Mailbox
from syncchat.paged_room import PagedRoom

MAX_EVENTS = 4_096
"""How much may have happened that was not considered yet; beyond that the oldest is not."""

LONGEST_NAP = 60.0
"""Seconds after which the clock is looked at again: that of the wall may have been set."""

PATIENCE = 10.0
"""Seconds for which it waits for what the server has of the room before it begins with what is here."""

LOOK_EVERY = 0.05
"""Seconds after which it is looked again whether that has come."""

PAGE = "page"
"""The setting in the notebook that has the page from which on answers may be unfinished."""

AMBIENT = "ambient"
"""The setting in the notebook that tells whether the agent may speak unasked in the room."""

logger = logging.getLogger(__name__)


class Shift:
    """One shift of the agent that `kit` is of, shown by `face`; it is run once.

    `owing` is told whether the agent owes the room something: first when it has seen what there is and has
    finished what was left, and then whenever that is another.
    """

    def __init__(self, kit: Kit, claims: Claims, face: Face, *, owing: Callable[[bool], None]) -> None:
        self._kit = kit
        self._claims = claims
        self._face = face
        self._policy = TurnPolicy(kit.me, kit.manners)
        self._recorder = Recorder(kit.notebook, kit.room.name, kit.clock)
        self._events: Mailbox[Event] = Mailbox(MAX_EVENTS)
        self._waits: dict[str, Wait] = {}
        self._ambient = kit.manners.ambient
        self._errands: Errands | None = None
        self._afar = Afar(kit.room, kit.recall, self._events.put)
        self._owing = owing
        self._owes: bool | None = None
        self._page: int | None = None
        self._has_looked_back = False

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
            await self._look_back(leftovers)
            # The policy takes what was said before its first event for what it could not hear in time.
            # Said to it alone: what no member has asked for is the persona's to change.
            self._ambient = ambient is True
            self._policy.hear(Ambient(self._ambient), kit.clock())
            tuner = Tuner(kit, self._hear)
            await tuner.begin()
            tasks.start_soon(tuner.run)
            tasks.start_soon(self._afar.run)
            with leftovers.listening(), ears.listening():
                while True:
                    leftovers.finish()
                    for event in self._events.drain():
                        await self._consider(event)
                    self._show()
                    await self._note_page()
                    self._tell_owing()
                    await self._rest()

    # What it hears

    def _hear(self, event: Event) -> None:
        """Told at once, in the middle of whatever goes on: a stop waits for nobody."""
        if isinstance(event, Asked) and event.verb == "stop" and self._errands is not None:
            self._errands.stop(event.id, event.user)
        if not (isinstance(event, Asked) and self._afar.takes(event)):
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

    # What it leaves to who comes after it

    async def _look_back(self, leftovers: Leftovers) -> None:
        """Finish what an earlier run was writing when pages were the newest that are out of view by now."""
        kit = self._kit
        with anyio.move_on_after(PATIENCE):
            while not kit.room.is_whole:  # noqa: ASYNC110 - docs and links may make it so
                await anyio.sleep(LOOK_EVERY)
        page = await kit.notebook.get(kit.room.name, PAGE)
        self._has_looked_back = not isinstance(page, int) or await leftovers.look_back(page)
        if not self._has_looked_back:
            logger.warning("room %s: older pages with answers of ours cannot be had now", kit.room.name)

    async def _note_page(self) -> None:
        """Note from which page on an answer may be unfinished, for the next run to look there."""
        kit, page = self._kit, self._oldest()
        if page is None or page == self._page or not self._has_looked_back:
            return
        self._page = page
        try:
            await kit.notebook.set(kit.room.name, PAGE, page)
        except LogError as error:
            logger.error("the page of our answers could not be noted: %s", error)

    def _oldest(self) -> int | None:
        """The page that has the answer which is being written, else the newest; None where there are none."""
        room, errands = self._kit.room, self._errands
        if not isinstance(room, PagedRoom) or errands is None:
            return None
        reply = None if errands.turn is None else errands.turn.reply
        if reply is None:
            return room.newest
        page = room.timeline.page_of(reply)
        return self._page if page is None else page.number

    def _tell_owing(self) -> None:
        """Tell whether it may leave: not before all that was promised is done."""
        owes = self._policy.is_busy or self._afar.busy or len(self._events) > 0
        if owes != self._owes:
            self._owes = owes
            self._owing(owes)

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

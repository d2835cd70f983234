"""How an agent is tuned in a room by those who are in it: what they ask for, and what is kept of it (A27)."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import anyio

from syncchat.agent.kit import Kit
from syncchat.agent.policy import BadManners, Event, Manners, Tuned
from syncchat.core.asking import Asked
from syncchat.core.bucket import TokenBucket
from syncchat.errors import LogError
from syncchat.mailbox import Mailbox
from syncchat.wakeup import Wakeup

TUNE, TUNED = "tune", "tuned"

ASKABLE: Final = ("grace", "share", "on_newer")
"""What members may tune, in the order in which it is shown; all else is the persona's to say."""

MAX_WAITING = 64
"""Bad requests that may wait for an answer; beyond that the oldest get none."""

BURST, RATE = 10.0, 1 / 3
"""How many bad requests are answered at once, and then in a second: each answer is a row that is kept."""

FRESH = 600_000
"""How old a bad request may be that is still answered, in ms."""

MAX_PROBLEM = 300

PATIENCE = 2.0
"""Seconds for which what was asked for last may keep the agent from leaving."""

logger = logging.getLogger(__name__)


class Tuning:
    """What a room has asked for, on top of the manners that are `usual` there; pure.

    `kept` is what `whole` has returned. Of two requests for the same the later one counts, by its time.
    """

    def __init__(self, usual: Manners, kept: object = None) -> None:
        self._usual = usual
        self._set: dict[str, tuple[Any, str]] = {}
        for name, entry in kept.items() if isinstance(kept, Mapping) else ():
            match entry:
                case [value, str(at)] if _is_possible(usual, {name: value}):
                    self._set[name] = (value, at)

    @property
    def manners(self) -> Manners:
        """The manners that hold."""
        asked = {name: value for name, (value, _) in self._set.items() if value is not None}
        return replace(self._usual, **asked)

    def take(self, asked: Asked) -> bool:
        """Heed a request; whether it changes anything. Raises BadManners for what cannot be, all of it."""
        at = f"{asked.what}|{asked.user}"
        wished = check_wish(self._usual, asked.value)
        new = {name: (v, at) for name, v in wished.items() if at > self._set.get(name, (None, ""))[1]}
        self._set |= new
        return bool(new)

    def whole(self) -> dict[str, list[Any]]:
        """All that was asked for, as JSON."""
        return {name: [value, at] for name, (value, at) in self._set.items()}


def check_wish(usual: Manners, value: object) -> Mapping[str, Any]:
    """What a request asks for; None for a setting means as usual. Raises BadManners for what cannot be."""
    if not isinstance(value, Mapping) or not value:
        raise BadManners(f"a request to tune names what, as in {{'grace': 30}}: of {', '.join(ASKABLE)}")
    unknown = next((str(name)[:40] for name in value if name not in ASKABLE), None)
    if unknown is not None:
        raise BadManners(f"{unknown!r} cannot be tuned from the room: {', '.join(ASKABLE)} can")
    replace(usual, **{name: value for name, value in value.items() if value is not None})
    return value


def _is_possible(usual: Manners, value: Mapping[str, Any]) -> bool:
    try:
        check_wish(usual, value)
    except BadManners:
        return False
    return True


class Tuner:
    """Heeds in a room what its members ask for; `tell` is told the manners that hold, a `Tuned`.

    They stand in the agent's presence, as `manners`, and in its notebook: they outlive the process, and the
    pages on which they were asked for. What cannot be is answered by a row `tuned` with the problem.
    """

    def __init__(self, kit: Kit, tell: Callable[[Event], None]) -> None:
        self._kit = kit
        self._tell = tell
        self._tuning = Tuning(kit.manners)
        self._kept: object = {}
        self._changed = Wakeup()
        self._refused: Mailbox[tuple[Asked, str]] = Mailbox(MAX_WAITING)
        self._bucket = TokenBucket(RATE, BURST)

    async def begin(self) -> None:
        """Tell what holds from before. Raises LogError."""
        kept = await self._kit.notebook.get(self._kit.room.name, TUNED)
        self._tuning = Tuning(self._kit.manners, kept)
        self._kept = self._tuning.whole()
        self._tell(Tuned(self._tuning.manners))

    async def run(self) -> None:
        """Heed until cancelled; whoever asks for what cannot be keeps nobody else waiting."""
        room = self._kit.room
        subscription = room.listen_asked(self._hear)
        try:
            self._show(self._tuning.manners)
            self._hear(sorted(room.asked(TUNE), key=lambda asked: (asked.what, asked.user)))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep)
                tasks.start_soon(self._refuse)
        finally:
            subscription.cancel()
            self._show(None)

    def _hear(self, news: Iterable[Asked]) -> None:
        for asked in news:
            if asked.verb == TUNE:
                self._heed(asked)

    def _heed(self, asked: Asked) -> None:
        try:
            changes = self._tuning.take(asked)
        except BadManners as error:
            self._refused.put((asked, str(error)[:MAX_PROBLEM]))
            return
        if changes:
            self._tell(Tuned(self._tuning.manners))
            self._show(self._tuning.manners)
            self._changed.call()

    async def _keep(self) -> None:
        try:
            while True:
                await self._changed.sleep()
                await self._write()
        finally:
            with anyio.move_on_after(PATIENCE, shield=True):
                await self._write()

    async def _write(self) -> None:
        whole = self._tuning.whole()
        if whole == self._kept:
            return
        try:
            await self._kit.notebook.set(self._kit.room.name, TUNED, whole)
            self._kept = whole
        except LogError as error:
            logger.error("how the agent is tuned in the room could not be noted: %s", error)

    async def _refuse(self) -> None:
        room = self._kit.room
        while True:
            asked, problem = await self._refused.get()
            told = {a.value.get("re") for a in room.asked(TUNED) if isinstance(a.value, Mapping)}
            if asked.hlc < self._kit.clock() - FRESH or asked.what in told or not room.may_write:
                continue
            await anyio.sleep(self._bucket.delay(1, anyio.current_time()))
            self._bucket.take(1, anyio.current_time())
            room.ask(TUNED, None, {"re": asked.what, "user": asked.user, "problem": problem})

    def _show(self, manners: Manners | None) -> None:
        shown = None if manners is None else {name: getattr(manners, name) for name in ASKABLE}
        self._kit.room.set_presence(manners=shown)

"""Where an agent takes part: where its persona says, until somebody summons it or sends it away (A24)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from syncchat.agent.notebook import Notebook
from syncchat.agent.persona import Persona
from syncchat.core.asking import Asked
from syncchat.core.room import Room
from syncchat.wakeup import Wakeup

SUMMON, DISMISS = "summon", "dismiss"

MAX_PENDING = 64
"""Requests of a room that wait until their user is known as a moderator; of more, the oldest go."""

MAX_KNOWN = 10_000
"""Rooms of which it is in memory what was decided; past it the notebook is asked anew."""

_HERE: Final = "here"
"""The setting of a room in the notebook: whether the agent was summoned or dismissed, and when."""


class Whereabouts:
    """What was decided about where one agent takes part; its notebook has it, so it outlives the process.

    All that concerns one agent in one process shares it.
    """

    def __init__(self, persona: Persona, notebook: Notebook) -> None:
        self.persona = persona
        self.notebook = notebook
        self._known: dict[str, tuple[bool | None, str]] = {}

    async def is_in(self, room: str) -> bool:
        """Whether it takes part in a room. Raises LogError."""
        here, _ = await self._decided(room)
        return self.persona.lives_in(room) if here is None else here

    def concerns(self, asked: Asked) -> bool:
        """Whether a request is to summon or dismiss this agent, and such requests are heeded at all."""
        told = asked.value
        return (
            asked.verb in (SUMMON, DISMISS)
            and self.persona.summon != "nobody"
            and isinstance(told, dict)
            and told.get("agent") == self.persona.user
        )

    def allows(self, room: Room, user: str) -> bool:
        """Whether somebody may do so. Who has written a request may write; who moderates says the server."""
        if self.persona.summon == "members":
            return True
        return any(person.user == user and person.is_moderator for person in room.people)

    async def heed(self, room: str, asked: Asked) -> None:
        """Do as a request says that concerns it and is allowed; the latest one counts. Raises LogError."""
        _, at = await self._decided(room)
        if asked.what > at:
            here = asked.verb == SUMMON
            await self.notebook.set(room, _HERE, [here, asked.what])
            self._known[room] = here, asked.what

    async def _decided(self, room: str) -> tuple[bool | None, str]:
        if room not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            read = await self._read(room)
            # What was decided while it was read is newer.
            return self._known.setdefault(room, read)
        return self._known[room]

    async def _read(self, room: str) -> tuple[bool | None, str]:
        match await self.notebook.get(room, _HERE):
            case [bool(here), str(at)]:
                return here, at
        return None, ""


class Doorkeeper:
    """Hears in `room` who summons or dismisses the agents of `guests`; `changed` is told when one was.

    `run` is its one task. A room's requests are there before it and after it: all are heard.
    """

    def __init__(self, room: Room, guests: Sequence[Whereabouts], changed: Callable[[], None]) -> None:
        self._room = room
        self._guests = guests
        self._changed = changed
        self.pending: dict[tuple[str, str, str], Asked] = {}
        self._stir = Wakeup()

    async def run(self) -> None:
        """Listen until cancelled. Raises LogError."""
        subscriptions = [
            self._room.listen_asked(self._hear),
            # Who it is that asks may be known a moment after what is asked.
            self._room.listen_people(lambda _: self._stir.call()),
        ]
        try:
            for verb in (SUMMON, DISMISS):
                self._hear(self._room.asked(verb))
            while True:
                await self._stir.sleep()
                if self.pending:
                    await self._look()
        finally:
            for subscription in subscriptions:
                subscription.cancel()

    def _hear(self, news: Iterable[Asked]) -> None:
        for asked in news:
            if any(guest.concerns(asked) for guest in self._guests):
                self.pending[_key(asked)] = asked
        while len(self.pending) > MAX_PENDING:
            del self.pending[next(iter(self.pending))]
        self._stir.call()

    async def _look(self) -> None:
        heeded = [
            (guest, asked)
            for asked in sorted(self.pending.values(), key=_key)
            for guest in self._guests
            if guest.concerns(asked) and guest.allows(self._room, asked.user)
        ]
        for guest, asked in heeded:
            await guest.heed(self._room.name, asked)
            self.pending.pop(_key(asked), None)
        if heeded:
            self._changed()


def _key(asked: Asked) -> tuple[str, str, str]:
    return asked.what, asked.verb, asked.user

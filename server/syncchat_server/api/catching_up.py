"""Catch me up over HTTP: what a caller has missed in a room, told to nobody else, and charged to it (A26)."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict

from syncchat.agent import Model, ModelFailed
from syncchat.agent.budget import Payer
from syncchat.agent.catch_up import CatchUp, tell
from syncchat.agent.lines import Line
from syncchat.agent.notebook import Notebook
from syncchat.agent.spending import Charged, OverBudget
from syncchat.agent.tools.history import line_of_json
from syncchat.core.grant import Claims
from syncchat_server.api.problems import no_agent, not_now, too_many
from syncchat_server.api.reading import Json
from syncchat_server.api.rooms import Rooms

MAX_SEEN = 1_000
"""Messages that are read back from the newest; what is before them is not even counted."""

AT_ONCE = 8
"""Callers that are told something at the same time; each of them one thing."""

DAY = 86_400


class Teller:
    """Tells callers what they have missed, by `model`, with what `notebook` gives to book it in."""

    def __init__(self, rooms: Rooms, model: Model, notebook: Callable[[], Notebook | None]) -> None:
        self._rooms = rooms
        self._model = model
        self._notebook = notebook
        self._callers: set[str] = set()

    async def tell(self, claims: Claims, room: str, since: str | None) -> Json:
        """What happened in a room after the message `since`, or after what the caller has read.

        Raises Problem.
        """
        role = await self._rooms.admit(claims, room)
        notebook = self._notebook()
        if notebook is None:
            raise no_agent()
        if since is None:
            read = (await self._rooms.describe(claims, room, role))["read"]
            since = read if isinstance(read, str) else None
        with self._turn(claims.user):
            lines = await self._read(room, since)
            payer = Payer(claims.user, room)
            model = Charged(self._model, notebook, payer, now=lambda: time.time_ns() // 1_000_000)
            told = await _told(lines, model, claims.user)
            if told.points:
                there = {line.id for line in await self._read(room, since)}
                told = told.without(told.told - there)
        return _json(told, since)

    @contextmanager
    def _turn(self, user: str) -> Iterator[None]:
        """A place among those who are told something. Raises Problem if there is none."""
        if user in self._callers or len(self._callers) >= AT_ONCE:
            raise not_now("you, or many others, are being told something just now")
        self._callers.add(user)
        try:
            yield
        finally:
            self._callers.discard(user)

    async def _read(self, room: str, since: str | None) -> list[Line]:
        """The finished messages after `since`, sorted; of more than MAX_SEEN the newest. Raises Problem."""
        found: dict[str, Line] = {}
        place, left = None, MAX_SEEN
        while left > 0:
            part = await self._rooms.history.read(room, place, left)
            lines = [line for message in part.messages if (line := line_of_json(message)) is not None]
            found |= {line.id: line for line in lines if since is None or line.id > since}
            if part.older is None or (since is not None and part.messages and _id(part.messages[0]) <= since):
                break
            place, left = part.older, left - max(1, len(part.messages))
        return [found[id] for id in sorted(found)]


async def _told(lines: list[Line], model: Model, reader: str) -> CatchUp:
    try:
        return await tell(lines, model, reader=reader)
    except OverBudget as error:
        raise too_many("the budget of the agent is used up", error.limit, DAY - time.time() % DAY) from error
    except ModelFailed as error:
        raise not_now(f"the model has failed: {error.cause}") from error


def _id(message: Json) -> str:
    return str(message["id"])


def _json(told: CatchUp, since: str | None) -> Json:
    points: list[Mapping[str, object]] = [asdict(point) for point in told.points]
    named = {"first": told.first, "last": told.last, "messages": told.messages, "left_out": told.left_out}
    return {"since": since, **named, "points": points}

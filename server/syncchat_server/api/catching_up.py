"""Catch me up over HTTP: what a caller has missed in a room, told to nobody else, and charged to it (A26)."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import NamedTuple

from syncchat.agent import Model, ModelFailed
from syncchat.agent.budget import Payer
from syncchat.agent.catch_up import CatchUp, tell
from syncchat.agent.lines import Line
from syncchat.agent.notebook import Notebook
from syncchat.agent.spending import Charged, OverBudget
from syncchat.agent.tools.history import line_of_json
from syncchat.core.grant import Claims
from syncchat_server.api.asking import Since
from syncchat_server.api.problems import no_agent, not_now, too_many
from syncchat_server.api.reading import Json
from syncchat_server.api.rooms import Rooms

MAX_SEEN = 1_000
"""Messages that are read back from the newest; what is before them is not even counted."""

MAX_LATE = 100
"""Late messages before where it begins that are told, the newest."""

AT_ONCE = 8
"""Callers that are told something at the same time; each of them one thing."""

DAY = 86_400


class Reach(NamedTuple):
    """What `user` is to be told: what came after `since`, which is `unread` messages of others, if known.

    Of late ones that stand before it: what came when `seen` had arrived; if unknown, what may have.
    """

    user: str
    since: str | None
    unread: int | None
    seen: int | None


class Teller:
    """Tells callers what they have missed, by `model`, with what `notebook` gives to book it in."""

    def __init__(self, rooms: Rooms, model: Model, notebook: Callable[[], Notebook | None]) -> None:
        self._rooms = rooms
        self._model = model
        self._notebook = notebook
        self._callers: set[str] = set()

    async def tell(self, claims: Claims, room: str, since: Since | None) -> Json:
        """What happened in a room since then, or after what the caller has read.

        Raises Problem.
        """
        role = await self._rooms.admit(claims, room)
        notebook = self._notebook()
        if notebook is None:
            raise no_agent()
        reach = _reach(claims.user, since, await self._rooms.describe(claims, room, role))
        with self._turn(claims.user):
            lines, unknown = await self._read(room, reach)
            payer = Payer(claims.user, room)
            model = Charged(self._model, notebook, payer, now=lambda: time.time_ns() // 1_000_000)
            told = replace(await _told(lines, model, claims.user), late=unknown)
            if told.points:
                there = {line.id for line in (await self._read(room, reach))[0]}
                told = told.without(told.told - there)
        return _json(told, reach.since)

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

    async def _read(self, room: str, reach: Reach) -> tuple[list[Line], int]:
        """The finished messages that are to be told of, sorted; and how many late ones cannot be found.

        Of more than MAX_SEEN the newest. Raises Problem.
        """
        since, found, others, reached = reach.since, dict[str, Line](), 0, False
        place, left = None, MAX_SEEN
        while left > 0:
            part = await self._rooms.history.read(room, place, left)
            new = [message for message in part.messages if since is None or _id(message) > since]
            others += sum(message["user"] != reach.user for message in new)
            found |= {line.id: line for line in map(line_of_json, new) if line is not None}
            reached = since is not None and bool(part.messages) and _id(part.messages[0]) <= since
            if reached or part.older is None:
                break
            place, left = part.older, left - max(1, len(part.messages))
        unknown = 0
        if since is not None:
            late, unknown = await self._late(room, reach, since, others)
            found |= {line.id: line for line in map(line_of_json, late) if line is not None}
        return [found[id] for id in sorted(found)], unknown if reached else 0

    async def _late(self, room: str, reach: Reach, since: str, others: int) -> tuple[list[Json], int]:
        """The late messages before `since`, where `others` stand after it; and how many nothing leads to."""
        missing = MAX_LATE if reach.unread is None else max(0, reach.unread - others)
        if missing == 0:
            return [], 0
        marked = await self._rooms.history.late(room, since, reach.seen, min(missing, MAX_LATE))
        late = [message for message in marked if message["user"] != reach.user]
        return late, 0 if reach.unread is None else missing - len(late)


def _reach(user: str, since: Since | None, about: Json) -> Reach:
    """What a user is to be told of the room `about`, as it stands for it."""
    read, seen, unread = about["read"], about["seen"], about["unread"]
    assert isinstance(read, str | None)
    assert isinstance(seen, int)
    assert isinstance(unread, int)
    if since is None or (since.id == read and since.seen is None):
        return Reach(user, read, unread, seen)
    return Reach(user, since.id, None, since.seen)


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
    named: Json = {"first": told.first, "last": told.last, "messages": told.messages}
    named |= {"left_out": told.left_out, "late": told.late}
    return {"since": since, **named, "points": points}

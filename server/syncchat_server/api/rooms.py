"""Rooms as callers over HTTP find, read and write them: through links to the hub like any other (W1)."""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import anyio
import anyio.to_thread

from syncchat.compaction import OFFLOAD
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import RAND_BITS, RAND_WIDTH, Hlc, base32, format_id, page_name, parse_doc
from syncchat.core.message import Body
from syncchat.core.schema import SERVER
from syncchat.errors import InvalidName, LogError
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat_server.api.poster import Poster
from syncchat_server.api.problems import invalid, no_room, unavailable
from syncchat_server.api.reading import MessagePage, find, message_json, read_page
from syncchat_server.api.visit import visit

LINGER = 60.0
"""Seconds for which who has posted is taken to be in the room: an agent can answer meanwhile."""

MAX_POSTERS = 256
"""Callers that linger, by room; the longest unused goes, and if all are in use the answer is 503."""

MAX_READERS = 8
"""Rooms that are read at once; who comes next waits."""

LIST_SECONDS = 5.0
"""How long a list of all rooms on disk is good for: making it reads an index from end to end."""

READER = Claims(SERVER, (("*", Role.READER),))
"""Who reads for callers; what they may read is looked up in their own claims."""

T = TypeVar("T")


class Rooms:
    """The rooms of `hub`, whose `log` is only asked which there are; an async context manager."""

    def __init__(self, hub: Hub, log: Log) -> None:
        self.stats = hub.stats
        self._hub = hub
        self._log = log
        self._hlc = Hlc(lambda: time.time_ns() // 1_000_000)
        self._posters: dict[tuple[Claims, str], Poster] = {}
        self._readers = anyio.CapacityLimiter(MAX_READERS)
        self._listed: set[str] = set()
        self._list_until = 0.0

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        with anyio.CancelScope(shield=True):
            await self._leave(lambda _: True)

    async def _run(self) -> None:
        """Leave rooms in which nothing was posted for LINGER, until cancelled."""
        while True:
            await anyio.sleep(LINGER / 4)
            await self._leave(lambda poster: anyio.current_time() - poster.used > LINGER)

    # Which rooms there are.

    async def roles(self, claims: Claims) -> dict[str, Role]:
        """The rooms that there are for somebody, sorted, and the role in each. Raises Problem."""
        if anyio.current_time() >= self._list_until:
            self._listed = _rooms_of(await self._ask(self._log.docs()))
            self._list_until = anyio.current_time() + LIST_SECONDS
        roles = ((room, claims.role_in(room)) for room in sorted(self._listed | self.people().keys()))
        return {room: role for room, role in roles if role is not None}

    def people(self) -> dict[str, set[str]]:
        """Who has which room open: people, agents, and those who posted over HTTP lately."""
        people: dict[str, set[str]] = {}
        for doc, users in self._hub.occupants().items():
            if parse_doc(doc).in_room and users - {SERVER}:
                people.setdefault(parse_doc(doc).room, set()).update(users - {SERVER})
        return people

    # Reading one.

    async def page(self, claims: Claims, room: str, before: str | None, limit: int) -> MessagePage:
        """Messages of a room, see read_page. Raises Problem."""
        if claims.role_in(room) is None or not await self._exists(room):
            raise no_room()
        return await self._read(room, partial(read_page, room, before=before, limit=limit))

    async def _exists(self, room: str) -> bool:
        """Whether anybody was ever there: asking for names makes nobody load anything."""
        return room in self.people() or (await self._ask(self._log.size(page_name(room, 0))))[0] > 0

    async def _read(self, room: str, work: Callable[..., T]) -> T:
        async with self._readers:
            async with visit(self._hub, READER, page_name(room, 0)) as there:
                state = await there.state()
            if len(state) > OFFLOAD:
                return await anyio.to_thread.run_sync(partial(work, state=state))
            return work(state=state)

    async def _ask(self, question: Awaitable[T]) -> T:
        try:
            return await question
        except LogError as error:
            raise unavailable("the log cannot be read for now") from error

    # Posting in one.

    async def post(
        self, claims: Claims, room: str, body: Body, key: str | None
    ) -> tuple[dict[str, object], bool]:
        """Post a message; returns it when it is durable, and whether it is new. Raises Problem.

        With a `key` that was used before it is the one posted then.
        """
        if claims.role_in(room) is None:
            raise no_room()
        async with self._poster(claims, room) as poster:
            before = None if key is None else await self._posted(claims.user, room, body, key)
            if before is not None:
                return before, False
            id = format_id(self._hlc.next(), claims.user, _bits(key))
            await poster.post(id, body)
            return message_json(room, id, body), True

    async def _posted(self, user: str, room: str, body: Body, key: str) -> dict[str, object] | None:
        """What was posted with a key: its message's id tells, so that no key is kept anywhere else."""
        ending = f".{user}.{base32(_bits(key), RAND_WIDTH)}"
        found = await self._read(room, partial(find, room, ending=ending))
        if found is not None and found["text"] != body.text and not (found["edited"] or found["deleted"]):
            raise invalid("this Idempotency-Key was used for another text", "use a new key for each message")
        return found

    @asynccontextmanager
    async def _poster(self, claims: Claims, room: str) -> AsyncIterator[Poster]:
        """A poster, for the caller alone until the block is left. Raises Problem."""
        key = (claims, room)
        poster = self._posters.pop(key, None) or Poster(self._hub, claims, page_name(room, 0))
        self._posters[key] = poster  # the latest used is the last
        with poster.in_use():
            await self._make_place()
            async with poster.turn:
                yield poster

    async def _make_place(self) -> None:
        if len(self._posters) > MAX_POSTERS:
            idle = next((poster for poster in self._posters.values() if not poster.busy), None)
            if idle is None:
                raise unavailable("too many callers at once")
            await self._leave(lambda poster: poster is idle)

    async def _leave(self, over: Callable[[Poster], bool]) -> None:
        for key, poster in list(self._posters.items()):
            if over(poster) and not poster.busy:
                del self._posters[key]
                await poster.aclose()


def _bits(key: str | None) -> int:
    """The random part of the id of a message that is posted with a key, or without one."""
    if key is None:
        return secrets.randbits(RAND_BITS)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()) >> (256 - RAND_BITS)


def _rooms_of(docs: Iterable[str]) -> set[str]:
    rooms = set()
    for doc in docs:
        with suppress(InvalidName):  # a companion of a doc
            name = parse_doc(doc)
            if name.in_room:
                rooms.add(name.room)
    return rooms

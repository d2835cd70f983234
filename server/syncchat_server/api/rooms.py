"""Rooms as callers over HTTP find, read and write them: through links to the hub like any other (W1)."""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Self

import anyio

from syncchat.core.asking import asked_key, from_afar
from syncchat.core.closing import Closing
from syncchat.core.cover import Cover
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import RAND_BITS, RAND_WIDTH, Hlc, base32, cover_name, format_id, page_name, parse_doc
from syncchat.core.message import Body
from syncchat.core.page import REQUESTS
from syncchat.core.schema import SERVER
from syncchat.errors import CloseCode, InvalidName
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat_server.api import schemas
from syncchat_server.api.docs import Docs
from syncchat_server.api.erasing import Eraser
from syncchat_server.api.history import History, Place
from syncchat_server.api.poster import Poster
from syncchat_server.api.problems import invalid, no_message, no_room, of_closing, unavailable
from syncchat_server.api.reading import Json, find, has_message, has_request, message_json
from syncchat_server.api.visit import visit
from syncchat_server.stays import LOOKOUT

LINGER = 60.0
"""Seconds for which who has posted is taken to be in the room: an agent can answer meanwhile."""

MAX_POSTERS = 256
"""Callers that linger, by room; the longest unused goes, and if all are in use the answer is 503."""

LIST_SECONDS = 5.0
"""How long a list of all rooms on disk is good for: making it reads an index from end to end."""


class Rooms:
    """The rooms of `hub`, whose `log` has those that nobody is in; an async context manager.

    `history` are the messages of rooms, for callers who may read them: `admit` tells. `eraser` erases them.
    """

    def __init__(self, hub: Hub, log: Log) -> None:
        self.stats = hub.stats
        self._hub = hub
        self._docs = Docs(hub, log)
        self.history = History(self._docs)
        self.eraser = Eraser(hub, log, self._docs)
        self._hlc = Hlc(lambda: time.time_ns() // 1_000_000)
        self._posters: dict[tuple[Claims, str], Poster] = {}
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
            self._listed = _rooms_of(await self._docs.names())
            self._list_until = anyio.current_time() + LIST_SECONDS
        roles = ((room, claims.role_in(room)) for room in sorted(self._listed | self.people().keys()))
        return {room: role for room, role in roles if role is not None}

    def people(self) -> dict[str, set[str]]:
        """Who has which room open: people, agents, and those who posted over HTTP lately."""
        people: dict[str, set[str]] = {}
        for doc, users in self._hub.occupants().items():
            shown = users - {SERVER, LOOKOUT}
            if parse_doc(doc).in_room and shown:
                people.setdefault(parse_doc(doc).room, set()).update(shown)
        return people

    async def admit(self, claims: Claims, room: str) -> Role:
        """The role of somebody in a room. Raises Problem, the same if there is no such room (U2)."""
        role = claims.role_in(room)
        if role is None or not (room in self.people() or await self._docs.is_room(room)):
            raise no_room()
        return role

    async def describe(self, claims: Claims, room: str, role: Role) -> Json:
        """A room as it stands for somebody in this role; see schemas.py. Raises Problem."""
        cover = await self._docs.cover(room)
        unread, read = cover.unread(claims.user), cover.read(claims.user)
        return {
            "name": room,
            "role": role,
            "users": sorted(self.people().get(room, ())),
            "messages": cover.messages,
            "unread": unread.messages,
            "mentions": unread.mentions,
            "read": None if read is None else read.id,
            "seen": 0 if read is None else read.seen,
        }

    async def mark_read(self, claims: Claims, room: str, id: str) -> None:
        """Somebody has read up to a message: it is heard, and shown in some seconds. Raises Problem."""
        if not (await self.admit(claims, room)).writes:
            raise of_closing(Closing(CloseCode.REFUSED, "a reader changes nothing", rule="G11"))
        async with visit(self._hub, claims, cover_name(room)) as here:
            await here.present({"read": id})

    # Posting in one.

    async def post(self, claims: Claims, room: str, body: Body, key: str | None) -> tuple[Json, bool]:
        """Post a message; returns it when it is durable, and whether it is new. Raises Problem.

        It stands on the newest page; if the next one is opened meanwhile, it is late by a moment. With a
        `key` that was used before, and not too long ago (KEY_PAGES), it is the one posted then.
        """
        if claims.role_in(room) is None:
            raise no_room()
        async with self._poster(claims, room) as poster:
            cover = await self._docs.cover(room)
            before = None if key is None else await self._posted(claims.user, room, cover, body, key)
            if before is not None:
                return before, False
            id = format_id(self._hlc.next(), claims.user, _bits(key))
            await poster.post(page_name(room, cover.newest), id, body)
            return message_json(room, id, body), True

    async def ask(self, claims: Claims, room: str, verb: str, place: Place) -> None:
        """Ask the room's agents for something about a message: durable on return, and once is enough.

        It is written on the newest page, where they hear it (see `Room.ask`). Raises Problem.
        """
        if not (await self.admit(claims, room)).writes:
            raise of_closing(Closing(CloseCode.REFUSED, "a reader changes nothing", rule="G11"))
        row = asked_key(verb, place.id, claims.user)
        async with self._poster(claims, room) as poster:
            cover = await self._docs.cover(room)
            page, newest = await self.history.find_in(room, cover, place), page_name(room, cover.newest)
            look = partial(has_message, room, id=place.id)
            if page is None or not await self._docs.read(page_name(room, page), look):
                raise no_message()
            if not await self._docs.read(newest, partial(has_request, row=row)):
                await poster.put(newest, REQUESTS, row, 1 if page == cover.newest else from_afar(1, page))

    async def _posted(self, user: str, room: str, cover: Cover, body: Body, key: str) -> Json | None:
        """What was posted with a key: its message's id tells, so that no key is kept anywhere else."""
        ending = f".{user}.{base32(_bits(key), RAND_WIDTH)}"
        last = max(cover.first, cover.newest - schemas.KEY_PAGES + 1)
        for page in range(cover.newest, last - 1, -1):
            found = await self._docs.read(page_name(room, page), partial(find, room, ending=ending))
            if found is not None:
                _check_same(found, body)
                return found
        return None

    @asynccontextmanager
    async def _poster(self, claims: Claims, room: str) -> AsyncIterator[Poster]:
        """A poster, for the caller alone until the block is left. Raises Problem."""
        key = (claims, room)
        poster = self._posters.pop(key, None) or Poster(self._hub, claims)
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


def _check_same(posted: Json, body: Body) -> None:
    if posted["text"] != body.text and not (posted["edited"] or posted["deleted"]):
        raise invalid("this Idempotency-Key was used for another text", "use a new key for each message")


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

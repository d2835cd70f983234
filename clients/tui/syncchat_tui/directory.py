"""Which rooms there are: those on this device, also offline, and the server's while it is reached."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pycrdt import Doc

from syncchat.core.cover import Cover, Unread
from syncchat.core.ids import NAME, cover_name, parse_doc
from syncchat.core.store import Store
from syncchat.errors import InvalidName, SyncchatError
from syncchat.log import Log
from syncchat.served import get_served

MOST = 200
"""Rooms that are listed of each place: who has more types the name of the one."""


class Place(NamedTuple):
    """A room, and what its user has not read in it."""

    name: str
    unread: Unread


class Listing(NamedTuple):
    """Rooms, those with something unread first, and a sentence about where they are known from."""

    places: list[Place]
    notice: str


class Directory:
    """Lists the rooms of `user` in `log`, and those on the daemon at `server` (None: there is none).

    What is unread is what covers say: no page is read. `token` is what the daemon is shown.
    """

    def __init__(
        self, log: Log, user: str, *, server: str | None = None, token: Callable[[], str] = str
    ) -> None:
        self._log = log
        self._user = user
        self._server = server
        self._token = token
        self._served: dict[str, Unread] = {}  # what it said last: rooms do not come and go while it is asked

    async def look(self, tell: Callable[[Listing], None], *, online: bool) -> None:
        """Tell the rooms that are known here, and then, if `online`, those and what the server says."""
        here, problem = await self._here()
        server = self._server if online else None
        waiting = "asking the server…" if server else "as of the last visit"
        tell(_listing(here | self._served, problem or waiting))
        if server is not None:
            refusal = await self._ask(server)
            tell(_listing(here | self._served, problem or refusal))

    async def _here(self) -> tuple[dict[str, Unread], str]:
        try:
            rooms = sorted({room for doc in await self._log.docs() if (room := _room_of(doc))})
            return {room: await self._unread(room) for room in rooms[:MOST]}, ""
        except SyncchatError as error:
            return {}, str(error)

    async def _unread(self, room: str) -> Unread:
        cover: Doc[Any] = Doc()
        for entry in await self._log.read(cover_name(room)):
            cover.apply_update(entry.data)
        return Cover(Store(cover)).unread(self._user)

    async def _ask(self, server: str) -> str:
        try:
            told = await get_served(server, self._token(), "/api/v1/rooms", {"limit": MOST})
        except SyncchatError as error:
            return f"not the server's: {error}"
        self._served = read_rooms(told)
        return ""


def read_rooms(told: object) -> dict[str, Unread]:
    """What an answer of the daemon says of rooms; what is malformed is passed over."""
    listed = told.get("rooms") if isinstance(told, Mapping) else None
    rooms = {}
    for room in listed if isinstance(listed, list) else ():
        match room:
            case {"name": str(name), "unread": int(unread), "mentions": int(mentions)} if NAME.match(name):
                rooms[name] = Unread(unread, mentions)
    return rooms


def _room_of(doc: str) -> str:
    try:
        name = parse_doc(doc)
    except InvalidName:
        return ""  # a stream beside a doc
    return name.room if name.in_room else ""


def _listing(rooms: Mapping[str, Unread], notice: str) -> Listing:
    places = [Place(name, unread) for name, unread in rooms.items()]
    number = "one room" if len(places) == 1 else f"{len(places)} rooms"
    return Listing(sorted(places, key=_rank), "; ".join(filter(None, (number, notice))))


def _rank(place: Place) -> tuple[bool, bool, str]:
    return not place.unread.mentions, not place.unread.messages, place.name

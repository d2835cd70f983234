"""The messages of a room over all its pages, newest first, as far as a request asks for them."""

from functools import partial
from typing import NamedTuple

from syncchat.core.cover import Cover
from syncchat.core.ids import PAGE, page_name, parse_id
from syncchat.errors import InvalidName
from syncchat_server.api.docs import Docs
from syncchat_server.api.reading import Json, first_id, read_marks, read_message, read_part

MAX_PAGES = 8
"""Pages that one request reads: an answer may have fewer messages than asked for, and lead to more."""

END = "~"
"""In place of an id: the end of a page; it sorts behind all ids."""


class Place(NamedTuple):
    """A place in a room's history: before the message `id` on `page`; None if the page is to be looked up."""

    page: int | None
    id: str

    def __str__(self) -> str:
        return f"{self.page}:{self.id}"


class Messages(NamedTuple):
    """Messages, sorted, and the late ones that were announced among them; `older` leads on, if it does."""

    messages: list[Json]
    late: list[Json]
    older: Place | None


def read_place(text: str) -> Place:
    """Read `PAGE:ID`, `PAGE:~` (the end of that page) or a mere id. Raises InvalidName."""
    page, colon, id = text.rpartition(":")
    if colon and not PAGE.match(page):
        raise InvalidName(f"{page[:20]!r} is no page")
    if id != END or not colon:
        parse_id(id)
    return Place(int(page) if colon else None, id)


class History:
    """The messages of the rooms in `docs`; every method raises Problem."""

    def __init__(self, docs: Docs) -> None:
        self._docs = docs

    async def read(self, room: str, before: Place | None, limit: int) -> Messages:
        """The last `limit` messages before a place; before None, the newest there are.

        The place of a message is its page and, there, its id: each is told once, late ones too, and
        what it costs does not grow with the room. Those of one answer are sorted by their ids.
        """
        cover = await self._docs.cover(room)
        number, id = await self._start(room, cover, before)
        found: list[Json] = []
        late: list[Json] = []
        last = max(cover.first, number - MAX_PAGES + 1)
        for page in range(number, last - 1, -1):
            before_id, most = None if id == END else id, limit - len(found)
            work = partial(read_part, room, page=page, before=before_id, limit=most)
            part = await self._docs.read(page_name(room, page), work)
            found += part.messages
            late += part.late
            if part.start is not None:
                return _sorted(found, late, Place(page, part.start))
            if len(found) >= limit:
                last = page
                break
            id = END
        return _sorted(found, late, Place(last - 1, END) if last > cover.first else None)

    async def late(self, room: str, since: str, seen: int | None, limit: int) -> list[Json]:
        """The late messages that stand before `since` and came when its page or a later one was the newest.

        With `seen` only those that came when so many messages had arrived in the room. At most `limit`, the
        newest, of what the MAX_PAGES newest pages tell.
        """
        cover = await self._docs.cover(room)
        first = max(await self.page_of(room, cover, since), cover.newest - MAX_PAGES + 1)
        places: dict[str, Place] = {}
        for page in range(first, cover.newest + 1):
            marks = await self._docs.read(page_name(room, page), partial(read_marks, page=page))
            late = (mark.late for mark in marks if mark.late.id < since and mark.is_since(seen))
            places |= {id: Place(on, id) for id, on in late}
        found = [await self.message(room, places[id]) for id in sorted(places)[-limit:]]
        return [message for message in found if message is not None]

    async def message(self, room: str, place: Place) -> Json | None:
        """One message by its place; without a page, it is looked for where its time would have it."""
        page = await self.find(room, place)
        return None if page is None else await self._docs.read(page, partial(read_message, room, id=place.id))

    async def find(self, room: str, place: Place) -> str | None:
        """The doc of the page that a place is on, by its time if need be; None if there is no such page."""
        cover = await self._docs.cover(room)
        page = await self.find_in(room, cover, place)
        return None if page is None else page_name(room, page)

    async def find_in(self, room: str, cover: Cover, place: Place) -> int | None:
        """The page that a place is on, by its time if need be, in a room with this cover; None if none is."""
        page = await self.page_of(room, cover, place.id) if place.page is None else place.page
        return page if cover.first <= page <= cover.newest else None

    async def _start(self, room: str, cover: Cover, before: Place | None) -> tuple[int, str]:
        if before is None or (before.page or 0) > cover.newest:
            return cover.newest, END
        if before.page is not None:
            return before.page, before.id
        return await self.page_of(room, cover, before.id), before.id

    async def page_of(self, room: str, cover: Cover, id: str) -> int:
        """The newest page that begins no later than a message: pages begin one after the other."""
        low, high = cover.first, cover.newest
        while low < high:
            middle = (low + high + 1) // 2
            begin = await self._docs.read(page_name(room, middle), first_id)
            if begin is not None and begin <= id:
                low = middle
            else:
                high = middle - 1
        return low


def _sorted(messages: list[Json], late: list[Json], older: Place | None) -> Messages:
    """Pages that are neighbours may overlap a little."""
    return Messages(sorted(messages, key=_id), sorted(late, key=_id), older)


def _id(told: Json) -> str:
    return str(told["id"])

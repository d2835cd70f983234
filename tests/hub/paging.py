"""What tests of a hub's pages share: rooms with small pages, and what is in their covers."""

from typing import Any

from pycrdt import Doc, Map

from syncchat.core.cover import Cover
from syncchat.core.ids import cover_name, format_id, page_name
from syncchat.core.messages import Message, Step2, Update
from syncchat.core.store import Store
from syncchat.hub import Hub
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, statuses
from syncchat.testing.server import make_hub

ROOM = "lobby"
COVER = cover_name(ROOM)


def page(number: int) -> str:
    """The name of a page of the room."""
    return page_name(ROOM, number)


def id_of(time: int, user: str = "ann") -> str:
    """The id of a message of this time."""
    return format_id(time, user, time)


def paged(store: MemoryStore | None = None, log: HeldLog | None = None, **limits: Any) -> Hub:
    """A hub whose pages have 4 messages."""
    return make_hub(log or HeldLog(store), **{"page_messages": 4, **limits})


def stored(store: MemoryStore, doc: str) -> Doc[Any]:
    """A doc as the log holds it."""
    found: Doc[Any] = Doc()
    for row in store.rows(doc):
        found.apply_update(row.data)
    return found


def stored_cover(store: MemoryStore) -> Cover:
    """The room's cover as the log holds it."""
    return Cover(Store(stored(store, COVER)))


def rows(store: MemoryStore, number: int, root: str = "messages") -> set[str]:
    """The keys of a page's rows, as the log holds them."""
    return set(stored(store, page(number)).get(root, type=Map).keys())


class Reader:
    """A client that has a doc open and follows it."""

    def __init__(self, client: RawClient, doc: str) -> None:
        self.client = client
        self.doc = doc
        self.store = Store(Doc())

    async def follow(self) -> list[Message]:
        """Take in what has come."""
        said = await self.client.said(self.doc)
        for message in said:
            if isinstance(message, Step2 | Update):
                self.store.doc.apply_update(message.update)
        return said


async def read_cover(client: RawClient) -> tuple[Reader, Cover]:
    """Open the cover, and follow it."""
    reader = Reader(client, COVER)
    client.ask(COVER)
    await reader.follow()
    return reader, Cover(reader.store)


class Poster:
    """A user who writes messages into pages."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self._writers: dict[int, Writer] = {}

    async def post(self, number: int, *times: int, text: str = "x") -> list[bool]:
        """Write messages of these times into a page, one after another; what is answered to each."""
        answers = []
        for time in times:
            await self.send(number, time, text=text)
            answers += statuses(await self.client.said(page(number)))
        return answers

    async def send(self, number: int, *times: int, text: str = "x") -> None:
        """Write without waiting for the answers."""
        if number not in self._writers:
            self._writers[number] = await self.client.enter(page(number))
        for time in times:
            update = self._writers[number].write(id_of(time, self.client.user), {"text": text})
            self.client.say(page(number), Update(update))

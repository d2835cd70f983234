"""A client on a real socket that says exactly what a test tells it to, and reads only when it is asked to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pycrdt import Doc
from websockets.asyncio.client import ClientConnection, connect

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Auth, Message, Status, Step1, Step2, Update

M = TypeVar("M", bound=Message)

DIALECT = HocuspocusDialect()


def frame(doc: str, message: Message) -> bytes:
    """One message about a doc, as it travels."""
    data = DIALECT.encode(doc, message)
    assert data is not None
    return data


class Talker:
    """One doc on one socket."""

    def __init__(self, socket: ClientConnection, doc: str) -> None:
        self.socket = socket
        self.name = doc
        self.doc: Doc[Any] = Doc()

    async def say(self, *messages: Message) -> None:
        """Send messages, and wait for nothing but the network."""
        for message in messages:
            await self.socket.send(frame(self.name, message))

    async def hear(self, kind: type[M]) -> M:
        """The next message of a kind; updates that come before it are taken into `doc`."""
        while True:
            data = await self.socket.recv(decode=False)
            heard = DIALECT.decode(data)
            message = heard.message if heard is not None else None
            if isinstance(message, Step2 | Update):
                self.doc.apply_update(message.update)
            if isinstance(message, kind):
                return message

    async def enter(self, user: str) -> None:
        """Open the doc and take in what there is."""
        await self.say(Auth(user), Step1(b"\x00"))
        await self.hear(Step2)
        await self.say(Step2(b"\x00\x00"))
        assert (await self.hear(Status)).ok


@asynccontextmanager
async def talker(address: str, doc: str, user: str, *, max_queue: int = 16) -> AsyncIterator[Talker]:
    """Somebody in a doc; `max_queue` is how many frames its library reads ahead of it."""
    async with connect(
        f"{address}/sync",
        proxy=None,
        max_size=None,
        max_queue=max_queue,
        ping_interval=None,  # who does not read hears no pong, and would hang up
    ) as socket:
        client = Talker(socket, doc)
        await client.enter(user)
        yield client

"""Rooms of many pages for tests: how they are entered, and what is seen of them."""

from collections.abc import Awaitable, Callable

import anyio

from syncchat import Room
from syncchat.peer import Peer
from syncchat.testing.history import Past
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer


def play(main: Callable[[MemoryServer, Past], Awaitable[None]]) -> None:
    """Run `main` with a server, and the past of its room `lobby`, in virtual time."""

    async def start() -> None:
        server = MemoryServer()
        await main(server, Past(server.store))

    run(start)


def ids(room: Room) -> list[str]:
    return [message.id for message in room.timeline]


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


def pages(peer: Peer) -> list[int]:
    """The pages of the lobby that are open."""
    names = [name.removeprefix("lobby/") for name in peer.docs]
    return sorted(int(name) for name in names if name != "cover")


async def enter(peer: Peer) -> Room:
    """Enter the lobby, and wait until nothing more is to be expected."""
    room = await peer.enter("lobby")
    await rest()
    return room


async def rest() -> None:
    """Let happen what is under way, a page that is closed with the next look included."""
    await anyio.sleep(3)

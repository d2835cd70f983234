"""Clocks that jump by an hour while people write, the server's or one of theirs: nothing is lost."""

import random
from collections import Counter
from collections.abc import Sequence
from functools import partial

import anyio
import pytest

from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.loop import run, wall_clock
from syncchat.testing.server import MemoryServer

HOUR = 3_600_000
JUMPS = (HOUR, -HOUR, -HOUR, HOUR)
HEALING = 300.0
"""Virtual seconds in which everybody has to agree again."""


class JumpingClock:
    """Milliseconds since 1970, and what a hand has added to them."""

    def __init__(self) -> None:
        self.jumped = 0

    def __call__(self) -> int:
        return wall_clock() + self.jumped


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


def shows(room: Room, wanted: Counter[str]) -> bool:
    return Counter(texts(room)) == wanted


async def agree(peers: list[Peer], rooms: Sequence[Room], wanted: Counter[str]) -> None:
    """Return when everything is on the server, everybody shows the same, and it is what was written."""
    with anyio.fail_after(HEALING):
        for peer in peers:
            await peer.settled()
        for peer, room in zip(peers, rooms, strict=True):
            await peer.until(partial(shows, room, wanted))
    assert texts(rooms[0]) == texts(rooms[1])
    assert [peer.refusals for peer in peers] == [[], []]
    ids = [message.id for message in rooms[0].timeline]
    assert ids == sorted(ids)


@pytest.mark.parametrize("whose", ["server", "ann", "both"])
def test_G9_I2_O4_clocks_that_jump_by_an_hour_lose_and_double_nothing(whose: str) -> None:
    async def main() -> None:
        servers, anns = JumpingClock(), JumpingClock()
        server = MemoryServer(now=servers)
        async with (
            server.running(),
            Peer(user="ann", connect=server.connect, rng=random.Random(4), now=anns) as ann,
            server.peer("bob") as bob,
        ):
            peers, rooms = [ann, bob], [await ann.enter("lobby"), await bob.enter("lobby")]
            wanted: Counter[str] = Counter()
            for number, jump in enumerate((0, *JUMPS)):
                servers.jumped += jump if whose != "ann" else 0
                anns.jumped -= jump if whose != "server" else 0
                for part in range(5):
                    for peer, room in zip(peers, rooms, strict=True):
                        text = f"{peer.user} {number} {part}"
                        room.post(text)
                        wanted[text] += 1
                    await anyio.sleep(0.01)
                await agree(peers, rooms, wanted)

    run(main)

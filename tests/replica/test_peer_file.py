"""Peers on one SQLite file, in real time: closed and opened again, and two at once (O3, O5)."""

from pathlib import Path

import anyio
import pytest

from syncchat.peer import Peer

pytestmark = pytest.mark.anyio


async def test_O3_a_file_that_was_closed_opens_with_the_whole_room(tmp_path: Path) -> None:
    path = tmp_path / "ann.db"
    async with Peer(path, user="ann") as ann:
        room = await ann.enter("lobby")
        posted = [room.post(f"number {number} 📊") for number in range(300)]
        room.delete(posted[0])
    for _ in range(2):  # the first one compacts
        async with Peer(path, user="ann") as ann:
            room = await ann.enter("lobby")
            assert [message.id for message in room.timeline] == posted
            assert [room.timeline[0].text, room.timeline[299].text] == ["", "number 299 📊"]


async def test_O5_two_peers_on_one_file_see_each_other_and_nothing_that_nobody_wrote(tmp_path: Path) -> None:
    path = tmp_path / "ann.db"
    async with Peer(path, user="ann") as one, Peer(path, user="ann") as two:
        rooms = [await one.enter("lobby"), await two.enter("lobby")]
        posted = []
        for number in range(50):
            posted.append(rooms[number % 2].post(f"number {number}"))
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(20):
            await one.until(lambda: len(rooms[0].timeline) == 50)
            await two.until(lambda: len(rooms[1].timeline) == 50)
        for room in rooms:
            assert [message.id for message in room.timeline] == sorted(posted)

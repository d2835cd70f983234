"""A refusal where two processes share one log: both show the same, and neither loses anything."""

import logging

import anyio
import pytest

from syncchat.core.ids import format_id
from syncchat.core.room import Room
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.loop import run, wall_clock
from syncchat.testing.server import MemoryServer

PAGE = "lobby/0"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The hub tells of refusals."""
    caplog.set_level(logging.CRITICAL)


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(120):
        for peer in peers:
            await peer.settled()
            await peer.saved()


async def forge(peer: Peer, key: str, text: str) -> None:
    (await peer.open(PAGE)).store.table("messages").set(key, {"text": text})


def test_G14_O5_a_process_without_a_server_follows_the_one_that_was_refused() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with (
            server.running(),
            server.peer("ann") as ann,
            server.peer("bob", MemoryLog(store)) as bob,
            Peer(log=MemoryLog(store), user="bob", now=wall_clock) as twin,
        ):
            room, other, third = await ann.enter("lobby"), await bob.enter("lobby"), await twin.enter("lobby")
            mine = room.post("mine")
            await settle(ann, bob)
            await twin.until(lambda: texts(third) == ["mine"])
            bob.go_offline()
            await anyio.sleep(1)
            await forge(bob, mine, "forged")
            other.post("honest")
            third.post("from the twin")
            await bob.saved()
            await twin.saved()
            await twin.until(lambda: texts(third) == ["forged", "honest", "from the twin"])
            bob.go_online()
            await bob.until(lambda: bool(bob.refusals))
            third.post("before it has heard")
            await twin.until(lambda: texts(third)[0] == "mine")
            third.post("after it has heard")
            wanted = ["mine", "honest", "from the twin", "before it has heard", "after it has heard"]
            with anyio.fail_after(60):
                await ann.until(lambda: len(room.timeline) == 5)
                await settle(bob)
                await twin.until(lambda: len(third.timeline) == 5)
            assert sorted(texts(room)) == sorted(wanted)
            assert texts(room) == texts(other) == texts(third)
            assert [refusal.text for refusal in twin.refusals] == ["forged"]
            await twin.dismiss(twin.refusals[0])
            await bob.until(lambda: bob.refusals == [])
        async with Peer(log=MemoryLog(store), user="bob") as bob:
            assert sorted(texts(await bob.enter("lobby"))) == sorted(wanted)

    run(main)


def test_G14_O5_two_processes_that_are_both_refused_the_same_keep_it_once() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with (
            server.running(),
            server.peer("ann") as ann,
            server.peer("bob", MemoryLog(store)) as bob,
            server.peer("bob", MemoryLog(store)) as twin,
        ):
            room, other, third = await ann.enter("lobby"), await bob.enter("lobby"), await twin.enter("lobby")
            mine = room.post("mine")
            await settle(ann, bob, twin)
            bob.go_offline()
            twin.go_offline()
            await anyio.sleep(1)
            await forge(bob, mine, "forged")
            await forge(twin, format_id(7, "eve", 1), "forged, too")
            other.post("honest")
            third.post("honest, too")
            await bob.saved()
            await twin.saved()
            await twin.until(lambda: len(third.timeline) == 4)
            bob.go_online()
            twin.go_online()
            with anyio.fail_after(120):
                await ann.until(lambda: len(room.timeline) == 3)
                await bob.until(lambda: len(bob.refusals) == 2)
                await twin.until(lambda: len(twin.refusals) == 2)
            await settle(ann, bob, twin)
            assert texts(room) == texts(other) == texts(third)
            assert sorted(texts(room)) == ["honest", "honest, too", "mine"]
        async with Peer(log=MemoryLog(store), user="bob") as bob:
            assert sorted(texts(await bob.enter("lobby"))) == ["honest", "honest, too", "mine"]
            assert sorted(refusal.text for refusal in bob.refusals) == ["forged", "forged, too"]

    run(main)


def test_G14_O5_a_deletion_that_was_refused_is_undone_in_the_other_process_too() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with (
            server.running(),
            server.peer("ann") as ann,
            server.peer("bob", MemoryLog(store)) as bob,
            Peer(log=MemoryLog(store), user="bob", now=wall_clock) as twin,
        ):
            room, other, third = await ann.enter("lobby"), await bob.enter("lobby"), await twin.enter("lobby")
            mine = room.post("mine")
            await settle(ann, bob)
            await twin.until(lambda: texts(third) == ["mine"])
            (await bob.open(PAGE)).store.table("messages").delete(mine)
            assert texts(other) == []
            with anyio.fail_after(60):
                await bob.until(lambda: bool(bob.refusals))
                await settle(bob)
                await bob.until(lambda: texts(other) == ["mine"])
                await anyio.sleep(5)
            assert texts(third) == texts(room) == ["mine"]
            assert bob.refusals[0].text == ""

    run(main)

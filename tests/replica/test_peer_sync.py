"""Peers and a hub in virtual time: what is shown, what is durable, and what happens when the server goes."""

import logging
from itertools import pairwise

import anyio
import pytest

from syncchat.core.room import Room
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.replica import Replica
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer

PAGE = "lobby/0"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Some logs fail on purpose."""
    caplog.set_level(logging.CRITICAL)


def _shown(room: Room) -> list[tuple[str, bool]]:
    return [(message.text, message.durable) for message in room.timeline]


async def _replica(peer: Peer) -> Replica:
    return await peer.open(PAGE)


def test_O1_O2_O7_a_message_is_local_until_the_server_has_it_on_disk() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            here, there = await ann.enter("lobby"), await bob.enter("lobby")
            with anyio.fail_after(60):
                await ann.settled()
                await bob.settled()
            server.log.hold()
            here.post("hello")
            assert _shown(here) == [("hello", False)]
            assert ann.status.waiting == 1
            await anyio.sleep(5)
            assert (_shown(here), _shown(there)) == ([("hello", False)], [])
            assert not ann.is_settled
            server.log.release()
            with anyio.fail_after(60):
                await ann.settled()
                await bob.until(lambda: len(there.timeline) == 1)
            assert _shown(here) == _shown(there) == [("hello", True)]
            assert ann.status.waiting == 0

    run(main)


def test_O1_O7_without_a_server_nothing_is_durable_and_everything_works() -> None:
    async def main() -> None:
        async with Peer(user="ann") as ann:
            room = await ann.enter("lobby")
            id = room.post("one")
            room.edit(id, "two")
            room.react(id, "⭐")
            with anyio.fail_after(5):
                await ann.saved()
            assert _shown(room) == [("two", False)]
            status = ann.status
            assert (status.online, status.wanted, status.attempts, status.bytes_out) == (False, False, 0, 0)

    run(main)


def test_O6_a_server_that_is_away_is_tried_again_with_growing_waits_until_it_is_there() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.peer("ann") as ann:
            room = await ann.enter("lobby")
            room.post("written in the dark")
            await anyio.sleep(3600)
            waits = [later - earlier for earlier, later in pairwise(server.tries)]
            assert waits[0] <= 0.25
            assert 5 < max(waits) <= 30
            assert 3600 / 30 <= len(server.tries) <= 3600 / 5
            assert len({round(wait, 6) for wait in waits}) > 100, "jittered"
            assert (ann.status.online, ann.status.problem) == (False, "no connection")
            async with server.running():
                with anyio.fail_after(31):
                    await ann.settled()
                assert ann.status.problem is None
                assert _shown(room) == [("written in the dark", True)]

    run(main)


def test_O4_S1_what_was_written_apart_is_there_once_for_everybody() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.peer("ann") as ann, server.peer("bob") as bob:
            rooms = [await ann.enter("lobby"), await bob.enter("lobby")]
            async with server.running():
                rooms[0].post("before")
                await ann.settled()
                ann.go_offline()
                await anyio.sleep(1)
                assert (ann.status.online, ann.status.wanted) == (False, False)
                for number in range(5):
                    rooms[0].post(f"ann {number}")
                    rooms[1].post(f"bob {number}")
                await anyio.sleep(60)
                assert ann.status.waiting == 5
                assert len(rooms[0].timeline) == 6
                ann.go_online()
                with anyio.fail_after(5):
                    await ann.settled()
            rooms[1].post("after it went")
            await anyio.sleep(60)
            async with server.running():
                with anyio.fail_after(60):
                    await ann.settled()
                    await bob.settled()
                    await ann.until(lambda: len(rooms[0].timeline) == 12)
                assert _shown(rooms[0]) == _shown(rooms[1])
                assert all(durable for _, durable in _shown(rooms[0]))

    run(main)


def test_S2_reconnecting_moves_only_the_difference() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            for number in range(200):
                room.post(f"a message of some length, number {number}")
            await ann.settled()
            await bob.until(lambda: len(other.timeline) == 200)
            ann.go_offline()
            await anyio.sleep(1)
            other.post("news")
            room.post("news, too")
            before = ann.status
            ann.go_online()
            await ann.settled()
            await ann.until(lambda: len(room.timeline) == 202)
            assert ann.status.bytes_in - before.bytes_in < 1000
            assert ann.status.bytes_out - before.bytes_out < 1000

    run(main)


def test_D3_O4_a_server_whose_disk_fails_gets_everything_once_when_it_can_write() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            await ann.settled()
            server.store.failure = "the disk is full"
            for number in range(3):
                room.post(f"number {number}")
                await anyio.sleep(20)
            assert [durable for _, durable in _shown(room)] == [False] * 3
            assert _shown(other) == []
            server.store.failure = None
            with anyio.fail_after(60):
                await ann.settled()
                await bob.until(lambda: len(other.timeline) == 3)
            assert _shown(other) == _shown(room) == [(f"number {n}", True) for n in range(3)]

    run(main)


def test_S7_O7_what_a_listener_writes_while_it_hears_of_others_is_its_own_edit() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            await bob.settled()
            seen: list[int] = []

            def answer(_: object) -> None:
                seen.append(len(other.timeline))
                if len(other.timeline) == 1:
                    other.post("welcome")

            other.timeline.listen(answer)
            room.post("hello")
            await bob.until(lambda: len(other.timeline) == 2)
            assert bob.status.waiting == 1
            with anyio.fail_after(5):
                await bob.settled()
                await ann.until(lambda: len(room.timeline) == 2)
            assert _shown(other) == _shown(room) == [("hello", True), ("welcome", True)]

    run(main)


def test_O3_O7_a_restart_with_no_server_shows_everything_and_knows_what_is_durable() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            room = await ann.enter("lobby")
            room.post("durable")
            await ann.settled()
            await anyio.sleep(10)
            ann.go_offline()
            await anyio.sleep(1)
            room.post("local")
            await ann.saved()
        async with server.peer("ann", MemoryLog(store)) as ann:
            room = await ann.enter("lobby")
            assert _shown(room) == [("durable", True), ("local", False)]
            assert ann.status.waiting == 1
            async with server.running():
                with anyio.fail_after(60):
                    await ann.settled()
                assert _shown(room) == [("durable", True), ("local", True)]
                room.post("new")
                await ann.settled()
            assert len({message.id for message in room.timeline}) == 3

    run(main)


def test_O4_deletions_made_offline_are_not_settled_before_the_server_has_them() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            (await ann.open("todo")).store.table("t").set("row", 1)
            await ann.settled()
        async with Peer(log=MemoryLog(store), user="ann") as ann:
            (await ann.open("todo")).store.table("t").delete("row")
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            await ann.open("todo")
            server.log.hold()
            await anyio.sleep(5)
            early = ann.is_settled
            server.log.release()
            assert not early
            await ann.settled()
            async with server.peer("bob") as bob:
                todo = await bob.open("todo")
                await bob.settled()
                assert list(todo.store.table("t").rows()) == []

    run(main)


def test_O5_two_peers_on_one_log_see_each_other_and_nothing_else() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with (
            Peer(log=MemoryLog(store), user="ann") as one,
            Peer(log=MemoryLog(store), user="ann") as two,
        ):
            rooms = [await one.enter("lobby"), await two.enter("lobby")]
            posted = [rooms[number % 2].post(f"number {number}") for number in range(20)]
            with anyio.fail_after(5):
                await one.until(lambda: len(rooms[0].timeline) == 20)
                await two.until(lambda: len(rooms[1].timeline) == 20)
            for room in rooms:
                assert sorted(posted) == [message.id for message in room.timeline]
            await one.saved()
        assert len(store.rows(PAGE)) <= 20, "what one has appended the other does not append again"

    run(main)


def test_S11_O4_the_other_dialect_syncs_two_peers_with_a_link_for_each_doc() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with (
            server.running() as hub,
            server.peer("ann", dialect="y") as ann,
            server.peer("ann", dialect="y") as other,
        ):
            table = (await ann.open("todo")).store.table("t")
            table.set("row", "Zoë 📊")
            copy = (await other.open("todo")).store.table("t")
            with anyio.fail_after(60):
                await other.until(lambda: "row" in copy)
            assert copy.get("row") == "Zoë 📊"
            copy.set("back", 1)
            with anyio.fail_after(60):
                await ann.until(lambda: "back" in table)
            await other.close("todo")
            await ann.close("todo")
            await anyio.sleep(1)
            assert hub.occupants() == {"todo": set()}
            assert list((await ann.open("todo")).store.table("t").rows()) != []
            await anyio.sleep(1)
            assert len(server.tries) == 3

    run(main)

"""Peers whose clocks are wrong: they learn the server's, and what they wrote ahead of it is stamped anew."""

import random

import anyio
import pytest

from syncchat.core.ids import MAX_AHEAD, parse_id
from syncchat.core.room import Room
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.crash import CrashLog
from syncchat.testing.loop import run, wall_clock
from syncchat.testing.server import MemoryServer

HOUR = 3_600_000


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(120):
        for peer in peers:
            await peer.settled()
            await peer.saved()


def late_by(id: str) -> int:
    """How far an id's time is ahead of now."""
    return parse_id(id).hlc - wall_clock()


def test_G9_what_was_written_offline_by_a_clock_an_hour_ahead_is_stamped_anew_in_its_order() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.peer("ann") as ann, server.peer("bob", ahead=HOUR) as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            first = other.post("number 0")
            for number in range(1, 30):
                other.post(f"number {number}", re=first)
            other.react(first, "⭐")
            other.ask("stop", first)
            other.edit(first, "number 0, edited")
            assert late_by(first) > HOUR // 2
            async with server.running():
                await settle(ann, bob)
                await ann.until(lambda: len(room.timeline) == 30)
                assert bob.refusals == []
                assert texts(room) == texts(other)
                assert texts(room) == ["number 0, edited", *(f"number {number}" for number in range(1, 30))]
                ids = [message.id for message in room.timeline]
                assert all(-HOUR // 60 < late_by(id) <= 0 for id in ids)
                assert {message.re for message in room.timeline[1:]} == {ids[0]}
                assert dict(room.timeline[0].reactions) == {"⭐": ("bob",)}
                assert [asked.what for asked in room.asked()] == [ids[0]]
                assert 0 < (room.timeline[0].edited or 0) < wall_clock() + MAX_AHEAD
                assert other.message(first) == other.timeline[0], "whoever knows the old id still finds it"
                answer = other.post("an answer", re=first)
                assert other.timeline[-1].id == answer
                assert other.timeline[-1].re == ids[0]
                await settle(bob)
                await ann.until(lambda: texts(room)[-1] == "an answer")

    run(main)


def test_G9_what_is_written_while_the_rest_is_stamped_anew_stays_where_it_is() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.peer("bob", ahead=HOUR) as bob:
            other = await bob.enter("lobby")
            for number in range(3):
                other.post(f"offline {number}")
            page = await bob.open("lobby/0")
            written: list[str] = []

            def burst(_: object) -> None:
                if not written:
                    written.extend(other.post(f"online {number}") for number in range(300))

            page.welcomed.listen(burst)
            async with server.running():
                await settle(bob)
                assert bob.refusals == []
                assert texts(other) == [f"offline {n}" for n in range(3)] + [
                    f"online {n}" for n in range(300)
                ]
                assert [message.id for message in other.timeline[3:]] == written

    run(main)


def test_G9_a_stream_of_a_clock_ahead_goes_on_under_its_new_id() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.peer("ann") as ann, server.peer("bob", ahead=HOUR) as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            stream = other.stream(agent=False)
            stream.append("one ")
            before = stream.id
            async with server.running():
                await settle(bob)
                assert stream.id != before
                assert stream.append("two")
                assert stream.finish()
                await settle(bob, ann)
                await ann.until(lambda: len(room.timeline) == 1 and not room.timeline[0].streaming)
            assert texts(room) == texts(other) == ["one two"]
            assert room.timeline[0].id == stream.id

    run(main)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_G9_a_wrong_clock_is_corrected_and_stays_so_after_a_restart_without_a_server(ahead: int) -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running(), server.peer("bob", MemoryLog(store), ahead=ahead) as bob:
            room = await bob.enter("lobby")
            await settle(bob)
            assert abs(late_by(room.post("online"))) < 10_000
            await settle(bob)
        async with server.peer("bob", MemoryLog(store), ahead=ahead) as bob:
            room = await bob.enter("lobby")
            assert abs(late_by(room.post("offline"))) < 10_000
            assert texts(room) == ["online", "offline"]

    run(main)


@pytest.mark.parametrize("steps", range(30))
def test_G9_D5_a_replica_that_dies_while_it_stamps_anew_doubles_nothing(steps: int) -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.peer("bob", MemoryLog(store), ahead=HOUR) as bob:
            other = await bob.enter("lobby")
            for number in range(5):
                other.post(f"number {number}")
            await bob.saved()

        async def live(log: CrashLog) -> None:
            async with server.peer("bob", log, ahead=HOUR) as bob:
                await bob.enter("lobby")
                await anyio.sleep_forever()

        async with server.running():
            for _ in range(2):
                log = CrashLog(store, random.Random(steps))
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(live, log)
                    await anyio.sleep(steps / 1000)
                    log.crash()
                    tasks.cancel_scope.cancel()
            async with server.peer("bob", MemoryLog(store), ahead=HOUR) as bob:
                other = await bob.enter("lobby")
                await settle(bob)
                assert texts(other) == [f"number {number}" for number in range(5)]
                assert bob.refusals == []

    run(main)


def test_G9_what_somebody_else_wrote_is_not_stamped_anew() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob", ahead=HOUR) as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            mine = room.post("mine")
            await settle(ann, bob)
            await bob.until(lambda: len(other.timeline) == 1)
            bob.go_offline()
            other.react(mine, "⭐")
            other.post("mine, too")
            bob.go_online()
            await settle(ann, bob)
            await ann.until(lambda: len(room.timeline) == 2)
            assert room.timeline[0].id == mine
            assert dict(room.timeline[0].reactions) == {"⭐": ("bob",)}

    run(main)

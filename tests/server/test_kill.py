"""kill -9 of the daemon and of clients, at the worst instants, with real processes and sockets."""

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, Program, python

TRIES = 20

WRITER = """
    import sys
    import anyio
    from syncchat.peer import Peer

    async def main(path, run, server):
        async with Peer(path, user="ada", server=server or None) as peer:
            room = await peer.enter("lobby")
            for number in range(100_000):
                id = room.post(f"{run}.{number}")
                await peer.saved()
                print(id, flush=True)

    anyio.run(main, *sys.argv[1:])
"""


def ids(room: Room) -> set[str]:
    return {message.id for message in room.timeline}


def durable(room: Room) -> set[str]:
    return {message.id for message in room.timeline if message.durable}


def assert_whole(room: Room, kept: Iterable[str]) -> None:
    """The room shows all of `kept`, in order, and nothing twice."""
    shown = [message.id for message in room.timeline]
    assert shown == sorted(shown)
    texts = Counter(message.text for message in room.timeline)
    assert texts.most_common(1)[0][1] == 1, "a message is there twice"
    assert set(kept) <= set(shown)


async def everything_of(daemon: Daemon, wanted: set[str]) -> None:
    """A client that has never been here sees all of `wanted` in the room."""
    with anyio.fail_after(PATIENCE):
        async with Peer(user="eve", server=daemon.address) as fresh:
            room = await fresh.enter("lobby")
            await fresh.until(lambda: wanted <= ids(room))
            assert_whole(room, wanted)


async def kill_when_shown(daemon: Daemon, seen: set[str], burst: int, instant: int) -> set[str]:
    """Kill the daemon the moment a reader shows `instant` of `burst` messages more than those `seen`.

    Returns what the reader has shown and what the writer has seen as durable.
    """
    with anyio.fail_after(PATIENCE):
        async with (
            Peer(user="ada", server=daemon.address) as writer,
            Peer(user="bob", server=daemon.address) as reader,
        ):
            written, read = await writer.enter("lobby"), await reader.enter("lobby")
            await writer.until(lambda: writer.status.online and seen <= ids(written))
            await reader.until(lambda: reader.status.online and seen <= ids(read))
            goal = len(read.timeline) + instant
            read.timeline.listen(lambda _: daemon.process.strike() if len(read.timeline) >= goal else None)
            for part in range(burst):
                written.post(f"message {goal - instant + part}")
                if part % 3 == 0:
                    await anyio.lowlevel.checkpoint()  # some share a commit, some do not
            await writer.until(lambda: not writer.status.online)
            await reader.until(lambda: not reader.status.online)
            return ids(read) | durable(written)


@pytest.mark.anyio
async def test_D1_D2_D5_kill_9_the_instant_another_client_shows_a_message(daemon: Daemon) -> None:
    rng = random.Random(2)
    seen: set[str] = set()
    for _ in range(TRIES):
        burst = rng.choice([1, 1, 3, 40])
        shown = await kill_when_shown(daemon, seen, burst, rng.randint(1, burst))
        assert len(shown) > len(seen), "the daemon was killed after something new was shown"
        seen |= shown
        await anyio.to_thread.run_sync(daemon.restart)
        await everything_of(daemon, seen)
    assert "Traceback" not in daemon.stderr()


def told_until_killed(path: Path, run: int, server: str, lines: int) -> list[str]:
    """Let a client post until it has told `lines` messages as saved, kill -9 it, return all it told."""
    with Program(python(WRITER, path, run, server), path.with_suffix(".stderr")) as writer:
        return [writer.line() for _ in range(lines)] + writer.kill()


@pytest.mark.anyio
async def test_D5_O3_a_client_killed_with_kill_9_shows_offline_all_it_had_saved(tmp_path: Path) -> None:
    path = tmp_path / "ada.sqlite"
    told: list[str] = []
    for run in range(6):
        told += await anyio.to_thread.run_sync(told_until_killed, path, run, "", 1 + 9 * run)
        async with Peer(path, user="ada") as reopened:
            assert_whole(await reopened.enter("lobby"), told)
    assert len(told) >= 6 + 9 * 15


@pytest.mark.anyio
async def test_D5_O4_a_client_killed_while_it_syncs_comes_back_and_nothing_is_doubled(
    daemon: Daemon, tmp_path: Path
) -> None:
    path = tmp_path / "ada.sqlite"
    told: set[str] = set()
    for run in range(4):
        told.update(await anyio.to_thread.run_sync(told_until_killed, path, run, daemon.address, 3 + 9 * run))
    with anyio.fail_after(PATIENCE):
        async with Peer(path, user="ada", server=daemon.address) as reopened:
            room = await reopened.enter("lobby")
            assert_whole(room, told)
            await reopened.settled()
            await everything_of(daemon, ids(room))


async def stream_across_kills(daemon: Daemon, room: Room, kills: int) -> str:
    """Stream a message token by token, with the daemon killed and restarted under it; returns its id."""
    stream = room.stream(agent=False)
    for number in range(60 * (kills + 1)):
        assert stream.append(f"token {number}, ")
        await anyio.sleep(0.002)
        if number % 60 == 59 and number < 60 * kills:
            await anyio.to_thread.run_sync(daemon.restart)
            room.post(f"after kill {number}")
    stream.finish()
    return stream.id


@pytest.mark.anyio
async def test_D5_S1_O4_a_daemon_killed_in_mid_stream_gets_both_clients_back_and_they_converge(
    daemon: Daemon,
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Peer(user="ada", server=daemon.address) as writer,
            Peer(user="bob", server=daemon.address) as reader,
        ):
            written, read = await writer.enter("lobby"), await reader.enter("lobby")
            id = await stream_across_kills(daemon, written, kills=3)
            read.post("bob was here all the time")
            writer.go_online()  # at once, whatever the backoff says
            reader.go_online()
            await writer.settled()
            await reader.settled()
            await writer.until(lambda: len(written.timeline) == 5)
            await reader.until(lambda: ids(read) == ids(written))
            await reader.until(lambda: not read.timeline[0].streaming)
            assert [message.text for message in read.timeline] == [m.text for m in written.timeline]
            message = read.message(id)
            assert message is not None
            assert message.text == "".join(f"token {number}, " for number in range(240))
            assert_whole(read, durable(written))
            await everything_of(daemon, durable(written))

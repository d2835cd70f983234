"""kill -9 during commit, compaction and backup, with writers running: nothing acknowledged is ever lost.

The moment of a page's rollover joins them when pages roll over.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, Program, python
from syncchat_server.doctor import examine
from syncchat_server.folder import LOG_NAME
from tests.faults.dying import DyingDaemon, assert_kept, messages_in
from tests.faults.scale import KILLS, report

ROUND = 10
"""After so many kills people go to another room, so that rooms stay small."""


def is_online(peer: Peer) -> bool:
    return peer.status.online


@dataclass
class Crowd:
    """A writer and a reader, and the ids of what they were told is safe."""

    name: str
    writer: Peer
    reader: Peer
    written: Room
    read: Room
    promised: set[str] = field(default_factory=set)
    posts: int = 0

    def note(self) -> None:
        """Take down what is acknowledged to the writer, or shown to the reader."""
        self.promised |= {message.id for message in self.written.timeline if message.durable}
        self.promised |= {message.id for message in self.read.timeline}

    async def until_online(self) -> None:
        for peer in (self.writer, self.reader):
            peer.go_online()  # at once, whatever the backoff says
        for peer in (self.writer, self.reader):
            await peer.until(partial(is_online, peer))

    async def until_dead(self) -> None:
        """Write until the daemon is gone."""
        while self.writer.status.online:
            self.posts += 1
            self.written.post(f"message {self.posts}")
            await anyio.sleep(0.003)
        await self.reader.until(lambda: not self.reader.status.online)


@asynccontextmanager
async def crowd(address: str, name: str) -> AsyncIterator[Crowd]:
    async with Peer(user="ada", server=address) as ada, Peer(user="bob", server=address) as bob:
        yield Crowd(name, ada, bob, await ada.enter(name), await bob.enter(name))


async def survive(daemon: Daemon, name: str, kills: int) -> int:
    """Write until the daemon has died `kills` times; after each death look at what it left.

    Returns how many messages were acknowledged, or shown to somebody.
    """
    async with crowd(daemon.address, name) as people:
        for _ in range(kills):
            with anyio.fail_after(2 * PATIENCE):
                await people.until_online()
                await people.until_dead()
                await anyio.to_thread.run_sync(daemon.kill)
                people.note()
                await assert_kept(daemon.data, name, people.promised)
                await anyio.to_thread.run_sync(daemon.start)
    assert people.promised, "nothing was ever acknowledged: nothing was tested"
    return len(people.promised)


@pytest.mark.anyio
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("moment", "chance"), [("commit", 0.05), ("compaction", 0.5)])
async def test_D1_D4_D5_D6_kill_9_of_the_daemon_loses_nothing_acknowledged(
    tmp_path: Path, moment: str, chance: float
) -> None:
    kills = KILLS * 2 // 5
    promised = 0
    with DyingDaemon(tmp_path / "data", moment, chance=chance, seconds=0.008) as daemon:
        for first in range(0, kills, ROUND):
            promised += await survive(daemon, f"room{first}", min(ROUND, kills - first))
    assert "Traceback" not in daemon.stderr()
    report(f"{kills} kills in {moment}: {promised} messages acknowledged or shown, 0 lost, 0 doubled")


SLOW_BACKUP = """
    import sys, time
    from pathlib import Path
    from syncchat_server import backup

    def tell(done, total):
        print(done, total, flush=True)
        time.sleep(0.001)

    backup.PAGES_A_STEP = 1
    backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]), tell)
    print("done", flush=True)
"""


def read_some(backup: Program, lines: int) -> bool:
    """Read some lines of what it says; True if it is still under way."""
    return all(backup.line() != "done" for _ in range(lines))


def read_to_end(backup: Program) -> None:
    while backup.line() != "done":
        pass


async def kill_in_backup(daemon: Daemon, people: Crowd, copy: Path, rng: random.Random) -> None:
    """Take a backup while people write, and kill the daemon or the backup in the middle of it."""
    people.note()
    promised = set(people.promised)
    command = python(SLOW_BACKUP, daemon.data / LOG_NAME, copy)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(people.until_dead)
        with Program(command, copy.with_suffix(".stderr")) as backup:
            under_way = await anyio.to_thread.run_sync(read_some, backup, rng.randint(1, 12))
            if rng.random() < 0.5:
                await anyio.to_thread.run_sync(backup.kill)
                await anyio.to_thread.run_sync(daemon.kill)
            else:
                await anyio.to_thread.run_sync(daemon.kill)
                if under_way:
                    await anyio.to_thread.run_sync(read_to_end, backup)
        if await anyio.Path(copy).exists():  # if it is there at all, it is a whole one
            assert list(examine(copy)) == []
            assert promised <= (await messages_in(copy, people.name)).keys()
    people.note()
    await assert_kept(daemon.data, people.name, people.promised)


@pytest.mark.anyio
@pytest.mark.timeout(1800)
async def test_R4_D5_kill_9_of_the_daemon_or_of_a_backup_in_the_middle_of_one(tmp_path: Path) -> None:
    rng = random.Random(4)
    kills, promised = KILLS // 5, 0
    with Daemon(tmp_path / "data", "--no-agent") as daemon:
        for first in range(0, kills, ROUND):
            async with crowd(daemon.address, f"room{first}") as people:
                for number in range(first, min(first + ROUND, kills)):
                    with anyio.fail_after(2 * PATIENCE):
                        await people.until_online()
                        await kill_in_backup(daemon, people, tmp_path / f"copy{number}.sqlite", rng)
                        await anyio.to_thread.run_sync(daemon.start)
                promised += len(people.promised)
    assert "Traceback" not in daemon.stderr()
    report(f"{kills} kills in a backup: {promised} messages acknowledged or shown, 0 lost, 0 doubled")

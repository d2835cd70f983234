"""What stock providers may believe: acknowledgements, kill -9 of the daemon, idle links."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from syncchat.peer import Peer
from syncchat_server.daemon import run_daemon
from syncchat_server.limits import DaemonLimits
from syncchat_server.settings import Settings
from tests.interop.daemon import Daemon
from tests.interop.stock import Node, shows

pytestmark = pytest.mark.anyio

KINDS = pytest.mark.parametrize("kind", ["y", "hocuspocus"])


async def test_D1_D2_an_acknowledgement_waits_for_the_log_and_so_does_everybody_else(
    daemon: Daemon, node: Node
) -> None:
    stock = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe")
    other = await node.open("y", daemon.address, "lobby/0", "yan")
    await node.until(lambda: stock.unsynced == 0 and other.synced)
    with closing(sqlite3.connect(daemon.log, isolation_level=None)) as foreign:
        foreign.execute("begin immediate")  # the daemon's writes wait for this lock
        id = await stock.post("zoe", 1_000, "hello")
        # Presence is not stored. Sent behind the update and echoed, it shows that the server had the update.
        await stock.do("present", state={"user": "zoe"})
        await node.until(lambda: other.users == ["zoe"])
        assert (stock.unsynced, other.texts) == (1, {})
        foreign.execute("rollback")
    await node.until(lambda: stock.unsynced == 0 and other.texts == {id: "hello"})


async def stored(daemon: Daemon, doc: str) -> set[str]:
    """The messages in the log of a daemon that is not running."""
    async with Peer(daemon.log, user="reader") as reader:
        return set((await reader.open(doc)).store.table("messages").rows())


async def test_D5_S10_what_was_acknowledged_survives_kill_9(daemon: Daemon, node: Node) -> None:
    stock = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe")
    await node.until(lambda: stock.unsynced == 0)
    for hlc in range(1_000, 1_005):
        await stock.post("zoe", hlc, "hello")
        await node.until(lambda: stock.unsynced == 0)
        daemon.kill()
        await node.until(lambda: stock.status != "connected")
        assert await stored(daemon, "lobby/0") == stock.texts.keys()
        daemon.start()
        await node.until(lambda: stock.synced and stock.unsynced == 0)


@KINDS
async def test_S11_D5_stock_clients_come_back_to_a_killed_daemon_and_converge(
    kind: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, "lobby/0", "zoe")
        before = await stock.post("zoe", 1_000, "before")
        await shows(peer, lambda: room.message(before) is not None)

        daemon.kill()
        await node.until(lambda: stock.status != "connected")
        theirs = await stock.post("zoe", 2_000, "while it was dead")
        ours = room.post("that too")
        daemon.start()

        await shows(peer, lambda: {message.id for message in room.timeline} == {before, theirs, ours})
        await node.until(lambda: stock.texts.keys() == {before, theirs, ours})
        await node.until(lambda: kind == "y" or stock.unsynced == 0)
        await peer.settled()


async def test_S11_an_idle_hocuspocus_link_is_kept_alive_by_our_pings(tmp_path: Path, node: Node) -> None:
    """The provider gives a link up when nothing came for a while; nothing but our pings comes here."""
    addresses: list[str] = []
    started = anyio.Event()

    def start(address: str) -> None:
        addresses.append(address)
        started.set()

    settings = Settings("127.0.0.1", 0, tmp_path / "daemon", limits=DaemonLimits(ping_seconds=0.1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_daemon, settings, start)
        await started.wait()
        stock = await node.open("hocuspocus", addresses[0], "lobby/0", "zoe", messageReconnectTimeout=1_000)
        await node.until(lambda: stock.synced)
        await stock.do("present", state=None)
        with anyio.move_on_after(3):
            await node.until(lambda: stock.closes != [])
        assert stock.closes == []
        tasks.cancel_scope.cancel()

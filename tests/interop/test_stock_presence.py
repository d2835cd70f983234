"""Presence between stock providers and our own peers (P1, P2, P3), on a real daemon."""

import anyio
import pytest

import syncchat.peer
from syncchat.core.room import Room
from syncchat.peer import Peer
from tests.interop.daemon import Daemon
from tests.interop.stock import Node, run_node, sees

pytestmark = pytest.mark.anyio

KINDS = pytest.mark.parametrize("kind", ["y", "hocuspocus"])
COVER = "lobby/cover"


def users(room: Room) -> list[str]:
    return [person.user for person in room.people]


@KINDS
async def test_P2_stock_clients_and_peers_see_each_other_whoever_came_first(
    kind: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, COVER, "zoe")
        await node.until(lambda: stock.users == ["ada"])
        await stock.do("present", state={"user": "zoe", "name": "Zoë 📊"})
        await sees(room, lambda: users(room) == ["ada", "zoe"])
        assert room.people[1].name == "Zoë 📊"

        newcomers = [await node.open(each, daemon.address, COVER, "new") for each in ("y", "hocuspocus")]
        await node.until(lambda: all(newcomer.users == ["ada", "zoe"] for newcomer in newcomers))
        async with Peer(user="ben", server=daemon.address) as late:
            late_room = await late.enter("lobby")
            await sees(late_room, lambda: users(late_room) == ["ada", "ben", "zoe"])
            await node.until(lambda: stock.users == ["ada", "ben", "zoe"])
        await node.until(lambda: stock.users == ["ada", "zoe"])


@KINDS
async def test_P2_our_presence_is_renewed_as_stock_clients_forget_it_otherwise(
    kind: str, daemon: Daemon, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncchat.peer, "RENEW", 0.05)
    async with Peer(user="ada", server=daemon.address) as peer:
        await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, COVER, "zoe")
        await node.until(lambda: stock.users == ["ada"] and stock.renewals > 3)


@KINDS
@pytest.mark.parametrize("how", ["destroy", "disconnect", "present"])
async def test_P3_a_stock_client_that_leaves_is_gone_for_everybody_at_once(
    kind: str, how: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, COVER, "zoe")
        other = await node.open("hocuspocus", daemon.address, COVER, "yan")
        await stock.do("present", state={"user": "zoe"})
        await node.until(lambda: other.users == ["ada", "zoe"])
        await sees(room, lambda: users(room) == ["ada", "zoe"])

        await stock.do(how, state=None)
        await node.until(lambda: other.users == ["ada"])
        await sees(room, lambda: users(room) == ["ada"])


@KINDS
async def test_P3_a_stock_client_that_is_killed_is_gone_for_everybody_at_once(
    kind: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        other = await node.open("y", daemon.address, COVER, "yan")
        async with run_node() as doomed:
            stock = await doomed.open(kind, daemon.address, COVER, "zoe")
            await stock.do("present", state={"user": "zoe"})
            await node.until(lambda: other.users == ["ada", "zoe"])
        await node.until(lambda: other.users == ["ada"])
        await sees(room, lambda: users(room) == ["ada"])


@KINDS
async def test_P2_a_stock_client_that_lost_its_connection_is_back_for_everybody_at_once(
    kind: str, daemon: Daemon, node: Node
) -> None:
    """Without our help it would be in 15 to 18 seconds, when the stock clients renew their states."""
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, COVER, "zoe")
        await stock.do("present", state={"user": "zoe"})
        others = [await node.open(each, daemon.address, COVER, "yan") for each in ("y", "hocuspocus")]
        await node.until(lambda: all(other.users == ["ada", "zoe"] for other in others))
        seen: list[list[str]] = []
        room.listen_people(lambda people: seen.append([person.user for person in people]))

        with anyio.fail_after(10):
            await stock.do("drop")
            await sees(room, lambda: seen[:1] == [["ada"]] and seen[-1] == ["ada", "zoe"])
            await node.until(lambda: all(other.users == ["ada", "zoe"] for other in others))
            await node.until(lambda: stock.users == ["ada", "zoe"])


@KINDS
async def test_P2_after_a_kill_of_the_daemon_everybody_sees_everybody_at_once(
    kind: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, COVER, "zoe")
        other = await node.open("y", daemon.address, COVER, "yan")
        await stock.do("present", state={"user": "zoe"})
        await other.do("present", state={"user": "yan"})
        await sees(room, lambda: users(room) == ["ada", "yan", "zoe"])

        with anyio.fail_after(14):
            daemon.kill()
            await node.until(lambda: stock.users == ["zoe"] and other.users == ["yan"])
            daemon.start()
            await node.until(lambda: stock.users == other.users == ["ada", "yan", "zoe"])
            await sees(room, lambda: users(room) == ["ada", "yan", "zoe"])

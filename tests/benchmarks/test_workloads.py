"""The generator against a real daemon, small: everything arrives, and what does not is a failure."""

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks.load import joining, workloads
from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import Arrival, check_state, join
from benchmarks.load.updates import WRITER, messages
from benchmarks.load.wire import SyncWire
from benchmarks.load.workloads import Target
from benchmarks.peers import Server, peers, running
from syncchat.core.messages import Update

pytestmark = pytest.mark.xdist_group("daemon")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Our daemon."""
    (peer,) = peers("syncchat")
    with running(peer) as started:
        yield started


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "SETTLE", 0.0)


def target(server: Server, dialect: str = "sync") -> Target:
    """How the generator sees it."""
    base = server.url.removesuffix("/sync")
    return Target(f"{base}/{'y' if dialect == 'y' else 'sync'}", dialect, server.pid)


@pytest.mark.parametrize("dialect", ["sync", "y"])
@pytest.mark.parametrize("rate", [0, 200])
def test_a_fan_out_tells_cost_latency_and_traffic(dialect: str, rate: float) -> None:
    (peer,) = peers("syncchat")
    with running(peer) as fresh:
        found = asyncio.run(workloads.fanout(target(fresh, dialect), readers=3, tokens=20, rate=rate))
    assert found["delivered"] == 60
    assert found["strays"] == found["refused"] == 0
    assert float(str(found["cpu_us_per_token"])) > 0
    assert 0 < float(str(found["p50_ms"])) <= float(str(found["p99_ms"]))


def test_rooms_do_not_hear_of_one_another(server: Server) -> None:
    found = asyncio.run(workloads.rooms(target(server), rooms=3, rate=500, count=9))
    assert found["delivered"] == 9


def test_a_history_is_joined_whole() -> None:
    (peer,) = peers("syncchat")
    with running(peer) as fresh:
        there = target(fresh)
        asyncio.run(joining.lay(there, messages=600))
        found = asyncio.run(joining.first(there, messages=600))
        herd = asyncio.run(joining.herd(there, messages=600, joiners=5))
    assert found["shown_empty_first"] is False
    assert float(str(herd["bytes_each"])) >= 600 * 80


def test_who_is_away_gets_the_difference_and_nothing_else() -> None:
    (peer,) = peers("syncchat")
    with running(peer) as fresh:
        found = asyncio.run(workloads.away(target(fresh), messages=300, missed=10))
    assert int(str(found["difference_bytes"])) < 10 * 200


def test_what_is_not_there_afterwards_is_a_failure(server: Server) -> None:
    async def lose_one() -> None:
        wire = SyncWire()
        writer, reader = Client(wire, "lossy/0"), Client(wire, "lossy/0")
        await join([(writer, WRITER), (reader, "bob")], server.url)
        made = messages(3)
        for update in made[:2]:
            writer.say(wire.frame("lossy/0", Update(update)))
        await Arrival([reader], 2).wait()
        with pytest.raises(Failed, match="1 readers did not hear"):
            await Arrival([reader], 3).wait(0.05)
        await check_state(wire, server.url, "lossy/0", made[:2])
        with pytest.raises(Failed, match="does not get what was written"):
            await check_state(wire, server.url, "lossy/0", made, tries=2)
        for client in wire.clients:
            client.close()

    asyncio.run(lose_one())


def test_a_doc_that_is_refused_is_a_failure(server: Server) -> None:
    async def intrude() -> None:
        client = Client(SyncWire(), "no such name!")
        with pytest.raises(Failed, match="denied"):
            await join([(client, "bob")], server.url)
        client.close()

    asyncio.run(intrude())


def test_a_kept_room_survives_the_kill() -> None:
    (peer,) = peers("syncchat")
    with running(peer) as fresh:
        asyncio.run(workloads.seen_then_killed(target(fresh), 0))
        fresh.kill()
        fresh.start()
        assert asyncio.run(workloads.kept(target(fresh), wanted=1)) == 1

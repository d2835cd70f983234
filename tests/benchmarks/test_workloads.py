"""The generator against a real daemon, small: everything arrives, and what does not is a failure."""

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks.load import history, joining, scrolling, workloads
from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import Arrival, check_state, join
from benchmarks.load.updates import WRITER, messages, numbers
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


def target(server: Server, dialect: str = "sync", *, paged: bool = False) -> Target:
    """How the generator sees it."""
    base = server.url.rpartition("/")[0]
    return Target(f"{base}/{'y' if dialect == 'y' else 'sync'}", dialect, server.pid, paged)


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


@pytest.mark.parametrize("name", ["syncchat", "syncchat-y"])
def test_a_history_is_joined_page_by_page_with_us_and_whole_elsewhere(name: str) -> None:
    (peer,) = peers(name)
    with running(peer) as fresh:
        there = target(fresh, peer.dialect, paged=peer.paged)
        asyncio.run(joining.lay(there, messages=600))
        found = asyncio.run(joining.first(there, messages=600))
        herd = asyncio.run(joining.herd(there, messages=600, joiners=5))
        whole = asyncio.run(joining.whole(there, messages=600))
        with pytest.raises(Failed, match="of 601 messages 600"):
            asyncio.run(joining.whole(there, messages=601))
    assert found["shown_empty_first"] is False
    assert float(str(found["apply_cpu_ms"])) > 0
    pages = 3 if peer.paged else 1
    assert whole["docs"] == pages
    assert 88 * 80 <= float(str(herd["bytes_each"])) < 150 * 200 or pages == 1
    assert pages == 3 or float(str(herd["bytes_each"])) >= 600 * 80


def test_who_scrolls_back_sees_all_of_it_and_waits_for_each_page_at_least_as_long_as_the_way_is() -> None:
    (peer,) = peers("syncchat")
    with running(peer) as fresh:
        there = target(fresh, paged=True)
        asyncio.run(joining.lay(there, messages=600))
        found = asyncio.run(scrolling.scroll(there, messages=600, distance=0.01))
        with pytest.raises(Failed, match="of 601 messages 600 were seen"):
            asyncio.run(scrolling.scroll(there, messages=601, distance=0))
    assert found["pages"] == 2
    assert float(str(found["p50_ms"])) >= 20
    assert float(str(found["client_cpu_ms"])) > 0


@pytest.mark.parametrize("paged", [True, False])
def test_what_is_stored_is_there_afterwards(paged: bool) -> None:
    (peer,) = peers("syncchat" if paged else "syncchat-y")
    with running(peer) as fresh:
        there = target(fresh, peer.dialect, paged=paged)
        found = asyncio.run(workloads.store(there, messages=300, tokens=0))
        assert (found["text_bytes"], found["strays"], found["refused"]) == (300 * 80, 0, 0)
        assert asyncio.run(workloads.kept(there, wanted=300)) == 300


@pytest.mark.parametrize("paged", [True, False])
def test_who_is_away_gets_the_difference_and_nothing_else(paged: bool) -> None:
    (peer,) = peers("syncchat" if paged else "syncchat-y")
    with running(peer) as fresh:
        there = target(fresh, peer.dialect, paged=paged)
        found = asyncio.run(
            workloads.away(there, messages=500, missed=20)
        )  # the last of them on another page
    assert int(str(found["difference_bytes"])) < 20 * 250


def test_a_history_goes_on_where_it_was_and_pages_are_full_but_for_the_last() -> None:
    book = history.Book(paged=True)
    chapters = [*book.write(500, 100), *book.write(20)]
    assert [(chapter.page, chapter.ends[-1]) for chapter in chapters] == [
        (0, 256),
        (1, 500),
        (1, 512),
        (2, 520),
    ]
    kept = history.by_doc(chapters)
    assert [numbers(updates) for updates in kept.values()] == [256, 256, 8]
    assert [chapter.page for chapter in history.Book(paged=False).write(600, 500)] == [0]


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

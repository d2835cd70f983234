"""A change that the server refuses: kept for its author, on nobody's screen, and all else goes on."""

import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from syncchat.core.deltas import Changed, Delta, Removed
from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.grant import Grant, Role
from syncchat.core.ids import format_id
from syncchat.core.messages import Stateless, Status
from syncchat.core.room import Room
from syncchat.hub import Authorize
from syncchat.link import Link
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.crash import CrashLog
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer, believe

PAGE = "lobby/0"
HUGE = "x" * 100_000
"""A text that no room may hold."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Some logs fail on purpose."""
    caplog.set_level(logging.CRITICAL)


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


async def forge(peer: Peer, key: str, text: str, root: str = "messages") -> None:
    """Write a row as no honest client does."""
    (await peer.open(PAGE)).store.table(root).set(key, {"text": text})


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(120):
        for peer in peers:
            await peer.settled()
            await peer.saved()


def test_G14_what_is_refused_is_kept_and_everything_else_goes_through() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            mine = room.post("mine")
            await settle(ann, bob)
            await bob.until(lambda: len(other.timeline) == 1)
            heard: list[Delta] = []
            other.timeline.listen(heard.extend)
            await forge(bob, mine, "forged")
            assert texts(other) == ["forged"]
            other.post("honest")
            other.react(mine, "⭐")
            await bob.until(lambda: bool(bob.refusals))
            await settle(ann, bob)
            await ann.until(lambda: len(room.timeline) == 2)
            assert texts(other) == texts(room) == ["mine", "honest"]
            assert all(message.durable for message in other.timeline)
            assert dict(room.timeline[0].reactions) == {"⭐": ("bob",)}
            [refusal] = bob.refusals
            assert (refusal.rule, refusal.doc, refusal.row) == ("G1", PAGE, ("messages", mine))
            assert refusal.text == "forged"
            assert refusal.reason == "these rows belong to somebody else"
            assert bob.status.problem is None
            assert any(isinstance(delta, Changed | Removed) and delta.row == mine for delta in heard)
            other.post("and later")
            await settle(bob)
            await ann.until(lambda: len(room.timeline) == 3)

    run(main)


def test_G14_what_was_refused_of_many_offline_changes_takes_nothing_else_with_it() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running(), server.peer("ann") as ann, server.peer("bob", MemoryLog(store)) as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            mine, gone = room.post("mine"), other.post("to be deleted")
            await settle(ann, bob)
            await bob.until(lambda: len(other.timeline) == 2)
            bob.go_offline()
            honest = [other.post(f"honest {number}") for number in range(200)]
            await forge(bob, mine, "forged")
            await forge(bob, format_id(5, "eve", 5), "in eve's name")
            await forge(bob, format_id(6, "bob", 6), HUGE)
            await forge(bob, "k", "in no known root", root="nonsense")
            other.delete(gone)
            other.edit(honest[0], "edited")
            await bob.saved()
            bob.go_online()
            await settle(ann, bob)
            await ann.until(lambda: len(room.timeline) == 202)
            assert texts(room) == texts(other)
            assert texts(room)[:3] == ["mine", "", "edited"]
            assert {refusal.rule for refusal in bob.refusals} == {"G1", "G2", "G6"}
            assert {refusal.text for refusal in bob.refusals} >= {"forged", "in eve's name"}
        async with Peer(log=MemoryLog(store), user="bob") as bob:
            assert texts(await bob.enter("lobby")) == texts(room), "the log is what the screen is"
            assert len(bob.refusals) == 4

    run(main)


def test_G14_a_refusal_survives_a_restart_until_it_is_dismissed() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running(), server.peer("bob", MemoryLog(store)) as bob:
            await bob.enter("lobby")
            heard: list[int] = []
            bob.listen_refusals(lambda refusals: heard.append(len(refusals)))
            await forge(bob, format_id(1, "ann", 1), "forged")
            await forge(bob, format_id(2, "ann", 1), "forged, too")
            with anyio.fail_after(60):
                await bob.until(lambda: len(bob.refusals) == 2)
            await settle(bob)
            assert heard[-1] == 2
        async with Peer(log=MemoryLog(store), user="bob") as bob:
            room = await bob.enter("lobby")
            assert texts(room) == []
            assert [refusal.text for refusal in bob.refusals] == ["forged", "forged, too"]
            await bob.dismiss(bob.refusals[0])
            assert [refusal.text for refusal in bob.refusals] == ["forged, too"]
        async with Peer(log=MemoryLog(store), user="bob") as bob:
            await bob.enter("lobby")
            assert [refusal.text for refusal in bob.refusals] == ["forged, too"]

    run(main)


def test_G14_what_is_dismissed_before_it_is_in_the_log_stays_dismissed() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running():
            async with server.peer("bob", CrashLog(store, random.Random(1))) as bob:
                await bob.enter("lobby")
                for number in range(5):
                    await forge(bob, format_id(number + 1, "ann", 1), "forged")
                    with anyio.fail_after(60):
                        await bob.until(lambda: bool(bob.refusals))
                    await bob.dismiss(bob.refusals[0])
                    assert bob.refusals == []
                    await settle(bob)
            async with server.peer("bob", MemoryLog(store)) as bob:
                await bob.enter("lobby")
                await settle(bob)
                assert bob.refusals == []

    run(main)


def test_G14_a_link_that_breaks_while_the_doc_is_built_anew_costs_nothing() -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.peer("ann") as ann, server.peer("bob", MemoryLog(store)) as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            async with server.running():
                mine = room.post("mine")
                await settle(ann, bob)
                await bob.until(lambda: len(other.timeline) == 1)
                server.log.hold("read")
                await forge(bob, mine, "forged")
                await bob.until(lambda: bool(bob.refusals))
                bob.go_offline()
                server.log.release()
            assert texts(other) == [], "what was there before is with the server"
            other.post("written meanwhile")
            await anyio.sleep(10)
            await bob.saved()
            assert not bob.is_settled
        async with Peer(log=MemoryLog(store), user="bob") as bob:
            other = await bob.enter("lobby")
            assert texts(other) == ["written meanwhile"], "hidden after a restart, too"
            assert len(bob.refusals) == 1
        async with server.running(), server.peer("bob", MemoryLog(store)) as bob:
            other = await bob.enter("lobby")
            await settle(bob)
            assert texts(other) == ["mine", "written meanwhile"]
            assert [refusal.text for refusal in bob.refusals] == ["forged"]

    run(main)


@pytest.mark.parametrize("steps", range(30))
def test_G14_D5_a_replica_that_dies_at_any_instant_of_it_loses_nothing(steps: int) -> None:
    async def main() -> None:
        server, store = MemoryServer(), MemoryStore()
        async with server.running():
            async with server.peer("ann") as ann, server.peer("bob", MemoryLog(store)) as bob:
                mine, other = (await ann.enter("lobby")).post("mine"), await bob.enter("lobby")
                await settle(ann, bob)
                await bob.until(lambda: len(other.timeline) == 1)
                bob.go_offline()
                await anyio.sleep(1)
                other.post("honest")
                await forge(bob, mine, "forged")
                await bob.saved()
            log = CrashLog(store, random.Random(steps))

            async def live() -> None:
                async with server.peer("bob", log) as bob:
                    await bob.enter("lobby")
                    await anyio.sleep_forever()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(live)
                await anyio.sleep(steps / 1000)
                log.crash()
                tasks.cancel_scope.cancel()
            async with server.peer("bob", MemoryLog(store)) as bob:
                other = await bob.enter("lobby")
                await settle(bob)
                assert texts(other) == ["mine", "honest"]
                assert [refusal.text for refusal in bob.refusals] == ["forged"]

    run(main)


def test_G14_a_stream_under_way_goes_on_in_the_new_doc() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            await settle(ann, bob)
            bob.go_offline()
            stream = other.stream(agent=False)
            stream.append("one ")
            await forge(bob, format_id(1, "ann", 1), "forged")
            bob.go_online()
            for word in ("two ", "three ", "four"):
                assert stream.append(word)
                await anyio.sleep(0.1)
            await bob.until(lambda: bool(bob.refusals))
            assert stream.append(".")
            await settle(bob)
            await ann.until(lambda: texts(room) == ["one two three four."])
            assert stream.finish()
            await settle(bob, ann)
            await ann.until(lambda: not room.timeline[0].streaming)
            assert texts(room) == texts(other) == ["one two three four."]

    run(main)


def test_G14_a_refused_stream_is_gone_for_its_writer() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("bob") as bob:
            room = await bob.enter("lobby")
            stream = room.stream(agent=False)
            stream.append("begun")
            await settle(bob)
            (await bob.open(PAGE)).store.texts("streams").append(stream.id, HUGE)
            with anyio.fail_after(60):
                await bob.until(lambda: bool(bob.refusals))
                await settle(bob)
            [refusal] = bob.refusals
            assert refusal.text.startswith("begunxxx")
            assert texts(room) == ["begun"], "what the server has of it is still shown"

    run(main)


def test_G14_a_store_goes_on_and_its_other_cells_too() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            theirs = (await ann.open("todo")).store.cells("tasks")
            replica = await bob.open("todo")
            store, mine, doc = replica.store, replica.store.cells("tasks"), replica.doc
            theirs.set_row("milk", {"text": "milk", "done": False})
            await settle(ann, bob)
            await bob.until(lambda: "milk" in mine)
            bob.go_offline()
            await anyio.sleep(1)
            mine.set_cell("milk", "done", True)
            store.table("big").set("row", "x" * (2 << 20))
            theirs.set_cell("milk", "text", "oat milk")
            heard: list[object] = []
            mine.listen(heard.extend)
            bob.go_online()
            await bob.until(lambda: bool(bob.refusals))
            await settle(ann, bob)
            await ann.until(lambda: theirs.get_cell("milk", "done") is True)
            assert mine.get_row("milk") == theirs.get_row("milk") == {"text": "oat milk", "done": True}
            assert replica.store is store
            assert replica.doc is not doc
            assert replica.doc is store.doc
            assert heard
            assert list(store.table("big").rows()) == []
            mine.set_cell("milk", "done", False)
            await settle(bob)
            await ann.until(lambda: theirs.get_cell("milk", "done") is False)

    run(main)


def test_G14_rows_that_nobody_named_are_tried_one_by_one_and_only_the_guilty_are_kept() -> None:
    async def main() -> None:
        server = Mute()
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            await settle(ann, bob)
            bob.go_offline()
            for number in range(20):
                other.post(f"honest {number}")
                if number % 7 == 0:
                    await forge(bob, format_id(number + 1, "eve", 5), f"forged {number}")
            bob.go_online()
            await settle(ann, bob)
            await ann.until(lambda: len(room.timeline) == 20)
            assert texts(room) == texts(other) == [f"honest {number}" for number in range(20)]
            assert sorted(refusal.text for refusal in bob.refusals) == ["forged 0", "forged 14", "forged 7"]
            assert {refusal.rule for refusal in bob.refusals} == {""}

    run(main)


def test_G14_a_server_that_refuses_everything_is_not_asked_for_ever() -> None:
    async def main() -> None:
        server = Mute(refuse_all=True, authorize=lambda token, _: Grant(token, Role.READER))
        async with server.running(), server.peer("bob") as bob:
            other = await bob.enter("lobby")
            for number in range(5):
                other.post(f"honest {number}")
            await bob.until(lambda: len(bob.refusals) == 5)
            sent = bob.status.bytes_out
            await anyio.sleep(60)
            assert bob.status.bytes_out - sent < 1000
            assert texts(other) == []
            assert bob.status.problem is not None
            other.post("kept here")
            await bob.saved()
            assert texts(other) == ["kept here"]

    run(main)


class Mute(MemoryServer):
    """A server that refuses and does not say which rows it means, or refuses whatever is offered."""

    def __init__(self, *, refuse_all: bool = False, authorize: Authorize = believe) -> None:
        super().__init__(authorize=authorize)
        self._refuse_all = refuse_all

    @asynccontextmanager
    async def connect(self, doc: str) -> AsyncIterator[Link]:
        """A link that loses the reasons on its way."""
        async with super().connect(doc) as link:
            yield _MuteLink(link, refuse_all=self._refuse_all)


class _MuteLink:
    def __init__(self, link: Link, *, refuse_all: bool) -> None:
        self._link = link
        self._refuse_all = refuse_all
        self._dialect = HocuspocusDialect()
        self.send = link.send
        self.backlog = link.backlog
        self.drained = link.drained
        self.aclose = link.aclose

    async def receive(self) -> bytes:
        while True:
            data = await self._link.receive()
            frame = self._dialect.decode(data)
            if frame is None or frame.key is None or isinstance(frame.message, Stateless):
                continue
            if isinstance(frame.message, Status) and self._refuse_all:
                return self._dialect.encode(frame.key, Status(False)) or b""
            return data

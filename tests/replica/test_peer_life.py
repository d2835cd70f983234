"""A peer's life: opening, closing, failing logs, cancelling at any instant, and what goes wrong around it."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Message, Status, Step1, Update
from syncchat.errors import InvalidName, LogFailed
from syncchat.link import Link
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.peer import Status as PeerStatus
from syncchat.testing.client import HeldLog
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer
from syncchat.testing.updates import EMPTY_STRUCTS, update

PAGE = "lobby/0"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Some logs fail on purpose."""
    caplog.set_level(logging.CRITICAL)


async def _texts(store: MemoryStore) -> list[str]:
    async with Peer(log=MemoryLog(store), user="ann") as peer:
        return [message.text for message in (await peer.enter("lobby")).timeline]


def _nothing_runs() -> bool:
    return asyncio.all_tasks() == {asyncio.current_task()}


def test_O1_closing_writes_everything_and_leaves_nothing_running() -> None:
    async def main() -> None:
        store, server = MemoryStore(), MemoryServer()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            room = await ann.enter("lobby")
            for number in range(10):
                room.post(f"{number}")
            await ann.leave("lobby")
            assert len(store.rows(PAGE)) >= 1
            room = await ann.enter("lobby")
            room.post("10")
        assert _nothing_runs()
        assert await _texts(store) == [str(number) for number in range(11)]

    run(main)


class Oops(Exception):
    """Something of the embedder's."""


@pytest.mark.parametrize(
    "error", [Oops("body"), KeyError("k"), LogFailed("x"), ExceptionGroup("g", [Oops()])]
)
def test_O1_what_the_block_raises_comes_out_as_it_is_and_the_work_is_kept(error: Exception) -> None:
    async def main() -> None:
        store, server = MemoryStore(), MemoryServer()
        raised: Exception | None = None
        try:
            async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
                (await ann.enter("lobby")).post("kept")
                raise error
        except type(error) as caught:
            raised = caught
        assert raised is error
        assert _nothing_runs()
        assert await _texts(store) == ["kept"]

    run(main)


def test_O1_a_log_that_fails_is_told_and_the_work_is_saved_whole_when_it_can_be() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with Peer(log=MemoryLog(store), user="ann") as ann:
            room = await ann.enter("lobby")
            room.post("before")
            await ann.saved()
            store.failure = "the disk is full"
            for number in range(3):
                room.post(f"meanwhile {number}")
                await anyio.sleep(2)
            assert "the disk is full" in (ann.status.problem or "")
            assert len(room.timeline) == 4
            with anyio.move_on_after(10) as waiting:
                await ann.saved()
            assert waiting.cancelled_caught
            store.failure = None
            with anyio.fail_after(5):
                await ann.saved()
            assert ann.status.problem is None
        assert await _texts(store) == ["before", "meanwhile 0", "meanwhile 1", "meanwhile 2"]

    run(main)


def test_D1_work_that_cannot_be_saved_when_a_peer_is_closed_is_not_lost_in_silence() -> None:
    async def main() -> None:
        store = MemoryStore()

        async def live() -> None:
            async with Peer(log=MemoryLog(store), user="ann") as ann:
                room = await ann.enter("lobby")
                store.failure = "the disk is full"
                room.post("lost")

        with pytest.raises(LogFailed, match=r"lobby/0.*the disk is full"):
            await live()
        store.failure = None
        async with Peer(log=MemoryLog(store), user="ann") as ann:
            (await ann.enter("lobby")).post("lost, too")
            store.failure = "the disk is full"
            with pytest.raises(LogFailed, match="the disk is full"):
                await ann.leave("lobby")
            store.failure = None
        assert _nothing_runs()

    run(main)


def test_D1_work_that_the_server_has_is_not_lost_and_raises_nothing() -> None:
    async def main() -> None:
        store, server = MemoryStore(), MemoryServer()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            room = await ann.enter("lobby")
            store.failure = "the disk is full"
            room.post("on the server")
            with anyio.fail_after(60):
                await ann.settled()
        assert store.rows(PAGE) == []
        assert len(server.store.rows(PAGE)) == 1

    run(main)


async def _cancelled_after(ticks: int, work: Callable[[], Awaitable[object]]) -> bool:
    """Cancel `work` after some turns of the loop; returns whether it was cancelled."""
    async with anyio.create_task_group() as tasks:
        scope = anyio.CancelScope()

        async def doing() -> None:
            with scope:
                await work()

        tasks.start_soon(doing)
        for _ in range(ticks):
            await anyio.lowlevel.checkpoint()
        scope.cancel()
    return scope.cancelled_caught


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("ticks", range(25))
def test_O1_entering_may_be_cancelled_at_any_instant(ticks: int, online: bool) -> None:
    async def main() -> None:
        store, server = MemoryStore(), MemoryServer()
        async with server.running():
            async with (
                server.peer("ann", MemoryLog(store))
                if online
                else Peer(log=MemoryLog(store), user="ann") as ann
            ):
                await _cancelled_after(ticks, lambda: ann.enter("lobby"))
                with anyio.fail_after(60):
                    room = await ann.enter("lobby")
                    room.post("after all")
                    await ann.saved()
                    assert len(store.rows(PAGE)) == 1
                    if online:
                        await ann.settled()
            assert await _texts(store) == ["after all"]
        assert _nothing_runs()

    run(main)


@pytest.mark.parametrize("ticks", range(20))
def test_O1_leaving_may_be_cancelled_at_any_instant_and_loses_nothing(ticks: int) -> None:
    async def main() -> None:
        store = MemoryStore()
        log = HeldLog(store)
        async with Peer(log=log, user="ann") as ann:
            room = await ann.enter("lobby")
            log.hold()
            room.post("kept")
            asyncio.get_running_loop().call_later(1, log.release)
            await _cancelled_after(ticks, lambda: ann.leave("lobby"))
            with anyio.fail_after(60):
                again = await ann.enter("lobby")
                again.post("and more")
                await ann.saved()
        assert _nothing_runs()
        assert await _texts(store) == ["kept", "and more"]

    run(main)


@pytest.mark.parametrize("ticks", range(0, 60, 2))
def test_O1_a_peer_may_be_cancelled_at_any_instant_and_leaves_nothing_running(ticks: int) -> None:
    async def main() -> None:
        store, server = MemoryStore(), MemoryServer()
        posted: list[str] = []

        async def live() -> None:
            async with server.peer("ann", MemoryLog(store)) as ann:
                room = await ann.enter("lobby")
                for number in range(5):
                    posted.append(room.post(f"{number}"))
                    await anyio.lowlevel.checkpoint()

        async with server.running():
            await _cancelled_after(ticks, live)
        assert _nothing_runs()
        assert len(await _texts(store)) == len(posted)

    run(main)


def test_I4_a_client_id_is_used_for_one_opening_of_one_doc() -> None:
    async def main() -> None:
        seen = []
        async with Peer(user="ann") as ann:
            for _ in range(10):
                for name in ("one", "two"):
                    seen.append((await ann.open(name)).doc.client_id)
                    assert (await ann.open(name)).doc.client_id == seen[-1]
                    await ann.close(name)
        assert len(set(seen)) == 20
        assert max(seen) < 2**53

    run(main)


@pytest.mark.parametrize("name", ["../x", "", "x" * 300, "a\n", "٣"])
def test_G7_names_that_cannot_be_are_refused_at_once(name: str) -> None:
    async def main() -> None:
        with pytest.raises(InvalidName):
            Peer(user=name)
        async with Peer(user="ann") as ann:
            for refused in (ann.open, ann.enter):
                with pytest.raises(InvalidName):
                    await refused(name)
        assert _nothing_runs()

    run(main)


def test_O6_an_address_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no server address"):
        Peer(user="ann", server="http://x")
    with pytest.raises(ValueError, match="unknown dialect"):
        Peer(user="ann", dialect="z")


def test_O7_a_listener_that_changes_something_hears_of_that_too() -> None:
    async def main() -> None:
        log = HeldLog()
        heard: list[PeerStatus] = []
        async with Peer(log=log, user="ann") as ann:
            room = await ann.enter("lobby")
            log.hold()  # so that nothing else changes the status

            def hear(status: PeerStatus) -> None:
                heard.append(status)
                if len(heard) == 1:
                    room.post("two")

            subscription = ann.listen(hear)
            room.post("one")
            await anyio.sleep(10)
            assert [status.waiting for status in heard] == [1, 2]
            subscription.cancel()
            room.post("three")
            await anyio.sleep(10)
            assert len(heard) == 2
            log.release()

    run(main)


# Servers that misbehave.


class Rogue:
    """A server that says what it is told to, once to each link."""

    def __init__(self, *says: Message | bytes) -> None:
        self.says = says
        self.links = 0

    @asynccontextmanager
    async def connect(self, _doc: str) -> AsyncIterator[Link]:
        """A link on which everything is already said."""
        self.links += 1
        here, there = memory_pipe()
        for said in self.says:
            there.send(said if isinstance(said, bytes) else HocuspocusDialect().encode("todo", said) or b"")
        yield here


@pytest.mark.parametrize(
    "says",
    [
        b"\xff",
        Status(True),
        Step1(b"\x05"),
        Update(b"\x01\x02\x03"),
        *(Update(update((1, 0, [struct]))) for struct in EMPTY_STRUCTS.values()),
    ],
)
def test_S3_S7_a_server_that_says_what_it_may_not_costs_its_link_and_nothing_else(
    says: Message | bytes,
) -> None:
    async def main() -> None:
        rogue = Rogue(says)
        async with Peer(user="ann", connect=rogue.connect) as ann:
            todo = await ann.open("todo")
            todo.store.table("t").set("row", 1)
            await anyio.sleep(120)
            assert 3 < rogue.links < 40, "tried again, with growing waits"
            assert ann.status.problem is not None
            assert dict(todo.store.table("t").items()) == {"row": 1}
            todo.store.table("t").set("row", 2)
            await ann.saved()

    run(main)


def test_O6_a_server_that_falls_silent_is_given_up() -> None:
    async def main() -> None:
        rogue = Rogue()
        async with Peer(user="ann", connect=rogue.connect) as ann:
            await ann.open("todo")
            await anyio.sleep(300)
            assert 3 < rogue.links < 8
            assert not ann.is_settled

    run(main)


def test_O2_a_connection_that_is_never_made_keeps_nobody_waiting() -> None:
    @asynccontextmanager
    async def never(_doc: str) -> AsyncIterator[Link]:
        await anyio.sleep(math.inf)
        yield memory_pipe()[0]

    async def main() -> None:
        store = MemoryStore()
        async with Peer(log=MemoryLog(store), user="ann", connect=never) as ann:
            room = await ann.enter("lobby")
            entered = anyio.current_time()
            assert entered < 3, "the cover of a room that was never seen here is waited for, but not for long"
            room.post("at once")
            await ann.saved()
            assert anyio.current_time() < entered + 1
            await ann.leave("lobby")
            await ann.enter("lobby")
        assert anyio.current_time() < entered + 1
        assert await _texts(store) == ["at once"]

    run(main)

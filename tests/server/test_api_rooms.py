"""What the HTTP API keeps between requests: callers linger, and everything that is kept is bounded."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
import pytest

from syncchat.agent import BuiltinModel
from syncchat.agent.resident import Part
from syncchat.core.grant import Claims, Role
from syncchat.core.message import Body
from syncchat.core.schema import SERVER
from syncchat.core.update import decode
from syncchat.errors import LogFailed
from syncchat.hub import Hub
from syncchat.log import Beside, MemoryLog
from syncchat.testing import loop
from syncchat_server.agents import BUILT_IN, AgentHost, Cast
from syncchat_server.api import Rooms, docs, poster, rooms
from syncchat_server.api.problems import Problem
from syncchat_server.api.visit import visit
from syncchat_server.auth import OpenAuthority
from syncchat_server.books import Books

ADA = Claims("ada", (("*", Role.WRITER),))


def serving(main: Callable[[Hub, Rooms], Awaitable[None]], log: MemoryLog | None = None) -> None:
    """Run `main` with a hub and its rooms, in virtual time."""

    async def run() -> None:
        kept = log or MemoryLog()
        async with Hub(kept, authorize=OpenAuthority()) as hub, Rooms(hub, kept) as served:
            await main(hub, served)

    loop.run(run)


def test_W1_who_posts_is_in_the_room_for_a_while_and_then_leaves() -> None:
    async def main(hub: Hub, served: Rooms) -> None:
        await served.post(ADA, "lobby", Body("hello"), None)
        assert served.people() == {"lobby": {"ada"}}
        await anyio.sleep(rooms.LINGER * 0.9)
        assert served.people() == {"lobby": {"ada"}}
        await anyio.sleep(rooms.LINGER)
        assert served.people() == {}
        assert hub.links == 0

    serving(main)


def test_W1_reading_a_room_is_no_reason_for_the_agent_to_come() -> None:
    async def main(hub: Hub, served: Rooms) -> None:
        await served.post(ADA, "lobby", Body("hello"), None)
        await anyio.sleep(2 * rooms.LINGER)
        seen: set[str] = set()
        hub.turns.listen(lambda _: seen.update(*hub.occupants().values()))
        async with anyio.create_task_group() as tasks:
            cast = Cast([Part(BUILT_IN, BuiltinModel(), BuiltinModel())], Books())
            tasks.start_soon(AgentHost(hub, cast).run)
            async with visit(hub, docs.READER, "lobby/0"):
                await anyio.sleep(1)
            assert seen == {SERVER}
            await served.post(ADA, "lobby", Body("hello again"), None)
            await anyio.sleep(1)
            assert seen == {SERVER, "ada", BUILT_IN.user}
            tasks.cancel_scope.cancel()

    serving(main)


def test_W1_a_client_id_serves_many_messages_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster, "MAX_POSTS", 5)

    async def main(_hub: Hub, served: Rooms) -> None:
        for number in range(12):
            await served.post(ADA, "lobby", Body(f"number {number}"), None)
        page = await served.history.read("lobby", None, 50)
        assert [message["text"] for message in page.messages] == [f"number {number}" for number in range(12)]
        entries = await log.read("lobby/0")
        assert len({client for entry in entries for client in decode(entry.data).structs}) == 3

    log = MemoryLog()
    serving(main, log)


def test_W4_past_the_bound_the_longest_unused_caller_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MAX_POSTERS", 2)

    async def main(_hub: Hub, served: Rooms) -> None:
        for room in ("one", "two", "one", "three"):
            await served.post(ADA, room, Body("hello"), None)
        await anyio.sleep(0.1)
        assert served.people().keys() == {"one", "three"}

    serving(main)


class FailingLog(MemoryLog):
    """A log whose disk is full for a while."""

    full = False

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        if self.full:
            raise LogFailed("the disk is full")
        return await super().append(doc, updates, beside=beside)


def test_W1_D3_what_could_not_be_stored_is_not_acknowledged_and_can_be_sent_again() -> None:
    log = FailingLog()

    async def main(_hub: Hub, served: Rooms) -> None:
        await served.post(ADA, "lobby", Body("first"), None)
        log.full = True
        with pytest.raises(Problem) as raised:
            await served.post(ADA, "lobby", Body("second"), "key")
        assert (raised.value.status, raised.value.retry) == (503, 1)
        log.full = False
        message, is_new = await served.post(ADA, "lobby", Body("second"), "key")
        assert (message["text"], is_new) == ("second", True)
        page = await served.history.read("lobby", None, 50)
        assert [message["text"] for message in page.messages] == ["first", "second"]

    serving(main, log)

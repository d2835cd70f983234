"""Catch me up over HTTP: told to who asks, from where that one has read, and on that one's account (A26)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from syncchat.agent import BuiltinModel, Model, ModelFailed
from syncchat.agent.budget import Budget
from syncchat.agent.catch_up import MAX_MESSAGES
from syncchat.agent.notebook import Notebook
from syncchat.core.grant import Claims, Role
from syncchat.core.message import Body
from syncchat.hub import Hub
from syncchat.log import MemoryLog
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.loop import run
from syncchat.testing.program import Daemon
from syncchat.testing.scripted_model import ScriptedModel
from syncchat_server.api import Rooms
from syncchat_server.api.asking import Since
from syncchat_server.api.catching_up import Teller
from syncchat_server.api.problems import Problem
from syncchat_server.auth import OpenAuthority
from tests.server.test_api import Api

ADA = Claims("ada", (("lobby", Role.WRITER),))
BOB = Claims("bob", (("*", Role.WRITER),))
PATH = "/api/v1/rooms/lobby/catch-up"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with an agent."""
    with Daemon(tmp_path / "daemon") as daemon:
        yield daemon


def test_A26_W3_what_was_missed_is_told_with_its_messages_and_authors(daemon: Daemon) -> None:
    ada, bob = Api(daemon), Api(daemon, "bob")
    first = bob.post("the ferry leaves at nine").json()["id"]
    second = bob.post("@ada do you bring the tickets?").json()["id"]
    told = ada.ask("POST", PATH).json()
    assert (told["since"], told["first"], told["last"], told["left_out"]) == (None, first, second, 0)
    assert told["points"][-1] == {
        "text": "@ada do you bring the tickets?",
        "users": ["bob"],
        "messages": [second],
    }
    later = ada.ask("POST", PATH, json={"since": first}).json()
    assert (later["since"], later["messages"], len(later["points"])) == (first, 1, 1)
    assert ada.texts() == ["the ferry leaves at nine", "@ada do you bring the tickets?"]


@pytest.mark.parametrize(
    "body", ['{"since": "yesterday"}', '{"from": 1}', "[]", "no json", '{"since": null}']
)
def test_A26_W4_a_request_that_cannot_be_meant_is_told(daemon: Daemon, body: str) -> None:
    ada = Api(daemon)
    ada.post("hello")
    assert ada.ask("POST", PATH, content=body).status_code == 422


def test_A26_U2_of_a_room_that_one_may_not_read_nothing_is_told(daemon: Daemon) -> None:
    assert Api(daemon).ask("POST", "/api/v1/rooms/nowhere/catch-up").status_code == 404


class House:
    """A room with messages, and one who tells what was missed in it."""

    def __init__(self, hub: Hub, rooms: Rooms, notebook: Notebook, model: Model) -> None:
        self.hub = hub
        self.rooms = rooms
        self.notebook = notebook
        self.teller = Teller(rooms, model, lambda: notebook)

    async def post(self, *texts: str) -> list[str]:
        posted = [await self.rooms.post(BOB, "lobby", Body(text), None) for text in texts]
        return [str(message["id"]) for message, _ in posted]

    async def spent(self) -> dict[str | None, int]:
        """How many calls were charged to whom."""
        books = [await self.notebook.book(day) for day in await self.notebook.days()]
        return {payer.user: spend.calls for book in books for payer, spend in book.cells.items()}


def living(model: Model, play: Callable[[House], Awaitable[None]], budget: Budget | None = None) -> None:
    """Play in a house, in virtual time."""

    async def main() -> None:
        log = MemoryLog()
        async with (
            Hub(log, authorize=OpenAuthority()) as hub,
            Rooms(hub, log) as rooms,
            Notebook.open(None, budget) as notebook,
        ):
            await play(House(hub, rooms, notebook, model))

    run(main)


def test_A26_A23_it_is_charged_to_who_asks_and_within_the_budget() -> None:
    async def play(house: House) -> None:
        (id,) = await house.post("hello")
        told = await house.teller.tell(ADA, "lobby", None)
        assert told["points"] == [{"text": "bob greets", "users": ("bob",), "messages": (id,)}]
        assert await house.spent() == {"ada": 1}
        with pytest.raises(Problem) as caught:
            await house.teller.tell(ADA, "lobby", None)
        assert caught.value.status == 429
        assert caught.value.content["limit"] == "calls_per_user"
        assert await house.spent() == {"ada": 1}

    living(ScriptedModel(["bob greets [m1]"]), play, Budget(calls_per_user=1))


def test_A26_it_begins_after_what_the_caller_has_read() -> None:
    async def play(house: House) -> None:
        old, new = await house.post("old news", "new news")
        await house.rooms.mark_read(ADA, "lobby", old)
        await anyio.sleep(60)
        told = await house.teller.tell(ADA, "lobby", None)
        assert (told["since"], told["first"], told["last"]) == (old, new, new)

    living(ScriptedModel(["news [m1]"]), play)


@asynccontextmanager
async def away(house: House, user: str) -> AsyncIterator[PagedRoom]:
    """The room of somebody who wrote offline, before others did, and comes back at the end of the block."""
    claims = Claims(user, (("*", Role.WRITER),))
    async with Peer(user=user, connect=partial(house.hub.connect, grant=claims)) as peer:
        room = await peer.enter("lobby")
        await peer.settled()
        peer.go_offline()
        await anyio.sleep(1)
        yield room
        peer.go_online()
        await peer.settled()
        await anyio.sleep(60)


def test_A26_H6_what_came_late_to_an_older_page_is_told_to_who_had_read_further() -> None:
    async def play(house: House) -> None:
        await house.post("hello")
        async with away(house, "cyd") as room:
            late = [room.post("late, one"), room.post("late, two")]
            await anyio.sleep(60)
            *_, read = await house.post(*(f"number {n}" for n in range(300)))
            await house.rooms.mark_read(ADA, "lobby", read)
            await anyio.sleep(60)
        for since in (None, read):
            told = await house.teller.tell(ADA, "lobby", None if since is None else Since(since))
            assert (told["since"], told["messages"], told["late"]) == (read, 2, 0)
            assert [told["first"], told["last"]] == late
            assert told["points"] == [{"text": "late", "users": ("cyd",), "messages": (late[0],)}]
        (new,) = await house.post("news")
        told = await house.teller.tell(ADA, "lobby", None)
        assert (told["messages"], told["first"], told["last"]) == (3, late[0], new)
        await house.rooms.mark_read(ADA, "lobby", new)
        await anyio.sleep(60)
        assert (await house.teller.tell(ADA, "lobby", None))["messages"] == 0, "they were read"

    living(ScriptedModel(["late [m1]"]), play)


def test_A26_H6_what_came_late_to_the_page_that_one_was_reading_is_told() -> None:
    async def play(house: House) -> None:
        await house.post("hello")
        async with away(house, "cyd") as room:
            late = [room.post("late, one"), room.post("late, two")]
            await anyio.sleep(60)
            *_, read = await house.post("one", "two")
            await house.rooms.mark_read(ADA, "lobby", read)
            await anyio.sleep(60)
            seen = (await house.rooms.describe(ADA, "lobby", Role.WRITER))["seen"]
            assert seen == 3
        (new,) = await house.post("news")
        for since in (None, Since(read), Since(read, 3)):
            told = await house.teller.tell(ADA, "lobby", since)
            assert (told["since"], told["messages"], told["late"]) == (read, 3, 0)
            assert (told["first"], told["last"]) == (late[0], new)
            assert told["points"] == [{"text": "late", "users": ("cyd",), "messages": (late[0],)}]
        assert (await house.teller.tell(ADA, "lobby", Since(read, 5)))["messages"] == 1, "only the news"

    living(ScriptedModel(["late [m1]"]), play)


def test_A26_H6_what_came_late_and_was_read_is_not_told_with_what_comes_late_after_it() -> None:
    async def play(house: House) -> None:
        await house.post("hello")
        async with away(house, "cyd") as first:
            later = first.post("late, and later")
            async with away(house, "dan") as second:
                second.post("late")
                await anyio.sleep(60)
                *_, read = await house.post("one", "two")
                await house.rooms.mark_read(ADA, "lobby", read)
                await anyio.sleep(60)
            await house.rooms.mark_read(ADA, "lobby", read)
            await anyio.sleep(60)
        assert (await house.rooms.describe(ADA, "lobby", Role.WRITER))["unread"] == 1
        told = await house.teller.tell(ADA, "lobby", None)
        assert (told["messages"], told["first"], told["late"]) == (1, later, 0)

    living(ScriptedModel(["late [m1]"]), play)


def test_A26_of_many_pages_the_newest_messages_are_looked_at_and_it_says_how_many_were_not() -> None:
    async def play(house: House) -> None:
        ids = await house.post(*(f"number {n}" for n in range(MAX_MESSAGES + 70)))
        told = await house.teller.tell(ADA, "lobby", None)
        assert (told["messages"], told["left_out"], told["last"]) == (len(ids), 70, ids[-1])
        assert told["first"] == ids[70]

    living(ScriptedModel(["much [m1]"]), play)


def test_A26_what_is_deleted_while_the_model_thinks_is_not_told() -> None:
    wait = anyio.Event()

    async def play(house: House) -> None:
        async with Peer(user="bob", connect=partial(house.hub.connect, grant=BOB)) as peer:
            room = await peer.enter("lobby")
            secret = room.post("my PIN is 1234")
            await peer.settled()

            async def delete() -> None:
                await anyio.wait_all_tasks_blocked()
                room.delete(secret)
                await peer.settled()
                wait.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(delete)
                assert (await house.teller.tell(ADA, "lobby", None))["points"] == []

    living(ScriptedModel([wait, "bob told his PIN [m1]"]), play)


def test_A26_L2_each_caller_is_told_one_thing_at_a_time() -> None:
    wait = anyio.Event()

    async def play(house: House) -> None:
        await house.post("hello")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.teller.tell, ADA, "lobby", None)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Problem) as caught:
                await house.teller.tell(ADA, "lobby", None)
            assert caught.value.status == 503
            wait.set()

    living(ScriptedModel([wait, "hi [m1]"]), play)


@pytest.mark.parametrize("model", [ScriptedModel([ModelFailed("the model's server answered 500")])])
def test_A26_a_model_that_fails_is_no_summary(model: Model) -> None:
    async def play(house: House) -> None:
        await house.post("hello")
        with pytest.raises(Problem, match="answered 500") as caught:
            await house.teller.tell(ADA, "lobby", None)
        assert caught.value.status == 503

    living(model, play)


def test_A26_where_no_agent_runs_nobody_can_tell_it() -> None:
    async def play(house: House) -> None:
        await house.post("hello")
        with pytest.raises(Problem) as caught:
            await Teller(house.rooms, BuiltinModel(), lambda: None).tell(ADA, "lobby", None)
        assert caught.value.content["code"] == "no_agent"

    living(BuiltinModel(), play)

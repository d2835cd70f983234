"""What agents decided and spent is told over HTTP: one's own to everybody, a room's to its moderators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from syncchat.agent.budget import Budget, Spend, day_of
from syncchat.agent.ledger import Entry
from syncchat.agent.notebook import Notebook
from syncchat.agent.prices import BUILTIN, Price, Prices
from syncchat.core.grant import Role
from syncchat.hub import Hub
from syncchat.journal import Journals
from syncchat.log import MemoryLog, MemoryStore
from syncchat_server.api import Rooms, api_routes
from syncchat_server.auth import make_authority
from syncchat_server.books import Books
from syncchat_server.handshake import Origins
from syncchat_server.issuing import make_secret
from syncchat_server.limits import DaemonLimits
from syncchat_server.settings import Settings
from tests.server.letting import token
from tests.server.test_api import check

NOON = 20_000 * 86_400_000 + 12 * 3_600_000
DAY = day_of(NOON)
USAGE = f"/api/v1/usage?day={DAY}"
UNKNOWN = "01m7yjf33h.ada.sabr24pa"
PRICES = Prices("EUR", {"large": Price(Decimal("0.5"), Decimal(2))})

pytestmark = pytest.mark.anyio


class World:
    """A hub, its API, and one agent whose notebook is written by the test."""

    def __init__(
        self, folder: Path, client: httpx2.AsyncClient, notebook: Notebook, store: MemoryStore
    ) -> None:
        self.notebook = notebook
        self.disk = store
        self._folder = folder
        self._client = client

    async def get(self, path: str, user: str = "ada", role: Role = Role.WRITER, room: str = "lobby") -> Any:
        """What the user with that role in `room` is answered, held against the document."""
        answer = await self._ask("GET", path, token(self._folder, user, {room: role}))
        return answer.json() | {"status": answer.status_code}

    async def post(self, room: str = "lobby") -> str:
        """Have bob post in a room, which thus is one; returns the message's id."""
        said = token(self._folder, "bob", {room: Role.WRITER})
        answer = await self._ask("POST", f"/api/v1/rooms/{room}/messages", said, json={"text": "hi"})
        id: str = answer.json()["id"]
        return id

    async def _ask(self, method: str, path: str, said: str, **more: Any) -> httpx2.Response:
        answer = await self._client.request(method, path, headers={"authorization": f"Bearer {said}"}, **more)
        check(answer, method)
        return answer


@asynccontextmanager
async def world(folder: Path, budget: Budget | None = None) -> AsyncIterator[World]:
    make_secret(folder)
    authority = make_authority(Settings("127.0.0.1", 0, folder))
    store, log, books = MemoryStore(), MemoryLog(), Books(PRICES, budget)
    hub = Hub(log, authorize=authority)
    async with hub, Rooms(hub, log) as rooms, MemoryLog(store) as own:
        notebook = Notebook(Journals(own), books.budget_of(Budget()))
        app = Starlette(routes=api_routes(rooms, authority, Origins(), DaemonLimits(), books))
        transport = httpx2.ASGITransport(app=app)
        with books.keeping("pixel", notebook):
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield World(folder, client, notebook, store)


async def spend(notebook: Notebook) -> None:
    """A day of two users in two rooms."""
    await notebook.charge("ada", "lobby", NOON, Spend(2, 1_000_000, 500_000), model="large")
    await notebook.charge("bob", "lobby", NOON, Spend(1, 10, 20), model="odd")
    await notebook.charge(None, "lobby", NOON, Spend(1, 30, 40), model=BUILTIN)
    await notebook.charge("bob", "attic", NOON, Spend(3, 1, 1), model="large")
    await notebook.charge("bob", "lobby", NOON + 86_400_000, Spend(9, 9, 9), model="large")


def rows(answer: Any) -> list[tuple[Any, ...]]:
    names = ("agent", "user", "room", "model", "calls", "tokens_in", "tokens_out", "money")
    return [tuple(row[name] for name in names) for row in answer["spent"]]


async def test_A23_W1_everybody_is_told_what_was_spent_for_oneself_and_what_that_costs(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as there:
        await spend(there.notebook)
        answer = await there.get(USAGE)
        assert rows(answer) == [("pixel", "ada", "lobby", "large", 2, 1_000_000, 500_000, "1.5")]
        assert (answer["day"], answer["currency"]) == (DAY, "EUR")
        assert rows(await there.get(USAGE, "eve")) == []


async def test_A23_W1_a_moderator_is_told_everything_of_that_room_and_nothing_of_another(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as there:
        await spend(there.notebook)
        assert rows(await there.get(USAGE, "eve", Role.MODERATOR)) == [
            ("pixel", None, "lobby", BUILTIN, 1, 30, 40, "0"),
            ("pixel", "ada", "lobby", "large", 2, 1_000_000, 500_000, "1.5"),
            ("pixel", "bob", "lobby", "odd", 1, 10, 20, None),
        ]
        assert len(rows(await there.get(USAGE, "eve", Role.MODERATOR, room="*"))) == 4


async def test_A23_W1_of_a_day_that_is_none_the_caller_is_told_and_of_one_without_calls_nothing(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, Budget(calls=7)) as there:
        assert rows(await there.get("/api/v1/usage?day=1999-01-01")) == []
        assert (await there.get("/api/v1/usage?day=yesterday"))["status"] == 422
        answer = await there.get("/api/v1/usage")
        assert len(answer["day"]) == 10
        assert answer["budgets"]["pixel"]["calls"] == 7
        assert answer["budgets"]["pixel"]["tokens_per_user"] is None


async def test_A22_W1_who_may_read_the_room_is_told_why_and_nobody_else(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        id = await there.post()
        entry = Entry("lobby", id, NOON, "wait", "A11", {"until": 5})
        await there.notebook.record(entry)
        await there.notebook.record(
            Entry("lobby", id, NOON + 1, "quiet", "A2", cost=Spend(1, 50, 6), problem="slow")
        )
        path = f"/api/v1/rooms/lobby/why/{id}"
        [told] = (await there.get(path, "eve", Role.READER))["decisions"]
        assert (told["agent"], told["decision"], told["rule"], told["problem"]) == (
            "pixel",
            "quiet",
            "A2",
            "slow",
        )
        assert told["cost"] == {"calls": 1, "tokens_in": 50, "tokens_out": 6}
        assert told["before"] == [[NOON, "wait", "A11"]]
        forbidden = await there.get(path, "eve", room="attic")
        assert (forbidden["status"], forbidden["code"]) == (404, "no_room")
        unknown = await there.get(f"/api/v1/rooms/lobby/why/{UNKNOWN}")
        assert (unknown["status"], unknown["code"]) == (404, "no_decision")


async def test_A22_W4_a_notebook_that_cannot_be_read_is_told_as_a_problem(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        id = await there.post()
        there.disk.add(1, [("#decided/lobby", b"damaged"), (f"#spent/{DAY}", b"damaged")])
        assert (await there.get(f"/api/v1/rooms/lobby/why/{id}"))["status"] == 503
        assert (await there.get(USAGE))["status"] == 503


async def test_A23_an_agent_with_a_budget_of_its_own_keeps_it() -> None:
    books = Books(budget=Budget(calls=7))
    assert books.budget_of(Budget()) == Budget(calls=7)
    assert books.budget_of(Budget(tokens=3)) == Budget(tokens=3)

"""Somebody who has nothing but HTTP, of a daemon whose agent asks a model server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2

from syncchat.testing.model_server import Behaviour, ModelServer, model_server
from syncchat.testing.program import PATIENCE, Daemon
from tests.server.test_api import check

Json = dict[str, Any]


class Caller:
    """Somebody who has nothing but HTTP."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str = "") -> Json:
        """What the daemon tells of the room."""
        told: Json = (await self._client.get(f"/api/v1/rooms/lobby{path}")).json()
        return told

    async def post(self, text: str) -> str:
        """Post a message; returns its id."""
        answer = await self._client.post("/api/v1/rooms/lobby/messages", json={"text": text})
        assert answer.status_code == 201
        return str(answer.json()["id"])

    async def ask(self, verb: str, id: str) -> int:
        """Ask agents for something; returns the status of what is answered, which is as the document says."""
        body = {"verb": verb, "id": id}
        answer = await self._client.post("/api/v1/rooms/lobby/ask", json=body)
        check(answer, "POST")
        return answer.status_code

    async def answers(self) -> list[Json]:
        """What the agent wrote, on the newest pages."""
        messages = (await self.get("/messages"))["messages"]
        return [message for message in messages if message["user"] == "agent"]

    async def answer(self, shows: Callable[[Json], object], seconds: float = PATIENCE) -> Json:
        """The one answer, as soon as it is so."""
        found: list[Json] = []

        async def look() -> bool:
            found[:] = await self.answers()
            return len(found) == 1 and bool(shows(found[0]))

        await until(look, seconds)
        return found[0]

    async def is_alone(self) -> bool:
        """Whether nobody is in the room."""
        return not (await self.get())["users"]


async def until(look: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Return when it is so; raises TimeoutError."""
    with anyio.fail_after(seconds):
        while not await look():  # noqa: ASYNC110 - it is another process that makes it so
            await anyio.sleep(0.05)


@asynccontextmanager
async def scene(tmp_path: Path, *behaviours: Behaviour) -> AsyncIterator[tuple[Caller, Daemon, ModelServer]]:
    """A caller of a daemon whose agent asks a model server."""
    async with model_server(lambda call: behaviours[min(call, len(behaviours) - 1)]) as server:
        model = ("--base-url", server.base_url, "--model", "any")
        with Daemon(tmp_path / "daemon", "--agent", *model) as daemon:
            url, headers = daemon.address.replace("ws:", "http:"), {"authorization": "Bearer ada"}
            async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE) as client:
                yield Caller(client), daemon, server

"""What becomes of an agent's answers in a daemon when nobody is in the room, over kill -9 too."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest

from syncchat.peer import Peer
from syncchat.testing.model_server import Behaviour, ModelServer, model_server
from syncchat.testing.program import PATIENCE, Daemon

pytestmark = pytest.mark.anyio

LIMIT = 10.0
"""Seconds after which nothing of a killed process may be streaming (A19)."""

STALLING = Behaviour(tokens=["word "] * 20, stall_after=5)

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

    async def answer(self, shows: Callable[[Json], object], seconds: float = PATIENCE) -> Json:
        """The one answer, as soon as it is so."""
        found: list[Json] = []

        async def look() -> bool:
            messages = (await self.get("/messages"))["messages"]
            found[:] = [message for message in messages if message["user"] == "agent"]
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


async def test_A19_kill_9_of_the_daemon_in_mid_stream_leaves_nothing_streaming_though_nobody_is_there(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, STALLING) as (caller, daemon, server):
        asked = await caller.post("@agent count, please")
        await caller.answer(lambda answer: "word word" in answer["text"])
        await anyio.to_thread.run_sync(daemon.restart)
        answer = await caller.answer(lambda answer: not answer["streaming"], LIMIT)
        assert (answer["state"], answer["re"]) == ("interrupted", asked)
        assert answer["text"].startswith("word word")
        await until(caller.is_alone)
        assert len(server.calls) == 1


async def test_A19_what_a_killed_daemon_had_not_begun_is_answered_though_nobody_is_there(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, Behaviour(stall_after=0), Behaviour()) as (caller, daemon, server):
        asked = await caller.post("@agent hello?")

        async def is_called() -> bool:
            return bool(server.calls)

        await until(is_called)
        await anyio.to_thread.run_sync(daemon.restart)
        answer = await caller.answer(lambda answer: not answer["streaming"])
        assert (answer["text"], answer["state"], answer["re"]) == ("Hello there", None, asked)
        await until(caller.is_alone)


async def test_A19_an_answer_on_a_page_that_was_turned_long_ago_is_finished_as_well(tmp_path: Path) -> None:
    async with scene(tmp_path, STALLING) as (caller, daemon, _):
        await caller.post("@agent count, please")
        answer = await caller.answer(lambda answer: "word word" in answer["text"])
        async with Peer(user="bob", server=daemon.address) as bob:
            room = await bob.enter("lobby")
            with anyio.fail_after(2 * PATIENCE):
                while room.newest < 4:
                    for number in range(50):
                        room.post(f"message {number}")
                    await bob.settled()
        await anyio.to_thread.run_sync(daemon.restart)

        async def is_finished() -> bool:
            told = await caller.get(f"/messages/{answer['id']}")
            return (told["streaming"], told["state"]) == (False, "interrupted")

        await until(is_finished, LIMIT)

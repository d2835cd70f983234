"""An agent that looks things up, the whole way: from a question to a citation that leads there (A25)."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from syncchat.peer import Peer
from syncchat.search.remote import search_served
from syncchat.testing.model_server import Behaviour, model_server
from syncchat_server.child import Child, running
from tests.server.test_agents import PATIENCE, agent_of_its_own, persona

FERRY = "The ferry leaves at nine."
PERSONA = """
user = "librarian"
base_url = "{url}"
model = "any"
tools = ["search", "page"]
"""


def call(name: str, **arguments: object) -> Behaviour:
    function = {"name": name, "arguments": json.dumps(arguments)}
    part = {"index": 0, "id": "call_1", "type": "function", "function": function}
    return Behaviour(tokens=(), tool_calls=[part], finish_reason="tool_calls")


def cite(request: Mapping[str, Any]) -> Iterator[str]:
    """What a model says that has found the message about the ferry."""
    rows = [json.loads(line) for line in request["messages"][-1]["content"].splitlines()]
    found = [row["id"] for row in rows if row.get("found") and row["text"] == FERRY]
    yield f"At nine {found}.".replace("'", "")


async def look_up(address: str, *behaviours: Behaviour) -> None:
    """Ask for something that was said long ago; the answer cites where it was said."""
    async with Peer(user="ada", server=address) as peer:
        room = await peer.enter("lobby")
        with anyio.fail_after(PATIENCE):
            await peer.until(lambda: any(person.user == "librarian" for person in room.people))
            ferry, *_ = (room.post(text) for text in (FERRY, *(f"number {n}" for n in range(30))))
            await peer.settled()
            while not (await search_served(address, "ada", "ferry")).found.hits:  # noqa: ASYNC110 - no event tells
                await anyio.sleep(0.1)
            id = room.post("@librarian when does the ferry leave?")
            await peer.until(lambda: any(m.re == id and not m.streaming for m in room.timeline))
        (answer,) = (message for message in room.timeline if message.re == id)
    assert answer.text.startswith("At nine [m")
    assert [cited for _, cited in answer.cites] == [ferry]
    assert [shown["state"] for shown in answer.calls] == ["done"] * (len(behaviours) - 1)


@pytest.mark.anyio
async def test_A25_in_the_daemon_it_finds_what_was_said_and_cites_it(tmp_path: Path) -> None:
    behaviours = (call("search", words="ferry leaves"), Behaviour(says=cite))
    async with model_server(behaviours.__getitem__) as server:
        folder = persona(tmp_path / "cast", PERSONA.format(url=server.base_url)).parent
        start = partial(Child, tmp_path / "server", agent=False, options=("--agents", str(folder)))
        with running(start) as daemon:
            await look_up(daemon.address, *behaviours)


@pytest.mark.anyio
async def test_A25_A5_on_its_own_it_finds_and_reads_what_was_said_and_cites_it(tmp_path: Path) -> None:
    behaviours = (
        call("search", words="ferry"),
        call("page", before="m1", limit=50),
        Behaviour(says=cite),
    )
    async with model_server(behaviours.__getitem__) as server:
        file = persona(tmp_path / "cast", PERSONA.format(url=server.base_url))
        with (
            running(partial(Child, tmp_path / "server", agent=False)) as daemon,
            agent_of_its_own(daemon.address, tmp_path / "agent", "--persona", str(file)),
        ):
            await look_up(daemon.address, *behaviours)

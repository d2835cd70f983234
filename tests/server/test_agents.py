"""The agent in the daemon's process and on its own: the same code, the same answers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from syncchat.peer import Peer
from syncchat_server.child import Child, running

PATIENCE = 30


@contextmanager
def agent_of_its_own(address: str, data: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "syncchat", "agent", "--server", address, "--room", "lobby"]
    process = subprocess.Popen([*command, "--data", str(data)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "takes part in lobby" in process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


async def ask(address: str, question: str) -> str:
    """Post a question when the agent is there; returns its finished answer."""
    async with Peer(user="ada", server=address) as peer:
        room = await peer.enter("lobby")
        with anyio.fail_after(PATIENCE):
            await peer.until(lambda: any(person.state.get("agent") for person in room.people))
            id = room.post(question)
            await peer.until(lambda: any(m.agent and not m.streaming and m.re == id for m in room.timeline))
    return next(message.text for message in room.timeline if message.re == id)


@pytest.mark.anyio
async def test_A5_A3_it_answers_from_the_daemons_process(tmp_path: Path) -> None:
    with running(partial(Child, tmp_path / "server", agent=True)) as daemon:
        assert "= 42" in await ask(daemon.address, "@agent what is 6*7?")


@pytest.mark.anyio
async def test_A5_A3_it_answers_on_its_own_over_a_websocket(tmp_path: Path) -> None:
    with (
        running(partial(Child, tmp_path / "server", agent=False)) as daemon,
        agent_of_its_own(daemon.address, tmp_path / "agent"),
    ):
        assert "= 42" in await ask(daemon.address, "@agent what is 6*7?")


@pytest.mark.anyio
async def test_A3_S9_it_comes_with_the_first_guest_and_leaves_with_the_last(tmp_path: Path) -> None:
    with running(partial(Child, tmp_path / "server", agent=True)) as daemon:
        for question in ("@agent what is 6*7?", "@agent what is 40+2?"):
            assert "= 42" in await ask(daemon.address, question)

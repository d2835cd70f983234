"""Agents in processes of their own, killed with -9, and a real client of a real model's API."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from syncchat.agent.openai_model import OpenAIModel
from syncchat.core.message import Message
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.agent_world import World, running, until
from syncchat.testing.model_server import Behaviour, ModelServer, model_server
from syncchat.testing.program import PATIENCE, Daemon, Program, syncchat

pytestmark = pytest.mark.anyio

LIMIT = 10.0
"""Seconds after which nothing of a killed process may be streaming (A19), once there is a successor."""

STALLING = Behaviour(tokens=["word "] * 20, stall_after=5)


class Ada:
    """A person in the room, with a replica of her own."""

    def __init__(self, peer: Peer, room: PagedRoom) -> None:
        self.peer = peer
        self.room = room

    @property
    def answers(self) -> list[Message]:
        """What the agent wrote."""
        return [message for message in self.room.timeline if message.user == "agent"]

    @property
    def states(self) -> list[str]:
        """What the processes of the agent show."""
        return [str(person.state.get("state")) for person in self.room.people if person.user == "agent"]

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for something to be seen; raises TimeoutError."""
        with anyio.fail_after(seconds):
            await self.peer.until(lambda: bool(condition()))


@asynccontextmanager
async def scene(
    tmp_path: Path, behaviours: list[Behaviour]
) -> AsyncIterator[tuple[Ada, ModelServer, Daemon]]:
    """A daemon, a model server and ada in the room."""
    async with model_server(lambda call: behaviours[min(call, len(behaviours) - 1)]) as server:
        with Daemon(tmp_path / "daemon", "--no-agent") as daemon:
            async with Peer(user="ada", server=daemon.address) as peer:
                yield Ada(peer, await peer.enter("lobby")), server, daemon


def agent_of(folder: Path, server: ModelServer, daemon: Daemon) -> Program:
    """A process `syncchat agent` with its data in `folder`."""
    folder.mkdir(exist_ok=True)
    options = ["--server", daemon.address, "--room", "lobby", "--data", folder]
    model = ["--base-url", server.base_url, "--model", "any"]
    return Program(syncchat("agent", *options, *model), folder / "stderr")


async def takes_part(agent: Program) -> None:
    """Return when it says that it does."""
    assert "takes part" in await anyio.to_thread.run_sync(agent.line)


async def test_A19_kill_9_in_mid_stream_leaves_nothing_streaming_when_it_is_started_again(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, [STALLING]) as (ada, server, daemon):
        with agent_of(tmp_path / "agent", server, daemon) as agent:
            await takes_part(agent)
            asked = ada.room.post("@agent count, please")
            await ada.until(lambda: any("word word" in message.text for message in ada.answers))
            await anyio.to_thread.run_sync(agent.kill)
        with agent_of(tmp_path / "agent", server, daemon) as agent:
            await takes_part(agent)
            await ada.until(lambda: not any(message.streaming for message in ada.answers), LIMIT)
            [answer] = ada.answers
            assert (answer.state, answer.re) == ("interrupted", asked)
            assert answer.text.startswith("word word")
            calls = len(server.calls)
        assert calls == 1


async def test_A19_kill_9_of_an_agent_whose_answer_is_on_an_old_page_when_it_is_started_again(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, [STALLING]) as (ada, server, daemon):
        with agent_of(tmp_path / "agent", server, daemon) as agent:
            await takes_part(agent)
            ada.room.post("@agent count, please")
            await ada.until(lambda: any("word word" in message.text for message in ada.answers))
            [answer] = ada.answers
            await anyio.to_thread.run_sync(agent.kill)
        while ada.room.newest < 4:
            for number in range(50):
                ada.room.post(f"message {number}")
            with anyio.fail_after(PATIENCE):
                await ada.peer.settled()
        with agent_of(tmp_path / "agent", server, daemon) as agent:
            await takes_part(agent)
            assert await ada.room.show(answer.id, 0)
            await ada.until(lambda: not any(message.streaming for message in ada.answers), LIMIT)
            assert [message.state for message in ada.answers] == ["interrupted"]


async def test_A19_told_to_end_it_finishes_what_it_was_writing(tmp_path: Path) -> None:
    async with scene(tmp_path, [STALLING]) as (ada, server, daemon):
        with agent_of(tmp_path / "agent", server, daemon) as agent:
            await takes_part(agent)
            ada.room.post("@agent count, please")
            await ada.until(lambda: any("word word" in message.text for message in ada.answers))
            assert await anyio.to_thread.run_sync(agent.terminate) == 0
            await ada.until(lambda: ada.answers[0].state == "interrupted")


async def test_A9_A19_kill_9_of_one_process_lets_the_standby_finish_what_it_wrote(tmp_path: Path) -> None:
    async with scene(tmp_path, [STALLING, Behaviour()]) as (ada, server, daemon):
        with agent_of(tmp_path / "one", server, daemon) as one:
            await takes_part(one)
            await ada.until(lambda: ada.states == ["watching"])
            with agent_of(tmp_path / "two", server, daemon) as two:
                await takes_part(two)
                asked = ada.room.post("@agent count, please")
                await ada.until(lambda: any("word word" in message.text for message in ada.answers))
                await anyio.to_thread.run_sync(one.kill)
                await ada.until(lambda: not any(message.streaming for message in ada.answers), LIMIT)
                again = ada.room.post("@agent hello")
                await ada.until(lambda: ada.answers[-1].text == "Hello there")
    assert [(message.re, message.state) for message in ada.answers] == [(asked, "interrupted"), (again, None)]
    assert len(server.calls) == 2


async def test_A16_a_stop_closes_the_connection_to_the_models_server(tmp_path: Path) -> None:
    async with model_server(lambda _: Behaviour(endless=True, pace=0.01)) as server:
        world = World()
        model = OpenAIModel(model="any", base_url=server.base_url)
        async with running(world.agent(model)):
            world.ann.post("@bot count, please")
            await until(lambda: world.answers and "Hello there" in world.answers[0].text)
            world.ann.ask("stop", world.answers[0].id)
            await server.gone.wait()
            await until(lambda: world.finished)
    [answer] = world.answers
    assert (answer.state, answer.stopped_by) == ("stopped", "ann")
    assert answer.text.startswith("Hello there")


async def test_A16_a_stop_before_the_first_token_closes_the_connection_as_well() -> None:
    async with model_server(lambda _: Behaviour(stall_after=0)) as server:
        world = World()
        model = OpenAIModel(model="any", base_url=server.base_url)
        async with running(world.agent(model)):
            asked = world.ann.post("@bot count, please")
            await until(lambda: server.calls)
            world.ann.ask("stop", asked)
            await server.gone.wait()
            await until(lambda: world.finished)
    assert world.finished == [("", "stopped")]

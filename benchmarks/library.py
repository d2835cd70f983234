"""The library alone, in this process: what a call costs, without server and network."""

import random
import tempfile
import time
from pathlib import Path

import anyio

from benchmarks.load.meter import Result
from benchmarks.load.updates import messages
from syncchat.agent import Agent
from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.agent_world import World, running, until
from syncchat.testing.scripted_model import ScriptedModel


def measure(count: int = 1000, tokens: int = 1000) -> Result:
    """Microseconds of CPU: a post, applying another's message, a streamed token, a token through the agent.

    `open_ms` is opening a room of `count` messages from its file, in wall time.
    """
    return {
        **anyio.run(_posting, count),
        **_applying(count),
        **anyio.run(_through_the_agent, tokens),
    }


def _us(start: float, count: int) -> float:
    return (time.process_time() - start) * 1e6 / count


async def _posting(count: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.sqlite"
        async with Peer(path, user="ada", rng=random.Random(1)) as peer:
            room = await peer.enter("lobby")
            post_us = _each(room, count)
            await peer.saved()
        start = time.perf_counter()
        async with Peer(path, user="ada", rng=random.Random(2)) as peer:
            room = await peer.enter("lobby")
            assert len(room.timeline) == count
            opened = time.perf_counter() - start
    return {"post_us": post_us, "open_ms": opened * 1e3}


def _each(room: Room, count: int) -> float:
    start = time.process_time()
    for number in range(count):
        room.post(f"message {number}".ljust(80, "x"))
    return _us(start, count)


def _applying(count: int) -> Result:
    world = World()
    made = messages(count)
    start = time.process_time()
    for update in made:
        world.store.doc.apply_update(update)
        world.store.deliver()
    applied = _us(start, count)
    assert len(world.ann.timeline) == count
    return {"apply_us": applied}


async def _through_the_agent(tokens: int) -> Result:
    plain = _streaming(tokens)
    world = World()
    agent: Agent = world.agent(ScriptedModel(["word "] * tokens))
    async with running(agent):
        start = time.process_time()
        world.ann.post("@bot please")
        await until(lambda: world.finished)
        whole = _us(start, tokens)
    return {"stream_us_per_token": plain, "agent_us_per_token": whole}


def _streaming(tokens: int) -> float:
    stream = World().ann.stream()
    start = time.process_time()
    for _ in range(tokens):
        stream.append("word ")
    stream.finish()
    return _us(start, tokens)

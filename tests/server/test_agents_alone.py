"""What becomes of an agent's answers in a daemon when nobody is in the room, over kill -9 too."""

from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.peer import Peer
from syncchat.testing.model_server import Behaviour
from syncchat.testing.program import PATIENCE
from tests.server.http_caller import scene, until

pytestmark = pytest.mark.anyio

LIMIT = 10.0
"""Seconds after which nothing of a killed process may be streaming (A19)."""

STALLING = Behaviour(tokens=["word "] * 20, stall_after=5)


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


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03])
async def test_A19_A28_what_was_asked_in_the_instant_before_a_kill_is_answered(
    tmp_path: Path, seconds: float
) -> None:
    async with scene(tmp_path, Behaviour()) as (caller, daemon, _):
        asked = await caller.post("@agent hello?")
        await anyio.sleep(seconds)
        await anyio.to_thread.run_sync(daemon.restart)
        answer = await caller.answer(lambda answer: not answer["streaming"])
        assert answer["re"] == asked
        assert (answer["text"], answer["state"]) == ("Hello there", None) or answer["state"] == "interrupted"
        await until(caller.is_alone)

"""Agents that fail in a room leave that room, and come back to it; all others go on."""

from typing import Any

import anyio
import pytest

from syncchat.testing.agent_world import VIRTUAL
from syncchat.testing.server import MemoryServer
from syncchat_server.stays import AGAIN, Stays

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


async def test_S7_R2_what_fails_in_one_room_is_told_tried_again_and_ends_nothing_in_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun: list[str] = []
    wanted = {"bad", "good"}

    async def stay(room: str) -> None:
        await peer.enter(room)
        begun.append(room)
        if room == "bad":
            raise RuntimeError("a text that quotes a message")
        await anyio.sleep_forever()

    server = MemoryServer()
    async with server.running(), server.peer("bot") as peer, anyio.create_task_group() as tasks:
        stays = Stays(peer, tasks, stay, lambda: stays.be_in(wanted))
        stays.be_in(wanted)
        await anyio.sleep(AGAIN * 2.5)
        wanted.clear()
        tasks.cancel_scope.cancel()
    assert begun.count("good") == 1
    assert begun.count("bad") == 3
    assert "bot left room bad: RuntimeError" in caplog.text
    assert "quotes" not in caplog.text

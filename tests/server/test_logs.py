"""What reaches a log: never a message's text, nor what opens a doc, however much is asked to be told."""

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect

from syncchat.peer import Peer
from syncchat_server.child import Child

SECRET = "the-cake-is-in-the-cellar"


@pytest.mark.anyio
async def test_no_text_and_no_token_reaches_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCCHAT_LOG", "DEBUG")
    daemon = Child(tmp_path / "server", agent=True)
    try:
        async with Peer(user="ada", server=daemon.address) as peer:
            room = await peer.enter("lobby")
            with anyio.fail_after(30):
                await peer.until(lambda: any(person.state.get("agent") for person in room.people))
                id = room.post(f"@agent find {SECRET}")
                await peer.until(lambda: any(m.re == id and not m.streaming for m in room.timeline))
                await peer.settled()
        async with connect(f"{daemon.address}/y/lobby/0?user={SECRET}", proxy=None):
            pass
    finally:
        daemon.stop()
    assert SECRET not in (tmp_path / "server.log").read_text(encoding="utf-8")


def test_a_log_level_that_is_none_is_told_in_a_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "syncchat", "agent", "--room", "lobby"],
        env={**os.environ, "SYNCCHAT_LOG": "loud"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 2
    assert "SYNCCHAT_LOG" in result.stderr
    assert "Traceback" not in result.stderr

"""What reaches a log: never a message's text, nor what opens a doc, however much is asked to be told."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from syncchat.core.grant import Role
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.issuing import Issuer, make_secret
from syncchat_server.settings import AuthSettings

SECRET = "the-cake-is-in-the-cellar"


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["text", "json"])
async def test_R2_no_text_and_no_token_reaches_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("SYNCCHAT_LOG", "DEBUG")
    make_secret(tmp_path / "server")
    issued = Issuer(tmp_path / "server", AuthSettings()).issue(
        "ada", {"lobby": Role.WRITER}, now=time.time(), ttl=60
    )
    bearer = {"Authorization": f"Bearer {issued.token}"}
    with Daemon(tmp_path / "server", "--log-format", form) as daemon, anyio.fail_after(PATIENCE):
        async with Peer(user="ada", token=issued.token, server=daemon.address) as peer:
            room = await peer.enter("lobby")
            await peer.until(lambda: any(person.state.get("agent") for person in room.people))
            id = room.post(f"@agent find {SECRET}")
            await peer.until(lambda: any(m.re == id and not m.streaming for m in room.timeline))
            await peer.settled()
        for address in (f"y/lobby/0?user={SECRET}", f"y/lobby/0?token={issued.token}", "y/lobby/0"):
            async with connect(
                f"{daemon.address}/{address}", proxy=None, additional_headers=bearer
            ) as socket:
                with suppress(ConnectionClosed):  # it is quick to refuse a token in an address
                    await socket.send(SECRET.encode())
        said = daemon.stderr().splitlines()
    assert said, "it was asked to tell everything"
    assert not [line for line in said if SECRET in line or issued.token[-40:] in line]
    if form == "json":
        assert all("connection" in json.loads(line) for line in said)


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

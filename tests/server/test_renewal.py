"""Tokens of a real daemon's clients run out: what they opened ends, unless a new one came in time."""

from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import connect

from syncchat.cli.rooms import token_source
from syncchat.core.closing import read_closing
from syncchat.core.grant import Role
from syncchat.core.messages import Auth, Authenticated, Close, Denied, Stateless, Step1, Step2
from syncchat.errors import CloseCode
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon
from tests.server.letting import answered, heard, opened, refused, say, token

SHORT = 2.0
"""Seconds of a token's life; long enough to open something with it on a busy machine."""


@pytest.mark.anyio
async def test_U3_a_token_that_runs_out_ends_what_it_opened_and_a_renewed_one_goes_on(
    guarded: Daemon, folder: Path
) -> None:
    rooms = {"*": Role.WRITER}
    short = token(folder, "ada", rooms, ttl=SHORT)
    with anyio.fail_after(PATIENCE):
        async with connect(f"{guarded.address}/sync", proxy=None) as socket:
            for doc in ("kept/0", "left/0"):
                assert await opened(socket, doc, short) == Authenticated("read-write")
            assert await opened(socket, "kept/0", token(folder, "ada", rooms)) == Authenticated("read-write")
            while True:
                told = await heard(socket, "left/0", Stateless)
                closing = read_closing(told.payload) if isinstance(told, Stateless) else None
                if closing is not None:
                    break
            assert closing.code == CloseCode.UNAUTHENTICATED
            assert "expired" in closing.reason
            assert isinstance(await heard(socket, "left/0", Close), Close)
            assert isinstance(await opened(socket, "left/0", short), Denied)
            await say(socket, "kept/0", Step1(b"\x00"))
            assert isinstance(await heard(socket, "kept/0", Step2), Step2)
    assert guarded.stderr() == ""


@pytest.mark.anyio
async def test_U3_a_renewal_with_somebody_elses_token_ends_the_session(guarded: Daemon, folder: Path) -> None:
    async with connect(f"{guarded.address}/sync", proxy=None) as socket:
        assert await opened(socket, "lobby/0", token(folder, "ada")) == Authenticated("read-write")
        await say(socket, "lobby/0", Auth(token(folder, "bob")))
        assert isinstance(await heard(socket, "lobby/0", Close), Close)


@pytest.mark.anyio
async def test_U3_a_y_websocket_client_whose_token_runs_out_is_told_not_to_come_again_with_it(
    guarded: Daemon, folder: Path
) -> None:
    bearer = {"Authorization": f"Bearer {token(folder, 'ada', ttl=SHORT)}"}
    async with connect(f"{guarded.address}/y/lobby/0", proxy=None, additional_headers=bearer) as socket:
        await answered(socket)
        assert (await refused(socket))[0] == CloseCode.UNAUTHENTICATED


@pytest.mark.anyio
async def test_U3_O4_a_client_whose_token_ran_out_goes_on_with_a_new_one_and_loses_nothing(
    guarded: Daemon, folder: Path
) -> None:
    short = token(folder, "ada", ttl=SHORT)
    with anyio.fail_after(PATIENCE):
        async with Peer(user="ada", token=short, server=guarded.address) as ada:
            room = await ada.enter("lobby")
            await ada.until(lambda: "expired" in (ada.status.problem or ""))
            id = room.post("written without a valid token")
            ada.renew(token(folder, "ada"))
            await ada.settled()
            message = room.message(id)
            assert message is not None
            assert message.durable


def test_U3_a_token_file_that_is_renewed_renews_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    current = token_source(file)
    assert current() == "first"
    file.write_text("second\n")
    assert current() == "second"
    file.write_text("")
    assert current() == "second", "it is just being written"
    file.unlink()
    assert current() == "second"

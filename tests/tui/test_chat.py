"""The client on a real peer: over a hub, without one, and with input that cannot be."""

import asyncio
import signal
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from syncchat.hub import Hub
from syncchat.log import MemoryLog
from syncchat.peer import Peer
from syncchat.testing.server import believe
from syncchat_tui.app import ChatApp
from syncchat_tui.chat import BAD_INPUT, run_chat, show
from syncchat_tui.composer import Composer
from syncchat_tui.locations import LOG_NAME, log_path
from syncchat_tui.people import People
from tests.tui.looking import header, screen, until


@asynccontextmanager
async def serving() -> AsyncIterator[Hub]:
    async with Hub(MemoryLog(), authorize=believe) as hub:
        yield hub


@pytest.mark.anyio
async def test_O4_what_was_written_offline_is_merged_when_the_server_is_back() -> None:
    async with (
        serving() as hub,
        Peer(user="alice", connect=hub.connect) as alice,
        Peer(user="bob", connect=hub.connect) as bob,
    ):
        theirs = await bob.enter("lobby")
        app = ChatApp(await alice.enter("lobby"), alice, server=True)
        async with app.run_test(size=(100, 30)) as pilot:
            await until(lambda: "● online" in header(app))
            await pilot.press("f2", "h", "i", "enter")
            theirs.post("nobody there?")
            await until(lambda: "1 change waits" in header(app))
            assert "◌" in screen(app)
            await pilot.press("f2")
            await until(lambda: "nobody there?" in screen(app) and "◌" not in screen(app))
            assert screen(app).count("hi") == 1
            assert sorted(message.text for message in theirs.timeline) == ["hi", "nobody there?"]


@pytest.mark.anyio
async def test_O7_the_mark_goes_when_the_server_has_it() -> None:
    async with serving() as hub, Peer(user="alice", connect=hub.connect) as peer:
        app = ChatApp(await peer.enter("lobby"), peer, server=True)
        async with app.run_test() as pilot:
            app.query_one(Composer).insert("keep this")
            await pilot.press("enter")
            await peer.settled()
            await until(lambda: "keep this" in screen(app) and "◌" not in screen(app))


@pytest.mark.anyio
async def test_P2_who_is_here_is_on_the_screen_and_who_left_is_not() -> None:
    async with serving() as hub, Peer(user="alice", connect=hub.connect) as alice:
        app = ChatApp(await alice.enter("lobby"), alice, server=True)
        async with app.run_test():
            async with Peer(user="bob", connect=hub.connect) as bob:
                await bob.enter("lobby")
                await until(lambda: "bob" in str(app.query_one(People).content))
            await until(lambda: "bob" not in str(app.query_one(People).content))


@pytest.mark.anyio
async def test_O3_opened_again_without_a_server_it_shows_the_whole_room(tmp_path: Path) -> None:
    async with Peer(tmp_path / LOG_NAME, user="alice") as peer:
        room = await peer.enter("lobby")
        for number in range(5):
            room.post(f"message {number}")
    async with Peer(tmp_path / LOG_NAME, user="alice") as peer:
        app = ChatApp(await peer.enter("lobby"), peer, server=False)
        async with app.run_test():
            assert all(f"message {number}" in screen(app) for number in range(5))


@pytest.mark.anyio
async def test_the_screen_is_given_back_when_the_peer_is_cancelled() -> None:
    async with Peer(user="alice") as peer:
        app = ChatApp(await peer.enter("lobby"), peer, server=False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: show(app, headless=True))
            await until(lambda: app.is_running)
            tasks.cancel_scope.cancel()
        assert not app.is_running


@pytest.mark.anyio
async def test_a_signal_ends_it_in_order_and_is_told_by_the_exit_code(tmp_path: Path) -> None:
    async with Peer(tmp_path / LOG_NAME, user="alice") as peer:
        app = ChatApp(await peer.enter("lobby"), peer, server=False)
        ended = asyncio.create_task(show(app, headless=True))
        await until(lambda: app.is_running)
        signal.raise_signal(signal.SIGTERM)
        assert await ended == 128 + signal.SIGTERM
        assert not app.is_running


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"room": "../x"}, "'../x'"),
        ({"name": ""}, "name ''"),
        ({"name": "x" * 300}, "name 'xxx"),
        ({"server": "http://nowhere"}, "http://nowhere"),
        ({"data": "/proc/nothing"}, "/proc/nothing"),
    ],
)
def test_G7_bad_input_is_one_line_and_exit_code_2(
    fields: dict[str, str], cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"room": "lobby", "name": "alice", "data": str(tmp_path)} | fields
    code = run_chat(given["room"], name=given["name"], data=given["data"], server=given.get("server"))
    output = capsys.readouterr()
    assert code == BAD_INPUT
    assert output.out == ""
    assert cause in output.err
    assert output.err.count("\n") == 1


def test_D8_a_file_that_is_no_log_is_refused_and_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / LOG_NAME
    file.write_bytes(b"this is a letter to my aunt" * 100)
    assert run_chat("lobby", name="alice", data=str(tmp_path), server=None) == BAD_INPUT
    error = capsys.readouterr().err
    assert str(file) in error
    assert error.count("\n") == 1
    assert file.read_bytes() == b"this is a letter to my aunt" * 100


def test_another_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = sqlite3.connect(tmp_path / LOG_NAME)
    database.execute("CREATE TABLE songs (title)")
    database.close()
    assert run_chat("lobby", name="alice", data=str(tmp_path), server=None) == BAD_INPUT
    assert LOG_NAME in capsys.readouterr().err


def test_without_a_terminal_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_chat("lobby", name="alice", data=str(tmp_path), server=None) == BAD_INPUT
    assert "needs a terminal" in capsys.readouterr().err


def test_the_data_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = log_path(str(tmp_path / "new" / "folder"))
    assert path == tmp_path / "new" / "folder" / LOG_NAME
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_users_own_data_folder_is_the_one_of_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert log_path(None) == tmp_path / "syncchat" / LOG_NAME

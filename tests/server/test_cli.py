"""The command: what goes wrong is told in one line with its cause and remedy, and stopping loses nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from syncchat.errors import CloseCode
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, Program, syncchat

BAD_INPUT = 2
VERBS = ("serve", "chat", "agent", "demo")


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with no terminal and with the user's folders out of its reach."""
    environment = os.environ | {"XDG_DATA_HOME": str(cwd or "/nonexistent"), "TERM": "dumb"}
    return subprocess.run(
        syncchat(*arguments),
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with BAD_INPUT and one line on stderr that has these words; stdout has nothing."""
    assert done.returncode == BAD_INPUT, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("Usage:", "Try "))]
    assert len([line for line in lines if line]) == 1, done.stderr
    for word in words:
        assert word in done.stderr


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_S3_an_unknown_verb_or_option_is_named() -> None:
    assert_refused(run("swerve"), "swerve")
    assert_refused(run("serve", "--prot", "1"), "--prot", "--port")
    assert_refused(run("agent"), "--room")


@pytest.mark.parametrize("port", ["70000", "http"])
def test_S3_a_port_that_is_none_is_named(port: str) -> None:
    assert_refused(run("serve", "--port", port), "--port")


def test_S3_a_port_or_host_that_cannot_be_listened_on_is_told_with_the_remedy(tmp_path: Path) -> None:
    with taken_port() as port:
        assert_refused(run("serve", "--port", port, "--data", tmp_path), str(port), "use", "--port")
    assert_refused(
        run("serve", "--open", "--host", "192.0.2.1", "--port", 0, "--data", tmp_path), "192.0.2.1"
    )
    assert_refused(run("serve", "--host", "no.such.invalid", "--data", tmp_path), "no.such.invalid")


def test_D8_a_data_folder_that_cannot_be_one_is_told_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert_refused(run("serve", "--port", 0, "--data", file), str(file), "--data")
    assert_refused(run("serve", "--port", 0, "--data", "/proc/nothing"), "/proc/nothing", "--data")
    assert file.read_text() == "not a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_D8_a_data_folder_that_may_not_be_written_is_told_with_the_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert_refused(run("serve", "--port", 0, "--data", tmp_path), str(tmp_path), "--data")


def test_D7_a_second_daemon_on_one_folder_is_refused_and_the_first_goes_on(daemon: Daemon) -> None:
    assert_refused(run("serve", "--port", 0, "--data", daemon.data), "another daemon", "--data")
    with socket.create_connection(("127.0.0.1", int(daemon.address.rpartition(":")[2]))):
        assert daemon.process.terminate() == 0


NO_LOG = b"SQLite format 3\x00" + b"\xff" * 5000
ARGUMENTS = {
    "serve": ["--port", "0", "--no-agent"],
    "chat": ["lobby", "--name", "ada"],
    "agent": ["--room", "lobby"],
}


@pytest.mark.parametrize(
    ("verb", "junk"), [("serve", b"hello"), ("serve", NO_LOG), ("chat", NO_LOG), ("agent", NO_LOG)]
)
def test_D8_a_file_that_is_no_log_is_named_and_not_touched(tmp_path: Path, verb: str, junk: bytes) -> None:
    file = tmp_path / ("log.sqlite" if verb == "serve" else "rooms.sqlite")
    file.write_bytes(junk)
    done = run(verb, *ARGUMENTS[verb], "--data", tmp_path)
    assert_refused(done, str(file), "move it away")
    assert file.read_bytes() == junk


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat", "../x"],
        ["chat", "a\x1b[2Jb"],
        ["agent", "--room", ""],
        ["agent", "--room", "x" * 300],
        ["agent", "--room", "lobby/0"],
    ],
)
def test_G7_a_room_that_cannot_be_is_named(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, "--name", "ada", "--data", tmp_path / "data")
    assert_refused(done, "room", "1 to 40")
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("verb", "server"),
    [("chat", "http://127.0.0.1:8040"), ("chat", ""), ("agent", "127.0.0.1:8040"), ("agent", "ws://")],
)
def test_S3_a_server_address_that_is_none_is_named(tmp_path: Path, verb: str, server: str) -> None:
    done = run(verb, *ARGUMENTS[verb], "--data", tmp_path / "data", "--server", server)
    assert_refused(done, repr(server), "ws://")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_S3_each_verb_explains_itself(verb: str) -> None:
    done = run(*verb.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout
    assert all(name in done.stdout for name in VERBS) or verb


def test_S3_help_loads_nothing_slow() -> None:
    source = "import sys; from syncchat.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    source += "print(sorted({'openai', 'textual', 'starlette', 'uvicorn'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.anyio
async def test_R3_D1_D5_SIGTERM_with_clients_connected_ends_in_time_and_loses_nothing(daemon: Daemon) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Peer(user="ada", server=daemon.address) as ada,
            Peer(user="bob", server=daemon.address) as bob,
        ):
            written, read = await ada.enter("lobby"), await bob.enter("lobby")
            for number in range(100):
                written.post(f"message {number}")
            await bob.until(lambda: len(read.timeline) > 0)
            assert await anyio.to_thread.run_sync(daemon.process.terminate) == 0
            await ada.until(lambda: not ada.status.online)
            await anyio.to_thread.run_sync(daemon.start)
            ada.go_online()  # at once, whatever the backoff says
            bob.go_online()
            await ada.settled()
            await bob.until(lambda: len(read.timeline) == 100)
            assert [message.text for message in read.timeline] == [f"message {n}" for n in range(100)]
    assert "Traceback" not in daemon.stderr()


@pytest.mark.anyio
async def test_D5_SIGTERM_is_heeded_while_a_client_says_nothing(daemon: Daemon) -> None:
    host, port = daemon.address.removeprefix("ws://").split(":")
    async with await anyio.connect_tcp(host, int(port)) as mute:
        await mute.send(b"GET /sync HTTP/1.1\r\n")
        assert await anyio.to_thread.run_sync(daemon.process.terminate) == 0


TERMINATED_AT_ONCE = """
import os, pathlib, signal, sys, anyio
from syncchat_server.daemon import run_daemon
from syncchat_server.settings import Settings
settings = Settings("127.0.0.1", 0, pathlib.Path(sys.argv[1]))
def terminate(address): os.kill(os.getpid(), signal.SIGTERM)
anyio.run(run_daemon, settings, terminate, backend_options={"use_uvloop": True})
"""


def test_D5_SIGTERM_is_heeded_from_the_moment_clients_can_connect(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TERMINATED_AT_ONCE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.anyio
async def test_R3_SIGTERM_ends_connections_with_restart_and_lets_nobody_in_any_more(daemon: Daemon) -> None:
    async with connect(f"{daemon.address}/sync", proxy=None) as socket:
        assert await anyio.to_thread.run_sync(daemon.process.terminate) == 0
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.RESTART
    with pytest.raises(OSError, match="Connect call failed"):
        await connect(f"{daemon.address}/sync", proxy=None)


HANGS = """
import os, pathlib, signal, sys, anyio
from syncchat.log import SqliteLog
from syncchat_server.daemon import run_daemon
from syncchat_server.settings import Settings
async def hang(*_): await anyio.sleep_forever()
SqliteLog.__aexit__ = hang  # as when the disk does not answer
settings = Settings("127.0.0.1", 0, pathlib.Path(sys.argv[1]), drain_seconds=1)
def terminate(address): os.kill(os.getpid(), signal.SIGTERM)
anyio.run(run_daemon, settings, terminate, backend_options={"use_uvloop": True})
"""


def test_R3_SIGTERM_ends_it_within_its_limit_whatever_hangs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HANGS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == -signal.SIGALRM


@pytest.mark.anyio
async def test_A5_an_agent_in_a_process_of_its_own_answers(daemon: Daemon, tmp_path: Path) -> None:
    command = syncchat(
        "agent", "--server", daemon.address, "--room", "lobby", "--name", "helper", "--data", tmp_path / "a"
    )
    with anyio.fail_after(2 * PATIENCE), Program(command, tmp_path / "agent.stderr") as agent:
        assert "takes part in lobby" in await anyio.to_thread.run_sync(agent.line)
        async with Peer(user="ada", server=daemon.address) as ada:
            room = await ada.enter("lobby")
            await ada.until(lambda: len(room.people) == 2)
            room.post("helper, what is 6 * 7?")
            await ada.until(lambda: any("42" in message.text for message in room.timeline))
        assert agent.errors.read_text() == ""

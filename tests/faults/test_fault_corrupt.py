"""A log that is damaged when the daemon starts: it refuses, naming the file and the repair, which works."""

import subprocess
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, syncchat
from syncchat_server.folder import LOG_NAME

BAD_INPUT = 2


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        syncchat(*arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def damage(log: Path) -> bytes:
    """Overwrite the middle of a log; returns what is there now."""
    with log.open("r+b") as file:
        file.seek(log.stat().st_size // 2)
        file.write(b"\xff" * 5000)
    return log.read_bytes()


def write_room(daemon: Daemon, texts: list[str]) -> None:
    async def write() -> None:
        async with Peer(user="ada", server=daemon.address) as ada:
            room = await ada.enter("lobby")
            for text in texts:
                room.post(text)
            await ada.settled()

    anyio.run(write)


def read_room(daemon: Daemon, count: int) -> list[str]:
    async def read() -> list[str]:
        async with Peer(user="eve", server=daemon.address) as eve:
            room = await eve.enter("lobby")
            with anyio.fail_after(PATIENCE):
                await eve.until(lambda: len(room.timeline) == count)
            return [message.text for message in room.timeline]

    return anyio.run(read)


def test_D8_R4_R5_a_log_that_is_damaged_at_start_is_named_with_the_repair_which_works(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.sqlite"
    texts = [f"message {number} " + "x" * 500 for number in range(100)]
    with Daemon(data, "--no-agent") as daemon:
        write_room(daemon, texts)
        assert run("backup", "--data", data, copy).returncode == 0
        assert daemon.process.terminate() == 0
    damaged = damage(data / LOG_NAME)
    refused = run("serve", "--port", 0, "--data", data, "--no-agent")
    assert refused.returncode == BAD_INPUT
    assert str(data / LOG_NAME) in refused.stderr
    assert "restore" in refused.stderr
    assert (data / LOG_NAME).read_bytes() == damaged
    assert run("doctor", "--data", data).returncode == 1
    assert run("restore", "--data", data, copy).returncode == 0
    assert (data / f"{LOG_NAME}.before-restore-1").read_bytes() == damaged
    with Daemon(data, "--no-agent") as daemon:
        assert read_room(daemon, len(texts)) == texts


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_D8_a_log_that_was_cut_short_keeps_the_daemon_from_starting(tmp_path: Path, kept: int) -> None:
    data = tmp_path / "data"
    with Daemon(data, "--no-agent") as daemon:
        write_room(daemon, ["hello"])
        assert daemon.process.terminate() == 0
    content = (data / LOG_NAME).read_bytes()[:kept]
    (data / LOG_NAME).write_bytes(content)
    refused = run("serve", "--port", 0, "--data", data, "--no-agent")
    assert refused.returncode == BAD_INPUT
    assert str(data / LOG_NAME) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (data / LOG_NAME).read_bytes() == content

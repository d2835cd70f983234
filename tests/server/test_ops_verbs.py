"""The verbs for whoever runs a daemon: backup, restore, doctor, each in a process of its own."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from syncchat.core.ids import format_id
from syncchat.log import SqliteLog
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon, syncchat
from syncchat_server.folder import LOG_NAME

BAD_INPUT = 2
DAMAGED = 1


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        syncchat(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def make_log(data: Path) -> Path:
    async def fill() -> None:
        async with SqliteLog(data / LOG_NAME) as log:
            await log.append("lobby/0", [Writer().write(format_id(1, "ada", 1), "hello")])

    data.mkdir()
    anyio.run(fill)
    return data


def test_R4_backup_and_restore_are_verbs_that_tell_what_they_did(daemon: Daemon, tmp_path: Path) -> None:
    copy, elsewhere = tmp_path / "copy.sqlite", make_log(tmp_path / "elsewhere")
    done = run("backup", "--data", daemon.data, copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(copy) in done.stdout
    again = run("backup", "--data", daemon.data, copy)
    assert (again.returncode, again.stdout) == (BAD_INPUT, "")
    assert "there already" in again.stderr
    refused = run("restore", "--data", daemon.data, copy)
    assert refused.returncode == BAD_INPUT
    assert "another daemon" in refused.stderr
    restored = run("restore", "--data", elsewhere, copy)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "before-restore-1" in restored.stdout


def test_R5_doctor_tells_each_finding_in_a_line_and_by_its_exit_code(tmp_path: Path) -> None:
    data = make_log(tmp_path / "data")
    sound = run("doctor", "--data", data)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "is sound" in sound.stdout
    with closing(sqlite3.connect(data / LOG_NAME, isolation_level=None)) as connection:
        for doc in ("bad/0", "worse/0"):
            connection.execute("INSERT INTO entries (doc, writer, size, data) VALUES (?, 1, 1, x'ff')", [doc])
    damaged = run("doctor", "--data", data)
    assert (damaged.returncode, damaged.stderr) == (DAMAGED, "")
    assert [line.partition(":")[0] for line in damaged.stdout.splitlines()] == ["'bad/0'", "'worse/0'"]


@pytest.mark.parametrize("verb", ["backup", "doctor"])
def test_R5_a_folder_without_a_log_is_named_with_the_remedy(tmp_path: Path, verb: str) -> None:
    done = run(verb, "--data", tmp_path, *([tmp_path / "copy"] if verb == "backup" else []))
    assert done.returncode in (DAMAGED, BAD_INPUT)
    assert str(tmp_path / LOG_NAME) in done.stdout + done.stderr
    assert "--data" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []

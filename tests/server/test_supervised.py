"""Under a supervisor: systemd takes the unit file, and the daemon tells when it is up and when it ends."""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.settings import Settings
from tests.files import of_each

UNIT = Path(__file__).parents[2] / "docs" / "syncchat.service"


def test_R3_a_supervisor_is_told_when_clients_can_connect_and_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with Daemon(tmp_path / "data", "--no-agent") as daemon:
            assert supervisor.recv(100) == b"READY=1"
            assert daemon.process.terminate() == 0
            assert supervisor.recv(100) == b"STOPPING=1"


def test_R3_a_supervisor_that_is_not_there_is_no_reason_not_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "@syncchat-test-nobody")
    with Daemon(tmp_path / "data", "--no-agent") as daemon:
        assert daemon.process.terminate() == 0
        assert "READY=1" in daemon.stderr()


def test_what_the_daemon_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    with Daemon(tmp_path / "data", "--no-agent") as daemon:
        modes = of_each(daemon.data, lambda file: file.stat().st_mode & 0o077)
    assert "log.sqlite" in modes
    assert not any(modes.values())


def test_R3_systemd_waits_longer_than_the_daemon_takes_to_end() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert int(seconds) > Settings("", 0, Path()).drain_seconds


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_takes_the_unit_file(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/usr/local/bin/syncchat", sys.executable))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")

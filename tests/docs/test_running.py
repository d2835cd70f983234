"""What docs/running.md says of settings, verbs, metrics and limits is so."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import anyio
import httpx2
import pytest

from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, syncchat
from syncchat_server.limits import DaemonLimits
from tools import limits_table

PAGE = limits_table.PAGE.read_text(encoding="utf-8")
VERBS = re.findall(r"^    syncchat (.*)$", PAGE, re.MULTILINE)
ENDLESS = "serve"


def test_L1_every_limit_is_documented_as_the_code_has_it() -> None:
    documented = {name: text for source in limits_table.SOURCES for name, text in limits_table.texts(source)}
    assert list(documented) == [limit.name for limit in fields(DaemonLimits)]
    assert all(documented.values())
    assert limits_table.with_table(PAGE) == PAGE, "run: python tools/limits_table.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The daemon's folder, which every verb finds by itself."""
    monkeypatch.setenv("SYNCCHAT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def run(line: str, where: Path) -> str:
    done = subprocess.run(
        syncchat(*shlex.split(line)),
        cwd=where,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


def test_U1_U4_R4_R5_the_verbs_work_one_after_another_as_they_are_shown(folder: Path, tmp_path: Path) -> None:
    lines = [line for line in VERBS if line != ENDLESS]
    daemon: Daemon | None = None
    try:
        for line in lines:
            if line.startswith("backup"):
                daemon = Daemon(folder, "--no-agent")
            if line.startswith("restore") and daemon is not None:
                daemon.kill()
            run(line, tmp_path)
    finally:
        if daemon is not None:
            daemon.kill()
    assert {line.split()[0] for line in lines} == {
        *("secret", "token", "invite", "revoke", "backup", "doctor", "restore")
    }
    assert (tmp_path / "copy.sqlite").exists()


def test_L1_the_settings_that_are_shown_start_a_daemon(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert tomllib.loads(shown)["limits"]
    file = tmp_path / "settings.toml"
    file.write_text(shown)
    run(f"secret --data {tmp_path / 'data'}", tmp_path)
    with Daemon(tmp_path / "data", "--config", str(file)) as daemon:
        assert daemon.address.startswith("ws://0.0.0.0")


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[str]:
    """What a daemon tells that was asked for a little of everything."""
    with Daemon(tmp_path / "daemon", "--no-agent") as daemon:

        async def ask() -> str:
            async with Peer(user="ada", server=daemon.address) as ada:
                await ada.enter("lobby")
                await ada.settled()
                async with httpx2.AsyncClient() as client:
                    return (await client.get(daemon.address.replace("ws:", "http:") + "/metrics")).text

        yield anyio.run(ask)


def test_R1_every_metric_is_documented_and_no_other(metrics: str) -> None:
    documented = set(re.findall(r"`(syncchat_[a-z_]+)", PAGE))
    exported = {
        f"{name}" for name, kind in re.findall(r"^# TYPE (syncchat_\w+) (\w+)$", metrics, re.MULTILINE)
    }
    assert exported == documented


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", PAGE))))
def test_an_option_that_is_told_is_one_of_a_verb(option: str) -> None:
    assert option in _help_of_all_verbs()


@cache
def _help_of_all_verbs() -> str:
    code = (
        "import click; from syncchat.cli import VERBS\n"
        "for verb in VERBS: print(verb.get_help(click.Context(verb)))"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout

"""What `make setup` and `make node` say when the machine lacks something."""

import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of tools/ with no more of an environment than what is given."""
    environment.setdefault("PATH", "/usr/bin:/bin")
    command = ["/bin/sh", str(TOOLS / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    """A folder with a package.json, as the JavaScript clients have it."""
    folder = tmp_path / "clients"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    return folder


def test_setup_with_no_python_that_is_new_enough_says_so(tmp_path: Path) -> None:
    program(tmp_path, "old", "exit 1")
    done = run("setup-venv", str(tmp_path / "venv"), PYTHON=f"{tmp_path}/old {tmp_path}/missing")
    assert done.returncode == 1
    assert "syncchat needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_without_npm_the_javascript_clients_are_skipped(tmp_path: Path, clients: Path) -> None:
    done = run("setup-node", str(clients), PATH=str(tmp_path))
    assert done.returncode == 0
    assert "skipped, there is no npm" in done.stdout


def test_an_install_of_npm_that_fails_tells_the_reason_and_fails_nothing(
    tmp_path: Path, clients: Path
) -> None:
    program(tmp_path, "npm", "echo no such package >&2; exit 1")
    done = run("setup-node", str(clients), PATH=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["== node: skipped, npm install failed:", "no such package"]


def test_the_javascript_clients_are_installed_once_and_with_no_lock(tmp_path: Path, clients: Path) -> None:
    program(tmp_path, "npm", 'echo "$@" >> calls; mkdir -p node_modules')
    for _ in range(2):
        assert run("setup-node", str(clients), PATH=f"{tmp_path}:/usr/bin:/bin").returncode == 0
    (call,) = (clients / "calls").read_text().splitlines()
    assert "install --no-package-lock" in call


@pytest.mark.parametrize(
    ("command", "status", "said"), [("true", 0, "done in"), ("false", 1, "FAILED (exit 1)")]
)
def test_a_timed_command_ends_as_the_command_ended(command: str, status: int, said: str) -> None:
    done = run("timed", "a step", command)
    assert done.returncode == status
    assert said in done.stdout + done.stderr

"""The wheel, the pins and the reasons: what somebody who installs or builds syncchat relies on."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)")
REQUIREMENT = re.compile(r'\s*"([A-Za-z0-9._-]+)(\[[a-z,]+\])?[^"]*",?\s*(# \S.*)?')
PACKAGES = {"syncchat", "syncchat_server", "syncchat_tui"}


def canonical(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pyproject() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def requirements() -> dict[str, str]:
    """Each requirement that pyproject.toml states, by name, without those for syncchat's own extras."""
    project = pyproject()["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    stated = [*pyproject()["build-system"]["requires"], *(one for group in groups for one in group)]
    named = {canonical(re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0]): one for one in stated}
    del named["syncchat"]
    return named


def pins() -> list[str]:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git work tree")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_constraints_are_only_names_and_versions() -> None:
    assert pins()
    assert [line for line in pins() if not PIN.fullmatch(line)] == []


def test_every_requirement_has_a_pin() -> None:
    pinned = {canonical(line.partition("==")[0]) for line in pins()}
    assert requirements().keys() - pinned == set()


def test_everything_installed_here_has_a_pin() -> None:
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("not in the environment that `make setup` makes")
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    listed = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    assert set(listed.split()) - set(pins()) == set()


def test_every_requirement_tells_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    reasons = {canonical(match[1]): match[3] for line in lines if (match := REQUIREMENT.fullmatch(line))}
    assert [name for name in requirements() if not reasons.get(name)] == []


def test_no_committed_file_locks_download_addresses() -> None:
    locks = {
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
    }
    assert [path for path in committed() if path.name in locks] == []
    resolved = re.compile(r'"resolved"\s*:\s*"http')
    readable = (path for path in committed() if path.suffix == ".json" and path.is_file())
    assert [path for path in readable if resolved.search(path.read_text(encoding="utf-8"))] == []


def test_the_wheel_holds_three_packages_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith("/entry_points.txt")]
        commands = archive.read(entry_points).decode()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert "syncchat/py.typed" in names
    assert not [name for name in names if "test_" in name or name.startswith("tests")]
    assert "syncchat = syncchat.cli:main" in commands

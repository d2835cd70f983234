"""What the README shows is executed here, against a real daemon."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from syncchat_server.child import Child, running

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
VERBS = re.findall(
    r"^    syncchat ([\w-]+)((?: .*?)?)(?:  +#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with running(partial(Child, tmp_path / "server", agent=False)) as daemon:
        yield daemon.address


def first_line_of(example: str, folder: Path, address: str) -> str:
    """Run an example until it has printed a line."""
    code = example.replace("ws://127.0.0.1:8040", address)
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        return process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def test_the_first_example_is_at_most_12_lines_and_runs(tmp_path: Path, address: str) -> None:
    assert len(EXAMPLES[0].strip().splitlines()) <= 12
    line = first_line_of(EXAMPLES[0], tmp_path, address)
    assert "Added(index=0" in line
    assert "hello from a plane" in line


def test_H5_the_second_example_runs(tmp_path: Path, address: str) -> None:
    line = first_line_of(EXAMPLES[1], tmp_path, address)
    assert line.strip() == "0 Unread(messages=0, mentions=0)"


def test_T1_the_third_example_runs(tmp_path: Path, address: str) -> None:
    line = first_line_of(EXAMPLES[2], tmp_path, address)
    assert line.strip() == "{'milk': {'done': True, 'text': 'buy milk'}} []"


@pytest.mark.parametrize(("verb", "rest"), VERBS)
def test_each_verb_of_the_readme_takes_the_options_it_is_shown_with(verb: str, rest: str) -> None:
    shown = set(re.findall(r"--[a-z-]+", rest))
    help_text = subprocess.run(
        [sys.executable, "-m", "syncchat", verb, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert shown <= set(re.findall(r"--[a-z-]+", help_text))


def test_the_verbs_of_the_readme_are_those_of_the_command() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "syncchat", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^  ([\w-]+) ", help_text.partition("Commands:")[2], re.MULTILINE)
    assert sorted(commands) == sorted({verb for verb, _ in VERBS})

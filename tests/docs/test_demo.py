"""`syncchat demo` without a terminal: the story, whole, as its user sees it."""

import subprocess
import sys


def test_O1_O4_D5_A3_the_story_ends_well_and_says_what_it_proved() -> None:
    story = subprocess.run(
        [sys.executable, "-W", "error", "-m", "syncchat", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert story.returncode == 0, story.stdout + story.stderr
    assert story.stderr == ""
    for step in ("[cut]", "2 waiting", "[merge]", "[stream]", "[kill -9]", "[restart]", "Proved in this run"):
        assert step in story.stdout
    assert "B out" in story.stdout
    assert "39" in story.stdout, "the agent's answer"

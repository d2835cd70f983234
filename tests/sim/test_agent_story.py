"""Seeded stories of agents over a network that fails: one answer, none that never ends, no overspending."""

import logging

import pytest

from syncchat.testing.agent_story import play
from syncchat.testing.agents_world import BUDGETS
from tests.faults.scale import FULL

SEEDS = range(500 if FULL else 200)
"""A third of a second each; `make faults` plays all of them."""

CHUNK = 20
"""Seeds of one test: small enough for tests that run at once to share the work."""

PINNED: dict[int, str] = {
    187: "A8: a second answer came, and nobody looked for one as its claim had lost before"
}
"""Seeds above that once broke a rule, and what it was."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Agents tell of each failed call; here they fail on purpose."""
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_A10_A8_A9_A19_A23_hold_whatever_happens_to_agents(first: int) -> None:
    for seed in SEEDS[first : first + CHUNK]:
        play(seed)


@pytest.mark.parametrize("seed", PINNED)
def test_A10_what_once_went_wrong_does_so_no_more(seed: int) -> None:
    play(seed)


def test_A10_a_seed_plays_the_same_story_again() -> None:
    assert play(1).promises.trace == play(1).promises.trace


def test_A10_stories_meet_what_they_are_about() -> None:
    worlds = [play(seed) for seed in range(12)]
    assert any(max(world.calls.values()) >= 5 for world in worlds)
    assert {world.budget for world in worlds} == set(BUDGETS)
    assert any(process.crashes for world in worlds for process in world.processes)
    assert {len(world.calls) for world in worlds} == {1, 2}
    asked = {line.split()[2] for world in worlds for line in world.promises.trace if " asks " in line}
    assert {"stop", "again", "now", "ambient"} <= asked

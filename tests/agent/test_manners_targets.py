"""How well the agent behaves with the built-in model, over our own cases."""

import pytest

from syncchat.agent.builtin import BuiltinModel
from syncchat.testing.manners import own_cases
from syncchat.testing.manners.report import mistakes
from syncchat.testing.manners.scoring import ModelJudge, Outcome, by_slice, play_all, total

pytestmark = pytest.mark.anyio


async def played() -> list[Outcome]:
    return await play_all(own_cases(), ModelJudge(BuiltinModel(pace=0)))


async def test_A15_the_targets_are_reached_with_the_built_in_model() -> None:
    outcomes = await played()
    scores = by_slice(outcomes)
    whole = total(scores.values())
    story = "\n".join(mistakes(outcomes))
    assert whole.wrong + whole.stray <= 0.02 * whole.quiet, story
    assert scores["to another person"].wrong == 0, story
    assert scores["request for quiet"].wrong == 0, story
    assert whole.missed_turns <= 0.01, story
    assert whole.gate <= 0.35


async def test_A15_no_turn_is_answered_twice() -> None:
    outcomes = await played()
    assert [outcome.case.id for outcome in outcomes if outcome.redundant] == []

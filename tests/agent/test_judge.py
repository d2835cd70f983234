"""The judge: the last line decides, and every doubt means quiet."""

import anyio
import pytest

from syncchat.agent.judge import MAX_VERDICT, Judgement, judge, says_interject
from syncchat.agent.model import ModelFailed
from syncchat.agent.prompt import Prompt, Turn, Who
from syncchat.testing.scripted_model import ScriptedModel, Step

PROMPT = Prompt("judge", Who("bot", "bot"), (), (), (Turn("user", "?"),))


@pytest.mark.parametrize(
    "verdict",
    [
        "INTERJECT",
        "interject\n",
        "They ask me.\nINTERJECT",
        "so:\n\n  **INTERJECT**.\n\n",
        "# INTERJECT",
        "`Interject`",
    ],
)
def test_A1_the_last_line_interject_means_speak(verdict: str) -> None:
    assert says_interject(verdict)


@pytest.mark.parametrize(
    "verdict",
    [
        "",
        "\n \n",
        "QUIET",
        "I could INTERJECT here, but they talk to each other.\nQUIET",
        "INTERJECT\nno, wait",
        "INTERJECT or QUIET",
        "do not INTERJECT",
        "INTERJECTION",
        "INTERJECT QUIET",
        "QUIET\nINTERJECT?\nQUIET",
        "Verdict: INTERJECT",
        "***",
    ],
)
def test_A1_reasoning_that_mentions_interject_does_not_trip_it(verdict: str) -> None:
    assert not says_interject(verdict)


@pytest.mark.anyio
async def test_A1_the_verdict_is_read_from_the_whole_stream() -> None:
    assert await judge(ScriptedModel(["QUIET\nINTER", "JECT"]), PROMPT, seconds=5) == Judgement(True)
    assert await judge(ScriptedModel(["INTERJECT\n", "QUI", "ET"]), PROMPT, seconds=5) == Judgement(False)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("script", "problem", "reached"),
    [
        ([ModelFailed("down")], "down", False),
        (["INTERJECT", ModelFailed("refused", reached=True)], "refused", True),
        (
            ["x" * (MAX_VERDICT + 1), "\nINTERJECT"],
            f"the answer is longer than {MAX_VERDICT} characters",
            True,
        ),
    ],
)
async def test_A2_a_judge_that_fails_or_is_cut_off_means_quiet(
    script: list[Step], problem: str, reached: bool
) -> None:
    model = ScriptedModel(script)
    assert await judge(model, PROMPT, seconds=5) == Judgement(False, problem, reached=reached)
    assert model.running == 0


@pytest.mark.anyio
async def test_A2_a_judge_that_takes_too_long_means_quiet_and_is_stopped() -> None:
    model = ScriptedModel(["INTERJECT", anyio.Event()])
    judgement = await judge(model, PROMPT, seconds=0.01)
    assert judgement == Judgement(False, "the judge took longer than 0.01 s", reached=False)
    assert model.running == 0

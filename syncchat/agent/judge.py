"""The judge: speak now, or stay quiet? In doubt it is quiet (A1, A2)."""

from typing import NamedTuple

import anyio

from syncchat.agent.model import Model, ModelFailed, whole
from syncchat.agent.prompt import Prompt
from syncchat.agent.spending import OverBudget

INTERJECT = "INTERJECT"
QUIET = "QUIET"

MAX_VERDICT = 20_000
"""Characters a judge may use before it counts as failed."""


def says_interject(verdict: str) -> bool:
    """Whether the last line that is not empty is the word INTERJECT, markup and case aside.

    Nothing else counts: a judge that thinks aloud about interjecting has not decided to.
    """
    lines = [line for line in verdict.splitlines() if line.strip()]
    if not lines:
        return False
    return lines[-1].strip(" \t*_`#>~\"'.,;:!?()[]{}-").upper() == INTERJECT


class Judgement(NamedTuple):
    """Whether to speak; `problem` is why the judge could not tell, in which case it is quiet.

    `over_budget`: that is why. `reached`: see ModelFailed.
    """

    speak: bool
    problem: str | None = None
    over_budget: bool = False
    reached: bool = True


async def judge(model: Model, prompt: Prompt, *, seconds: float) -> Judgement:
    """Ask whether to speak: no as well if the model fails, is cut off or takes longer than `seconds`."""
    try:
        with anyio.fail_after(seconds):
            return Judgement(says_interject(await whole(model, prompt, limit=MAX_VERDICT)))
    except ModelFailed as failure:
        return Judgement(False, failure.cause, isinstance(failure, OverBudget), failure.reached)
    except TimeoutError:
        return Judgement(False, f"the judge took longer than {seconds:g} s", reached=False)

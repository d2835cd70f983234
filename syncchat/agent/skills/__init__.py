"""What the built-in model can do: calculate, find, summarise, say who is here.

Each skill takes what is asked and the prompt's data, and returns its answer, or None if the request is not
for it. All of it is deterministic: the same prompt gives the same answer.
"""

from collections.abc import Callable

from syncchat.agent.prompt import Prompt
from syncchat.agent.skills.calculating import asks_to_calculate, calculating
from syncchat.agent.skills.catching_up import catching_up
from syncchat.agent.skills.finding import asks_who_said, finding
from syncchat.agent.skills.helping import CAN_DO, asks_who_is_here, helping, presence
from syncchat.agent.skills.summarising import asks_for_summary, summarising

__all__ = ["CAN_DO", "answer", "catching_up", "is_request"]

Skill = Callable[[str, Prompt], str | None]

SKILLS: tuple[Skill, ...] = (helping, presence, summarising, finding, calculating)


def answer(request: str, prompt: Prompt) -> str | None:
    """The first answer that a skill has for the request; None if it is beyond all of them."""
    return next((found for skill in SKILLS if (found := skill(request, prompt)) is not None), None)


def is_request(text: str) -> bool:
    """Whether the text, said to nobody in particular, plainly asks for something a skill can do."""
    asks = (asks_who_is_here, asks_for_summary, asks_who_said, asks_to_calculate)
    return any(asked(text) for asked in asks)

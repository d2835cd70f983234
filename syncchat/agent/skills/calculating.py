"""The skill of calculating: is a request arithmetic, and what is its value?"""

import re

from syncchat.agent.arithmetic import MAX_LENGTH, CannotCalculate, NotArithmetic, calculate
from syncchat.agent.prompt import Prompt
from syncchat.agent.skills.words import bare

_LEAD = (
    r"what(?:'s|’s| is| are)|whats|how much (?:is|are)|calculate|compute|work out|solve|evaluate|"
    r"was (?:ist|sind|macht)|wie ?viel (?:ist|sind|macht)|cuánto (?:es|son)|combien (?:font|fait)|"
    r"hoeveel is|quanto (?:fa|è|é|são)|ile to(?: jest)?"
)
_CALCULATE = re.compile(rf"(?:{_LEAD})\s+(.+)", re.I)
_INDIRECT = re.compile(r"(?:what|how much) (.+?) (?:is|are|makes?|equals?)", re.I)
_WANTS_TO_KNOW = re.compile(
    r"(?:(?:do|does) (?:you|we|any(?:one|body)|some(?:one|body)) know|any(?:one|body) know|tell (?:me|us)"
    r"|(?:i|we) (?:want|need|would like) to know) ",
    re.I,
)
_DATE_OR_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}|\d+(?:\.\d+){2,}")


def calculating(request: str, prompt: Prompt) -> str | None:
    """The value of an expression, and why there is none if it is arithmetic without a value."""
    expression, _ = _expression(request)
    if not re.search(r"\d|\bpi\b", expression) or _DATE_OR_VERSION.search(expression):
        return None
    try:
        result = calculate(expression)
    except NotArithmetic:
        return None
    except CannotCalculate as problem:
        return f"I cannot calculate {expression}: {problem}."
    return f"{expression} {result}" if result.startswith("≈") else f"{expression} = {result}"


def asks_to_calculate(text: str) -> bool:
    """Whether the text plainly asks for a result: a lone number, a date or a version does not."""
    expression, asked = _expression(text)
    if not asked or not re.search(r"\d", expression) or not re.search(r"[^\d.,\s-]|\d\s*-", expression):
        return False
    if _DATE_OR_VERSION.search(expression):
        return False
    try:
        calculate(expression)
    except NotArithmetic:
        return False
    except CannotCalculate:
        return True
    return True


def _expression(text: str) -> tuple[str, bool]:
    """What may be arithmetic in the text, and whether its result is plainly asked for."""
    request = bare(text)
    told = _WANTS_TO_KNOW.match(request)
    request = request[told.end() :] if told else request
    led = _INDIRECT.fullmatch(request) or _CALCULATE.fullmatch(request)
    # One character more than may be calculated, so that what is too long is seen to be.
    candidate = (led[1] if led else request).rstrip("= ")[: MAX_LENGTH + 1]
    return candidate, bool(led) or text.rstrip().endswith(("?", "="))

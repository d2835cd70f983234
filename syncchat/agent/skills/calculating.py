"""The skill of calculating: is a request arithmetic, and what is its value?"""

import re
from collections.abc import Iterator

from syncchat.agent.arithmetic import MAX_LENGTH, CannotCalculate, NotArithmetic, calculate
from syncchat.agent.prompt import Prompt
from syncchat.agent.skills.words import bare

MAX_REQUEST = 1_000
"""Characters in which something to calculate is looked for."""

_LEAD = (
    r"what(?:'s|’s| is| are)|whats|how much (?:is|are)|calculate|compute|work out|solve|evaluate|"
    r"was (?:ist|sind|macht)|wie ?viel (?:ist|sind|macht)|cuánto (?:es|son)|combien (?:font|fait)|"
    r"hoeveel is|quanto (?:fa|è|é|são)|ile to(?: jest)?"
)
_CALCULATE = re.compile(rf"(?:{_LEAD})\s+(.+)", re.I)
_CLAUSE = (
    r"(?:what|how much|was|wie ?viel) (.+?) (?:is|are|makes?|equals?|comes? to|adds? up to|ist|sind|ergibt)"
)
_INDIRECT = re.compile(_CLAUSE, re.I)
_WANTS_TO_KNOW = re.compile(
    r"(?:(?:do|does) (?:you|we|any(?:one|body)|some(?:one|body)) know|any(?:one|body) know|tell (?:me|us)"
    r"|(?:i|we) (?:want|need|would like) to know) ",
    re.I,
)
_AMID = re.compile(rf"\b(?:{_LEAD})\s+(.+)|\b{_CLAUSE}\Z|(.+?)\s*=\Z", re.I)
"""Somewhere in a sentence: `quick, what's 15% of 86 for the tip`, `do the math for me, 1250 / 8 =`."""
_SENTENCE = re.compile(r"(?<=[?!.:;])\s+")
_BESIDE = re.compile(
    r"(?:[ ,]+(?:again|please|pls|plz|anyone|anybody|guys|folks|exactly|roughly|now|then|altogether"
    r"|in total|(?:for|on) (?:the|a|an|my|our|this) \w+|for (?:me|us)))+\Z",
    re.I,
)
_DATE_OR_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}|\d+(?:\.\d+){2,}")


def calculating(request: str, prompt: Prompt) -> str | None:
    """The value of an expression, and why there is none if it is arithmetic without a value."""
    expression = next((found for found in _amid(request) if _has_value(found)), _expression(request)[0])
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
    return (asked and _has_value(expression)) or any(map(_has_value, _amid(text)))


def _has_value(expression: str) -> bool:
    """Whether it is arithmetic, if perhaps with a value that cannot be told, and no number alone."""
    if not re.search(r"\d", expression) or not re.search(r"[^\d.,\s-]|\d\s*-", expression):
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


def _amid(text: str) -> Iterator[str]:
    """What may be arithmetic amid other words, and is asked for by those before it."""
    for sentence in _SENTENCE.split(" ".join(text.split())[:MAX_REQUEST]):
        found = _AMID.search(sentence.rstrip("?!. "))
        told = found is not None and found[2] is not None and not sentence.endswith("?")
        if found is not None and not told:  # `I know what 2+2 is`
            asked = _BESIDE.sub("", found[1] or found[2] or found[3].rpartition(", ")[2])
            yield asked.rstrip("= ")[: MAX_LENGTH + 1]


def _expression(text: str) -> tuple[str, bool]:
    """What may be arithmetic in the text, and whether its result is plainly asked for."""
    request = bare(text)
    told = _WANTS_TO_KNOW.match(request)
    request = request[told.end() :] if told else request
    led = _INDIRECT.fullmatch(request) or _CALCULATE.fullmatch(request)
    # One character more than may be calculated, so that what is too long is seen to be.
    candidate = (led[1] if led else request).rstrip("= ")[: MAX_LENGTH + 1]
    return candidate, bool(led) or text.rstrip().endswith(("?", "="))

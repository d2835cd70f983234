"""Who is a message meant for? Pure text, by the habits of chat rooms."""

import re
from collections.abc import Iterable

_GREETING = r"(?:hey|hi|hello|ok|okay|dear|yo|please|so|and|thanks|thank you)"


def request_to(text: str, names: Iterable[str]) -> str | None:
    """What is asked of the one who has `names`: the text without the address; None if it is not meant.

    Meant are `@name` anywhere, the name in front (`name: ...`, `hey name, ...`, `name ...?`) and behind a
    comma at the end (`..., name?`). A name in the middle of a sentence is talk about somebody, not to them.
    """
    # One space at most between two words: the patterns would try long runs of them over and over.
    spaced = _tidy(text)
    folded = spaced.casefold()
    for name in names:
        # A pattern for each of many names costs a millisecond to compile, and most names are not there.
        if not name or name.casefold() not in folded:
            continue
        rest = _without(spaced, re.escape(name))
        if rest is not None:
            return rest
    return None


def _without(text: str, name: str) -> str | None:
    at = re.compile(rf"(?<![\w@])@{name}(?![\w-])[,:]?", re.I)
    if at.search(text):
        return _tidy(at.sub(" ", text))
    front = re.match(
        rf"(?:{_GREETING}[,!]?\s+)?{name}\s*(?:[,:!?]+(?=\s|$)|$|[-–—]\s)(?P<rest>.*)", text, re.I | re.S
    )
    if front:
        return _tidy(front["rest"])
    asked = re.match(rf"(?:{_GREETING}[,!]?\s+)?{name}\s+(?P<rest>.*\?)\s*\Z", text, re.I | re.S)
    if asked:
        return _tidy(asked["rest"])
    behind = re.match(rf"(?P<rest>.*),\s*{name}\s*(?P<mark>[.!?]*)\s*\Z", text, re.I | re.S)
    return _tidy(behind["rest"] + behind["mark"]) if behind else None


def _tidy(text: str) -> str:
    return " ".join(text.split())


def is_to_somebody(text: str, people: Iterable[str]) -> bool:
    """Whether a message names whom it is for: `@name`, `name: ...`, or one of `people` as in `request_to`."""
    if re.search(r"(?<![\w@])@[\w-]{1,40}", text) or re.match(r"\s*[\w-]{1,40}:(?=\s)", text):
        return True
    return any(request_to(text, [person]) is not None for person in people)

"""How the skills read what people write, and how they quote it."""

import re
from datetime import UTC, datetime

from syncchat.agent.citing import unlabelled
from syncchat.agent.prompt import Line, Prompt, one_line

MAX_QUOTE = 160
"""Characters of a message that an answer quotes."""

_POLITENESS = re.compile(
    r"^(?:so|hey|hi|ok|please|(?:can|could|would) (?:you|someone|anyone|anybody|somebody)(?: please)?)[,\s]+",
    re.I,
)

_STOPWORDS = """
    a about after all also am an and any are as at be because been before but by can cant could did do
    does doesnt dont for from get go going good got had has have he her here him his how i id if im in
    into is isnt it its ive just know let like make me more my need new no not now of off ok okay on one
    only or other our out over please really right said say see she should so some still sure than
    thanks that thats the their them then there these they thing think this those time to too up us use
    very want was we well were what when where which who why will with would yeah yes you your
"""
STOPWORDS = frozenset(_STOPWORDS.split())


def bare(text: str) -> str:
    """A request in one line, without politeness and the marks at its end."""
    asked = _POLITENESS.sub("", " ".join(text.split()))
    return asked.rstrip("?!. ").removesuffix(" please").rstrip(", ")


def words(text: str) -> list[str]:
    """The words that carry meaning, in lower case and in order; addresses of web pages are left out."""
    plain = re.sub(r"https?://\S+", " ", text.lower()).replace("'", "").replace("’", "")
    return [
        word for word in re.findall(r"\w(?:[\w.-]*\w)?", plain) if len(word) > 1 and word not in STOPWORDS
    ]


def when(at: int) -> str:
    """A time in ms since 1970 as people write it, in UTC: the agent cannot know anybody's time zone."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def quoted(line: Line, prompt: Prompt) -> str:
    """A message as one line of an answer, with its author and its time, and cited by its label."""
    label = prompt.label(line)
    # A text that holds what looks like a label would lead to another message than its own.
    text = one_line(unlabelled(line.text), MAX_QUOTE)
    return f"- {line.user}, {when(line.at)}: “{text}”{label and f' [{label}]'}"

"""The skill of summarising: who said how much, about what, and what is still open."""

import re
from collections import Counter
from collections.abc import Sequence

from syncchat.agent.addressing import request_to
from syncchat.agent.prompt import Line, Prompt, Who
from syncchat.agent.skills.words import bare, quoted, when, words

KEY_MESSAGES = 3
TOPICS = 5

_VERBS = (
    r"summari[sz]e|sum up|recap|tl;?dr|(?:give|write) (?:me |us )?(?:a |the )(?:summary|recap)|catch me up"
    r"|what did i miss|what(?:'s|’s| is| was) (?:going on|happening)|what happened"
)
_ASKED = re.compile(rf"(?:{_VERBS})(?: .{{0,60}})?", re.I)
_WANTED = re.compile(rf"(?:{_VERBS}|summary)(?: .{{0,60}})?", re.I)


def asks_for_summary(text: str) -> bool:
    """Whether the text, said to nobody in particular, asks for a summary."""
    return _ASKED.fullmatch(bare(text)) is not None


def summarising(request: str, prompt: Prompt) -> str | None:
    """Who said how much, about what, the messages that say most, and the question left open."""
    if not _WANTED.fullmatch(bare(request)):
        return None
    lines = [line for line in prompt.lines[:-1] if _is_talk(line, prompt.me)]
    if not lines:
        return "There is nothing to summarise yet: I see no earlier message."
    question = _open_question(prompt.lines[:-1])
    return "\n".join([_overview(lines), *_topics(lines), *_key_messages(lines, prompt), *question])


def _is_talk(line: Line, me: Who) -> bool:
    """Whether people said it to each other: requests to the agent and its answers are no news."""
    return line.user != me.user and request_to(line.text, (me.user, me.name)) is None


def _overview(lines: Sequence[Line]) -> str:
    counts = Counter(line.user for line in lines)
    by = ", ".join(f"{user} ({count})" for user, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
    how_many = "The last message" if len(lines) == 1 else f"The last {len(lines)} messages"
    return f"{how_many}, since {when(lines[0].at)}, by {by}."


def weights(lines: Sequence[Line]) -> Counter[str]:
    """In how many messages each word stands: somebody's repetition makes no topic."""
    return Counter(word for line in lines for word in set(words(line.text)))


def _topics(lines: Sequence[Line]) -> list[str]:
    authors = {line.user.lower() for line in lines}
    ranked = sorted(weights(lines).items(), key=lambda w: (-w[1], w[0]))
    topics = [word for word, count in ranked if count > 1 and not word.isdigit() and word not in authors]
    return [f"Mostly about: {', '.join(topics[:TOPICS])}."] if topics else []


def _key_messages(lines: Sequence[Line], prompt: Prompt) -> list[str]:
    """The messages with the weightiest words, in the order they were said."""
    counts = weights(lines)

    def weight(index: int) -> tuple[float, int]:
        said = set(words(lines[index].text))
        # Damped by the length, so that a long message does not win by its length alone.
        return (sum(counts[word] for word in said) / (len(said) + 4), index)

    best = sorted(range(len(lines)), key=weight, reverse=True)[:KEY_MESSAGES]
    return [quoted(lines[index], prompt) for index in sorted(best)]


def _open_question(lines: Sequence[Line]) -> list[str]:
    """The last question, if nobody else has said anything since."""
    asked = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].text.rstrip().endswith("?")), None)
    if asked is None or any(line.user != lines[asked].user for line in lines[asked + 1 :]):
        return []
    return [f"Still open: the question of {lines[asked].user}, {when(lines[asked].at)}."]

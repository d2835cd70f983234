"""The skill of telling what somebody has missed: the messages that say most, as they were said."""

from collections import Counter
from collections.abc import Sequence

from syncchat.agent.citing import unlabelled
from syncchat.agent.prompt import Line, Prompt, one_line
from syncchat.agent.skills.summarising import weights
from syncchat.agent.skills.words import MAX_QUOTE, words
from syncchat.core.mentions import mentioned

MAX_POINTS = 8
"""Messages that are picked."""


def catching_up(prompt: Prompt) -> str:
    """A line for each of the messages that matter most to who was away, in their order, with its label.

    First come those that mention it, then questions and what is about what most is about.
    """
    label = {id: name for name, id in prompt.labels.items()}
    lines = [line for line in prompt.lines if line.user != prompt.me.user]
    counts = weights(lines)
    ranked = sorted(lines, key=lambda line: _weight(line, counts, prompt.me.user), reverse=True)
    return "\n".join(_told(line, label[line.id]) for line in _in_order(ranked[:MAX_POINTS]))


def _in_order(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: line.id)


def _weight(line: Line, counts: Counter[str], reader: str) -> tuple[bool, float, str]:
    said = set(words(line.text))
    asks = line.text.rstrip().endswith("?")
    # Damped by the length, so that a long message does not win by its length alone.
    about = sum(counts[word] for word in said) / (len(said) + 4)
    return reader in mentioned(line.text), about * (2 if asks else 1), line.id


def _told(line: Line, label: str) -> str:
    # A text that holds what looks like a label would lead to another message than its own.
    return f"{one_line(unlabelled(line.text), MAX_QUOTE)} [{label}]"

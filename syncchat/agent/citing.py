"""Labels for the messages in a prompt, and from the labels in an answer back to the messages.

A model does not copy an id of 30 characters faithfully; it does copy `[m3]`.
"""

import re
from collections.abc import Mapping, Sequence

from syncchat.agent.lines import Line
from syncchat.core.answer import MAX_CITES, Cite

_CITED = re.compile(r"\[\s*(m\d{1,4}(?:\s*[,;]\s*m\d{1,4})*)\s*\]")
_LABEL = re.compile(r"m\d{1,4}")


def labelled(lines: Sequence[Line]) -> dict[str, str]:
    """A label for each line, and the id of its message: `m1` for the first, and so on."""
    return {f"m{number}": line.id for number, line in enumerate(lines, 1)}


def cites(text: str, labels: Mapping[str, str]) -> list[Cite]:
    """The labels that `text` cites, as in `[m3]` or `[m3, m5]`, with their messages' ids, in its order.

    A label that the prompt did not give is none: nobody makes an answer point to what was not in it. What is
    over MAX_CITES is none either.
    """
    found = (label for group in _CITED.findall(text) for label in _LABEL.findall(group))
    return [(label, labels[label]) for label in dict.fromkeys(found) if labels.get(label)][:MAX_CITES]


def unlabelled(text: str) -> str:
    """`text` without anything that would be taken for a citation."""
    return _CITED.sub("", text)


def relabelled(line: Line, labels: Mapping[str, str]) -> str:
    """The text of an answer with the labels of the present prompt instead of those it was given with.

    Yesterday's `[m3]` is another message today: what the prompt does not hold loses its label.
    """
    now = {id: label for label, id in labels.items()}
    then = {label: now.get(id) for label, id in line.cites}

    def renamed(match: re.Match[str]) -> str:
        kept = [known for label in _LABEL.findall(match[1]) if (known := then.get(label)) is not None]
        return f"[{', '.join(kept)}]" if kept else ""

    return _CITED.sub(renamed, line.text)

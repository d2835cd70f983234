"""Which messages get into a prompt: a window of them, and no more than a budget of tokens allows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from syncchat.agent.lines import Line
from syncchat.agent.quoting import quoted
from syncchat.agent.tokens import estimated

MAX_TEXT = 4_000
"""Characters of one message that get into a prompt; the rest is cut, and the prompt says so."""

LEAST_TEXT = 125
"""Characters that a message in a prompt keeps, however little room there is."""

MAX_NEWER = 10
MAX_FOUND = 8

OVERHEAD = 25
"""Tokens that a line takes beside its text: label, author, time."""

CUT = " […the rest is cut]"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits, each oldest first; `left_out`: some of what belongs here did not."""

    lines: tuple[Line, ...]
    newer: tuple[Line, ...] = ()
    found: tuple[Line, ...] = ()
    left_out: bool = False


def fit(
    before: Iterator[Line],
    *,
    window: int,
    budget: int,
    newer: Sequence[Line] = (),
    found: Sequence[Line] = (),
) -> Fitted:
    """The first `window` of `before` (newest first), with what is `newer` and what was `found`, in a budget.

    `budget` is in tokens, 600 at least. The first of `before` is what all is about: it is always there, if
    need be clipped. Of the rest at most a third goes to `newer`, half of what then is left to `found`, and
    all else to the conversation before, of which the newest come first; no single message takes more than
    a quarter of all. A message is there only once.
    """
    share = budget // 4  # nobody's flood pushes out all that others have said
    asked = [_clipped(line, budget * 2 // 3) for line in islice(before, 1)]
    left = budget - sum(map(_cost, asked))
    since = _taken(reversed(newer), MAX_NEWER, left // 3, share)
    left -= sum(map(_cost, since))
    conversation = list(islice(before, window - 1))
    known = {line.id for line in chain(asked, since, conversation)}
    looked_up = _taken((line for line in found if line.id not in known), MAX_FOUND, left // 2, share)
    left -= sum(map(_cost, looked_up))
    kept = _taken(conversation, window, left, share)
    return Fitted(
        lines=(*reversed(kept), *asked),
        newer=tuple(reversed(since)),
        found=tuple(sorted(looked_up, key=lambda line: line.id)),
        left_out=len(kept) < len(conversation) or len(since) < len(newer),
    )


def _taken(lines: Iterable[Line], count: int, budget: int, share: int) -> list[Line]:
    """As many of the first as the budget allows, without a gap, each clipped to its share."""
    taken: list[Line] = []
    for line in islice(lines, count):
        clipped = _clipped(line, share)
        budget -= _cost(clipped)
        if budget < 0:
            break
        taken.append(clipped)
    return taken


def _cost(line: Line) -> int:
    return estimated(quoted(line.text)) + OVERHEAD


def _clipped(line: Line, tokens: int) -> Line:
    """The line, with so much of its text that it takes about so many tokens at most."""
    limit = MAX_TEXT
    while limit > LEAST_TEXT and _cost(_cut(line, limit)) > tokens:
        limit //= 2
    return _cut(line, limit)


def _cut(line: Line, limit: int) -> Line:
    if len(line.text) <= limit + len(CUT):
        return line
    return replace(line, text=line.text[:limit] + CUT)

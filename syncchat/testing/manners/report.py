"""Scores as tables for people, and as JSON for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

from syncchat.agent.lines import one_line
from syncchat.testing.manners.case import Case
from syncchat.testing.manners.scoring import Outcome, Score, total

RATES = ("false_interjections", "missed_answers", "missed_turns", "precision", "gate", "share")
"""The properties of a Score that go into JSON beside its counts."""

MAX_SHOWN = 200
"""Characters of a message that are shown."""

_SLICES = (
    "slice",
    "cases",
    "false",
    "missed",
    "addressed missed",
    "stray",
    "gate/message",
    "share",
    "redundant",
)
_TALKS = (
    "policy",
    "messages",
    "false",
    "missed",
    "addressed missed",
    "due",
    "gate/message",
    "share",
    "redundant",
)


def slice_table(scores: Mapping[str, Score]) -> Iterator[str]:
    """A line for each slice, and one for all of them."""
    rows = [*scores.items(), ("total", total(scores.values()))]
    yield from _table(
        _SLICES,
        [(name, str(score.cases), *_wrong(score), str(score.stray), *_cost(score)) for name, score in rows],
    )


def talk_table(scores: Mapping[str, Score]) -> Iterator[str]:
    """A line for each policy that was told the same conversations."""
    rows = scores.items()
    yield from _table(
        _TALKS,
        [
            (name, str(score.human_messages), *_wrong(score), f"{score.precision:.0%}", *_cost(score))
            for name, score in rows
        ],
    )


def mistakes(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Each case that came out wrong, with its story."""
    for outcome in outcomes:
        if outcome.wrong or outcome.stray or outcome.missed or outcome.redundant:
            yield from _mistake(outcome)


def to_json(score: Score) -> dict[str, object]:
    """A score with its counts and its rates."""
    return asdict(score) | {rate: round(getattr(score, rate), 4) for rate in RATES}


def _wrong(score: Score) -> tuple[str, str, str]:
    return (
        _of(score.wrong, score.quiet),
        _of(score.missed, score.speak),
        _of(score.missed_addressed, score.addressed),
    )


def _cost(score: Score) -> tuple[str, str, str]:
    return (f"{score.gate:.2f}", f"{score.share:.0%}", str(score.redundant))


def _of(count: int, all_: int) -> str:
    return f"{count} of {all_} ({count / all_:.1%})" if all_ else "-"


def _mistake(outcome: Outcome) -> Iterator[str]:
    case = outcome.case
    kinds = {
        "false interjection": outcome.wrong,
        "missed": outcome.missed,
        "stray": outcome.stray,
        "redundant": outcome.redundant,
    }
    what = " and ".join(kind for kind, is_so in kinds.items() if is_so)
    yield f"{case.id}: {what} ({case.label}, {case.mode})" + (f": {case.why}" if case.why else "")
    yield from _story(case)
    for reply in outcome.played.replies:
        yield f"    => replied to {' and '.join(reply)}"


def _story(case: Case) -> Iterator[str]:
    for event in case.events:
        what = one_line(event.text, MAX_SHOWN) or f"({event.kind} {event.verb}".rstrip() + ")"
        to = f" >{event.reply_to}" if event.reply_to else ""
        yield f"    {event.time:g} s {event.id} {event.author}{to}: {what}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()

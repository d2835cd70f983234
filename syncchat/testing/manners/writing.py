"""Writes cases as JSON Lines, as `reading` reads them."""

import json
from dataclasses import asdict, fields

from syncchat.testing.manners.case import ME, Case, Event

_UNSAID = {field.name: field.default for field in fields(Event)}


def case_line(case: Case) -> str:
    """A case as one line of JSON, without its end; what is as it would be anyway is left out."""
    row: dict[str, object] = {
        "id": case.id,
        "slice": case.slice,
        "label": case.label,
        "deadline": case.deadline,
        "mode": case.mode,
        "events": [_event(event) for event in case.events],
        "about": list(case.about),
        "addressed": case.addressed,
    }
    if case.me != ME:
        row["me"] = asdict(case.me)
    if case.people:
        row["people"] = list(case.people)
    if case.grace is not None:
        row["grace"] = case.grace
    if case.why:
        row["why"] = case.why
    return json.dumps(row, ensure_ascii=False)


def _event(event: Event) -> dict[str, object]:
    return {name: value for name, value in asdict(event).items() if name == "time" or value != _UNSAID[name]}

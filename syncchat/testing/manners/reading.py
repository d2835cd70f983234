"""Reads cases from JSON Lines, and says with file and line what is wrong with one."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import cast, get_args

from syncchat.agent.lines import Who
from syncchat.errors import SyncchatError
from syncchat.testing.manners.case import ME, SILENT, SLICES, UNADDRESSED, Case, Event, Kind, Label, Mode
from syncchat.testing.manners.fields import flag, json_object, keys, number, one_of, text, texts, user_id, who

MAX_LINE = 1_000_000
"""Bytes of one case; a longer line is no case."""

_NEEDS: dict[Kind, frozenset[str]] = {
    "message": frozenset({"id", "author", "text"}),
    "edit": frozenset({"id", "author", "text"}),
    "delete": frozenset({"id", "author"}),
    "typing": frozenset({"author", "seconds"}),
    "request": frozenset({"author", "verb"}),
    "model-failed": frozenset({"author", "reply_to"}),
    "away": frozenset(),
    "back": frozenset(),
}
_MAY: dict[Kind, frozenset[str]] = {
    "message": frozenset({"reply_to", "agent"}),
    "request": frozenset({"id", "seconds"}),
}
_CASE_NEEDS = frozenset({"id", "slice", "label", "deadline", "mode", "events"})
_CASE_MAY = frozenset({"about", "addressed", "me", "people", "grace", "why"})


class BadCase(SyncchatError):
    """A line of a file is no case; the text is `file:line: what is wrong`."""


def own_cases() -> list[Case]:
    """The cases that come with syncchat."""
    folder = resources.files("syncchat.testing.manners").joinpath("cases")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".jsonl")), key=lambda file: file.name)
    return [case for file in files for case in _cases(file.name, file.read_bytes())]


def read_cases(path: Path) -> list[Case]:
    """The cases of a file. Raises BadCase, OSError."""
    return list(_cases(str(path), path.read_bytes()))


def _cases(name: str, data: bytes) -> Iterator[Case]:
    known: set[str] = set()
    for row, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            case = parse_case(line)
            if case.id in known:
                raise ValueError(f"the id {case.id!r} is there a second time")
        except (ValueError, RecursionError) as wrong:
            raise BadCase(f"{name}:{row}: {wrong}") from wrong
        known.add(case.id)
        yield case


def parse_case(line: bytes) -> Case:
    """One line as a case. Raises ValueError."""
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} bytes")
    try:
        row: object = json.loads(line)
    except ValueError as wrong:
        raise ValueError(f"no JSON: {wrong}") from wrong
    fields = json_object(row, "a case")
    keys(fields, _CASE_NEEDS, _CASE_MAY)
    me = who(fields["me"]) if "me" in fields else ME
    events = tuple(_events(fields["events"]))
    about = tuple(texts(fields["about"], "about")) if "about" in fields else _last(events, me)
    slice_ = one_of(fields["slice"], SLICES, "slice")
    case = Case(
        id=text(fields["id"], "id"),
        slice=slice_,
        label=cast(Label, one_of(fields["label"], get_args(Label), "label")),
        deadline=number(fields["deadline"], "deadline"),
        mode=cast(Mode, one_of(fields["mode"], get_args(Mode), "mode")),
        events=events,
        about=about,
        addressed=flag(fields.get("addressed", slice_ not in UNADDRESSED), "addressed"),
        me=me,
        people=texts(fields["people"], "people") if "people" in fields else SILENT,
        grace=number(fields["grace"], "grace") if "grace" in fields else None,
        why=text(fields.get("why", ""), "why"),
    )
    _check_story(case)
    return case


def _check_story(case: Case) -> None:
    written: set[str] = set()
    last = 0.0
    for event in case.events:
        if event.time < last:
            raise ValueError(f"an event at {event.time:g} s comes after one at {last:g} s")
        last = event.time
        target = event.reply_to if event.kind in ("message", "model-failed") else event.id
        if target and target not in written:
            raise ValueError(
                f"{event.kind} at {event.time:g} s is about {target!r}, which nobody has written"
            )
        if event.kind == "message":
            if event.id in written:
                raise ValueError(f"two messages have the id {event.id!r}")
            written.add(event.id)
    if unknown := set(case.about) - written:
        raise ValueError(f"it is about {min(unknown)!r}, which nobody has written")
    if last > case.end:
        raise ValueError(f"an event at {last:g} s comes after its end at {case.end:g} s")


def _events(value: object) -> Iterator[Event]:
    if not isinstance(value, list) or not value:
        raise ValueError("events: a list of at least one event")
    for item in value:
        fields = json_object(item, "an event")
        kind = cast(Kind, one_of(fields.get("kind", "message"), get_args(Kind), "kind"))
        keys(fields, _NEEDS[kind] | {"time"}, _MAY.get(kind, frozenset()) | {"kind"})
        yield Event(
            time=number(fields["time"], "time"),
            kind=kind,
            id=text(fields.get("id", ""), "id"),
            author=user_id(fields["author"]) if "author" in fields else "",
            text=text(fields.get("text", ""), "text"),
            reply_to=None if fields.get("reply_to") is None else text(fields["reply_to"], "reply_to"),
            agent=flag(fields.get("agent", False), "agent"),
            verb=text(fields.get("verb", ""), "verb"),
            seconds=number(fields.get("seconds", 0), "seconds"),
        )


def _last(events: tuple[Event, ...], me: Who) -> tuple[str, ...]:
    said = [event.id for event in events if event.kind == "message" and event.author != me.user]
    if not said:
        raise ValueError("nobody writes anything")
    return (said[-1],)

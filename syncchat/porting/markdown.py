"""A room as Markdown, for people: a heading for each day, each message quoted under its author."""

import re

from syncchat.core.ids import parse_id
from syncchat.core.timestamps import time_text
from syncchat.porting.record import About, Record

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What would act on a terminal, or turn the order of a line."""

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#])")


class MarkdownWriter:
    """Turns messages, in their order, into Markdown; each call gives what is to be appended."""

    def __init__(self) -> None:
        self._day = ""

    def header(self, about: About) -> str:
        """What stands above the messages."""
        lines = [f"# {_plain(about.title or about.room)}", ""]
        if about.topic:
            lines += [_plain(about.topic), ""]
        return "\n".join(lines)

    def record(self, record: Record) -> str:
        """A message, below the heading of its day if it is the first of it."""
        day, time = time_text(parse_id(record.id).hlc)[:-1].split("T")
        heading = "" if day == self._day else f"\n## {day}\n"
        self._day = day
        notes = "".join(f" · {note}" for note in _notes(record))
        text = "" if record.body.deleted else _quoted(record.body.text)
        return f"{heading}\n**{parse_id(record.id).user}** {time[:8]}{notes}\n\n{text}"

    def end(self, _messages: int) -> str:
        """Nothing stands below them."""
        return ""


def _notes(record: Record) -> list[str]:
    body = record.body
    notes = []
    if body.re is not None:
        answered = parse_id(body.re)
        notes.append(f"to {answered.user}, {time_text(answered.hlc)[:16].replace('T', ' ')}")
    if body.deleted:
        notes.append(f"deleted by {body.by}" if body.by else "deleted")
    if body.agent:
        notes.append("agent")
    if body.edited is not None:
        notes.append("edited")
    if body.state or record.streaming:
        by = f" by {body.stopped_by}" if body.stopped_by else ""
        notes.append(body.state + by if body.state else "still being written")
    notes += [f"{_plain(emoji)} {', '.join(users)}" for emoji, users in record.reactions.items()]
    return notes


def _quoted(text: str) -> str:
    """As a quotation, out of which neither an open fence nor a heading reaches; tags stay text."""
    harmless = _TAG.sub("&lt;", _CONTROL.sub("\ufffd", text))
    return "".join(f"> {line}".rstrip() + "\n" for line in harmless.split("\n"))


def _plain(text: str) -> str:
    """Some words of a line, without any meaning in Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(_CONTROL.sub("\ufffd", text).split()))

"""Our own file of a room: JSON Lines, one object a line, that needs none of our code to be read.

The first line is about the room, the last one says how many messages there were before it; each line
between them is a message, under the names that the HTTP API has. What says nothing is left out.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from syncchat.core.answer import MAX_CITES, Call, Cite, are_calls, are_cites, ended
from syncchat.core.codec import dump
from syncchat.core.ids import HLC_WIDTH, parse_id
from syncchat.core.message import STATES, Body
from syncchat.core.timestamps import read_time, time_text
from syncchat.porting.authors import Authors
from syncchat.porting.record import NO_REACTIONS, About, Record

VERSION = 1

HEADER, END = "syncchat", "end"
"""What tells the first line, which has the format's version there, and the last one."""


class JsonLinesWriter:
    """Turns a room into lines; each call gives what is to be appended."""

    def header(self, about: About) -> str:
        """The first line."""
        return dump({HEADER: VERSION, **about._asdict()}) + "\n"

    def end(self, messages: int) -> str:
        """The last line, behind so many messages."""
        return dump({END: True, "messages": messages}) + "\n"

    def record(self, record: Record) -> str:
        """The line of a message."""
        id, body = parse_id(record.id), record.body
        told = {
            "text": body.text,
            "re": body.re,
            "edited": None if body.edited is None else time_text(body.edited),
            "deleted": body.deleted,
            "deleted_by": body.by,
            "agent": body.agent,
            "state": body.state,
            "of": body.of,
            "stopped_by": body.stopped_by,
            "problem": body.problem,
            "cites": [{"label": label, "id": cited} for label, cited in body.cites],
            "calls": list(body.calls),
            "streaming": record.streaming,
            "reactions": dict(record.reactions),
        }
        said = {name: value for name, value in told.items() if value or (name == "text" and not body.deleted)}
        return dump({"id": record.id, "time": time_text(id.hlc), "user": id.user, **said}) + "\n"


def read_jsonl(lines: Iterable[bytes], authors: Authors) -> Iterator[Record | About]:
    """The messages in lines, and what these say of a room. Raises ValueError.

    What begins with a first line has to end with its last one; lines that somebody has picked out of
    a file need neither.
    """
    is_open = False
    messages = 0
    for line in lines:
        value = _load(line)
        if HEADER in value:
            _check_ended(is_open)
            yield _read_header(value)
            is_open, messages = True, 0
        elif value.get(END) is True:
            if is_open and value.get("messages") != messages:
                raise ValueError(f"{messages} messages stand above, and this line says another number")
            is_open = False
        else:
            yield _read_record(value, authors)
            messages += 1
    _check_ended(is_open)


def _check_ended(is_open: bool) -> None:
    if is_open:
        raise ValueError(
            "the file ends here without its last line, so some of it is missing: export it again"
        )


def _load(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError("that is no UTF-8") from error
    except (ValueError, RecursionError) as error:
        cut = "" if line.endswith(b"\n") else ", and the file ends in the middle of a line"
        raise ValueError(f"that is no JSON{cut}") from error
    if not isinstance(value, dict):
        raise ValueError("a line has to be a JSON object")
    return value


def _read_header(value: dict[str, Any]) -> About:
    if value[HEADER] != VERSION:
        raise ValueError(
            f"it is of version {str(value[HEADER])[:20]}, and this syncchat reads {VERSION}: update it"
        )
    return About(
        _text(value, "room") or "",
        _text(value, "title") or "",
        _text(value, "topic") or "",
    )


def _read_record(value: dict[str, Any], authors: Authors) -> Record:
    id = _mapped(_text(value, "id") or "", authors)
    reactions = _read_reactions(value.get("reactions"), authors)
    deleted_by = _text(value, "deleted_by")
    if value.get("deleted") is True:
        return Record(id, Body("", deleted=True, by=deleted_by and authors.user(deleted_by)), reactions)
    text, state, stopped_by = _text(value, "text"), _text(value, "state"), _text(value, "stopped_by")
    if text is None:
        raise ValueError("a message without a `text`")
    if state is not None and state not in STATES:
        raise ValueError(f"there is no state {state[:40]!r}")
    # Nobody goes on with what is imported, so what was being written then was broken off.
    streaming = value.get("streaming") is True
    body = Body(
        text,
        re=_mapped_or_none(value, "re", authors),
        edited=_time(value, "edited"),
        agent=value.get("agent") is True,
        state="interrupted" if streaming else state,
        of=_mapped_or_none(value, "of", authors),
        stopped_by=stopped_by and authors.user(stopped_by),
        problem=_text(value, "problem"),
        cites=_read_cites(value.get("cites"), authors),
        calls=_read_calls(value.get("calls"), authors),
    )
    return Record(id, body, reactions)


def _read_cites(value: Any, authors: Authors) -> tuple[Cite, ...]:
    told = value or []
    if not isinstance(told, list) or not all(isinstance(cite, dict) for cite in told):
        raise ValueError("`cites` has to be a list of labels with ids")
    cites = [(cite.get("label"), cite.get("id")) for cite in told]
    if not are_cites(cites):
        raise ValueError(f"`cites` has to be a list of at most {MAX_CITES} labels with ids")
    return tuple((label, _mapped(id, authors)) for label, id in cites)


def _read_calls(value: Any, authors: Authors) -> tuple[Call, ...]:
    told = value or []
    if not are_calls(told):
        raise ValueError("`calls` has to be a list of calls of tools, each with `name`, `args` and `state`")
    return ended([call | ({"by": authors.user(call["by"])} if call.get("by") else {}) for call in told])


def _read_reactions(value: Any, authors: Authors) -> dict[str, tuple[str, ...]]:
    if not value:
        return dict(NO_REACTIONS)
    if not isinstance(value, dict) or not all(isinstance(users, list) for users in value.values()):
        raise ValueError("`reactions` has to have a list of users for each emoji")
    return {emoji: tuple(authors.user(_name(user)) for user in users) for emoji, users in value.items()}


def _mapped(id: str, authors: Authors) -> str:
    """The id as it is with its author's user here; the time and the random part stay."""
    parts = parse_id(id)
    return f"{id[:HLC_WIDTH]}.{authors.user(parts.user)}.{parts.rand}"


def _mapped_or_none(value: dict[str, Any], name: str, authors: Authors) -> str | None:
    id = _text(value, name)
    return id and _mapped(id, authors)


def _text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise ValueError(f"`{name}` has to be a text")
    return text


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a user has to be a text")
    return value


def _time(value: dict[str, Any], name: str) -> int | None:
    text = _text(value, name)
    return None if text is None else read_time(text)

"""What a server refused, kept for whoever wrote it, and how that is written down (G14)."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from syncchat.core.places import Row
from syncchat.errors import MalformedUpdate

MAX_REFUSALS = 100
"""Refusals kept for one doc; past it the oldest are forgotten."""

MAX_KEPT_TEXT = 64 * 1024
"""Characters kept of each; a message has at most a quarter of it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One change that the server refused, and what its author had written.

    `rule` is the SPEC rule it broke, empty if the server named none, and `reason` a sentence. `row` is
    the root and the key it was about in `doc`, `text` what stood there on this side: a message's text,
    another value as JSON, nothing for a deletion. `at` is when it was refused, in milliseconds since 1970.
    """

    rule: str
    reason: str
    doc: str
    row: Row
    text: str
    at: int

    def is_like(self, other: "Refusal") -> bool:
        """Whether it is the same text in the same place: refused again after a restart, say."""
        return (self.doc, self.row, self.text) == (other.doc, other.row, other.text)


class Refusals:
    """The refusals of one doc, as the records in its log's companion stream tell them.

    A record is JSON: `keep` one, `drop` one, all there are (`all`), or the rows that were left out when
    the doc was built anew (`rebuilt`): another process on the same log hears by it that it has to follow.
    """

    def __init__(self) -> None:
        self.all: list[Refusal] = []
        self._rebuilt: list[Any] | None = None

    def knows(self, refusal: Refusal) -> bool:
        """Whether the same text is kept already."""
        return any(known.is_like(refusal) for known in self.all)

    def take(self, data: bytes) -> tuple[Row, ...] | None:
        """Take in a record; the rows, if it tells that the doc was rebuilt. Passes over what is none."""
        match _parse(data):
            case {"keep": dict(fields)}:
                self._keep([fields])
            case {"drop": dict(fields)}:
                dropped = _read(fields)
                self.all = [refusal for refusal in self.all if refusal != dropped]
            case {"all": list(items), **more}:
                self.all.clear()
                self._keep(items)
                return self._read_rebuilt(more.get("rebuilt"))
            case {"rebuilt": items}:
                return self._read_rebuilt(items)
        return None

    def _read_rebuilt(self, items: Any) -> tuple[Row, ...] | None:
        if not isinstance(items, list):
            return None
        self._rebuilt = items
        return tuple((row[0], row[1]) for row in items if isinstance(row, list) and len(row) == 2)

    def _keep(self, items: Iterable[Any]) -> None:
        read = [refusal for refusal in map(_read, items) if refusal is not None]
        self.all += [refusal for refusal in read if not self.knows(refusal)]
        del self.all[:-MAX_REFUSALS]

    def whole(self) -> bytes:
        """One record that stands for all so far."""
        return _dump({"all": [asdict(refusal) for refusal in self.all], "rebuilt": self._rebuilt})


def keeping(refusal: Refusal) -> bytes:
    """The record of a new refusal."""
    return _dump({"keep": asdict(refusal)})


def dropping(refusal: Refusal) -> bytes:
    """The record of one that its user has dismissed."""
    return _dump({"drop": asdict(refusal)})


def rebuilt(rows: Iterable[Row]) -> bytes:
    """The record that the doc was built anew without these rows."""
    return _dump({"rebuilt": [list(row) for row in rows]})


def check_record(data: bytes) -> None:
    """Raise MalformedUpdate if this is none of those records."""
    match _parse(data):
        case {"keep": fields} | {"drop": fields} if _read(fields) is not None:
            return
        case {"all": list(items)} if all(_read(item) is not None for item in items):
            return
        case {"rebuilt": list(rows)} if all(isinstance(row, list) and len(row) == 2 for row in rows):
            return
    raise MalformedUpdate("no record of what was refused")


def _dump(record: object) -> bytes:
    return json.dumps(record).encode()


def _parse(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _read(fields: object) -> Refusal | None:
    match fields:
        case {
            "rule": str(rule),
            "reason": str(reason),
            "doc": str(doc),
            "row": [str(root), str(key)],
            "text": str(text),
            "at": int(at),
        }:
            return Refusal(rule, reason, doc, (root, key), text, at)
    return None

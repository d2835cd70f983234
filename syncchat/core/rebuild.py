"""What a replica that was refused something takes over into the doc that it is built anew in (G14)."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pycrdt import Doc, Map

from syncchat.core.answer import are_cites
from syncchat.core.codec import dump, load
from syncchat.core.ids import MAX_AHEAD, Hlc, parse_id, restamped
from syncchat.core.message import read_id
from syncchat.core.places import Row

TIMES = "G9"
"""The rule about times too far ahead of the server's."""

SLACK = MAX_AHEAD // 2
"""How far ahead a corrected time may still be, in milliseconds: there are bursts, and offsets are rounded."""

WRITTEN = ("messages", "streams")
"""The roots whose rows are named by the time at which they were written."""


class Restamping(NamedTuple):
    """What was written by a clock that was ahead, under the ids that it gets: old id -> new id."""

    ids: Mapping[str, str]
    now: int

    def row(self, row: Row) -> Row:
        """The name of a row there."""
        return row[0], "|".join(self.ids.get(part, part) for part in row[1].split("|"))

    def text(self, source: Doc[Any], row: Row) -> str | None:
        """The JSON of a message or a request there; None if it stays as it is."""
        value = _json(source, row) if row[0] in ("messages", "requests") else None
        if not isinstance(value, dict):
            return None
        there = dict(value)
        for name in ("re", "of", "reply"):
            if isinstance(value.get(name), str):
                there[name] = self.ids.get(value[name], value[name])
        if are_cites(value.get("cites")):
            there["cites"] = [[label, self.ids.get(id, id)] for label, id in value["cites"]]
        if type(value.get("edited")) is int:
            there["edited"] = min(value["edited"], self.now)
        return None if there == value else dump(there)


def restamping(rows: Iterable[Row], target: Doc[Any], user: str, hlc: Hlc) -> Restamping:
    """New ids for those of `rows` that `user` wrote in what is the server's future, and `target` lacks.

    Each gets the time at which it was written by the server's clock, so that the same ids come out when
    it is done again after a crash; one that would still be far ahead gets the present. Their order stays.
    What was stamped by the corrected clock is left as it is.
    """
    now = hlc.now
    own = {key for root, key in rows if root in WRITTEN and _is_ahead(key, user, hlc)}
    ids: dict[str, str] = {}
    last = 0
    for id in sorted(own if hlc.corrected else ()):
        if not any(id in target.get(root, type=Map) for root in WRITTEN):
            then = max(parse_id(id).hlc + hlc.offset, last + 1)
            last = then if then <= now + SLACK else max(hlc.next(), last + 1)
            ids[id] = restamped(id, last)
    return Restamping(ids, now)


def can_restamp(row: Row, user: str, hlc: Hlc) -> bool:
    """Whether other times may make a row that was refused for its times (G9) one that is not.

    Also where our clock does not show them ahead: then it was put wrong, and hears so from the next welcome.
    """
    ids = map(read_id, row[1].split("|"))
    return hlc.corrected and any(id is not None and id.user == user for id in ids)


def _is_ahead(id: str, user: str, hlc: Hlc) -> bool:
    parts = read_id(id)
    return parts is not None and parts.user == user and parts.hlc > hlc.now and not hlc.gave(parts.hlc)


def _json(source: Doc[Any], row: Row) -> Any:
    return load(source.get(row[0], type=Map).get(row[1]))

"""What a search found, as JSON: as the daemon's HTTP API tells it."""

from typing import Any, NamedTuple

from syncchat.core.timestamps import read_time, time_text
from syncchat.search.finding import Found, Hit


class Answer(NamedTuple):
    """What was found; `complete`: the index had everything that was in the log a second before."""

    found: Found
    complete: bool


def to_json(answer: Answer) -> dict[str, object]:
    """An answer; see openapi.py of the daemon."""
    hits = [hit._asdict() | {"time": time_text(hit.time)} for hit in answer.found.hits]
    return {"hits": hits, "next": answer.found.next, "complete": answer.complete}


def from_json(told: Any) -> Answer:
    """Read an answer. Raises ValueError for what is none."""
    try:
        hits = [_read_hit(hit) for hit in told["hits"]]
        next, complete = told["next"], told["complete"]
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("that is no answer to a search") from error
    if not isinstance(next, str | None) or not isinstance(complete, bool):
        raise ValueError("that is no answer to a search")
    return Answer(Found(hits, next), complete)


def _read_hit(told: dict[str, Any]) -> Hit:
    texts = tuple(str(told[name]) for name in ("id", "room", "user", "snippet"))
    id, room, user, snippet = texts
    marks = tuple((int(begin), int(end)) for begin, end in told["marks"])
    return Hit(id, room, int(told["page"]), user, read_time(told["time"]), snippet, marks)

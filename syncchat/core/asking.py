"""What people and agents ask of each other in a room: the rows of `requests`."""

from typing import Any, Final, NamedTuple

from syncchat.core.codec import MISSING, Missing
from syncchat.core.ids import RAND_WIDTH, check_name, parse_id
from syncchat.errors import InvalidName

MAX_ASKED = 16 * 1024
"""The largest row of a request, in bytes."""

MAX_VALUE = MAX_ASKED - 512
"""The largest value of a request, in bytes of JSON; what is left is more than a key takes."""

AFAR: Final = frozenset({"stop", "again", "now", "why", "because"})
"""Verbs that have to be heard now: they stand on the newest page, wherever their message does (A29)."""


class Asked(NamedTuple):
    """Who asks what about what.

    `what` is the id of a message, or a time of its own where the request is about none; `hlc` is the time
    in it, in ms since 1970. `value` is what else is said, a JSON value. The server has verified `user`.
    `page` is that of the message where it is said to be another one than the request's.
    """

    verb: str
    what: str
    user: str
    value: Any
    hlc: int
    page: int | None = None


def asked_key(verb: str, what: str, user: str) -> str:
    """The row of a request; raises InvalidName for a verb, a `what` or a user that cannot be."""
    _time_of(what)
    return "|".join((check_name(verb, "verb"), what, check_name(user, "user")))


def read_asked(key: str, value: Any | Missing) -> Asked | None:
    """Read a row of `requests`; None if it is malformed."""
    parts = key.split("|")
    if len(parts) != 3 or value is MISSING:
        return None
    verb, what, user = parts
    try:
        asked_key(verb, what, user)
        hlc = _time_of(what)
    except InvalidName:
        return None
    match value:
        case {"page": int(page), "value": said} if verb in AFAR and len(value) == 2 and page >= 0:
            return Asked(verb, what, user, said, hlc, page)
    return Asked(verb, what, user, value, hlc)


def from_afar(value: Any, page: int) -> Any:
    """What a request says, in a row that stands on another page than its message, which is on `page`."""
    return {"page": page, "value": value}


def _time_of(what: str) -> int:
    """The time in an id, or in a text that is nothing but a time; raises InvalidName."""
    return parse_id(what if "." in what else f"{what}.x.{'0' * RAND_WIDTH}").hlc

"""Names and identifiers: users, rooms, docs, the hybrid logical clock, message ids."""

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from syncchat.errors import InvalidName

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
"""What a user, a room, or a part of a doc's name is made of."""

PAGE = re.compile(r"0\Z|[1-9][0-9]{0,8}\Z")
COVER = "cover"

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, whose characters sort in ASCII as their values do."""

HLC_WIDTH = 10
RAND_WIDTH = 8
RAND_BITS = 5 * RAND_WIDTH


class MessageId(NamedTuple):
    """A message id taken apart: `hlc` in milliseconds since 1970, its author, its random part."""

    hlc: int
    user: str
    rand: str


class DocName(NamedTuple):
    """A doc's name taken apart.

    `room` is the first part; `page` is the page's number, None for a cover and for a doc
    that belongs to no room (`cover` tells the two apart).
    """

    room: str
    page: int | None
    cover: bool

    @property
    def in_room(self) -> bool:
        """Whether the doc is a page or the cover of a room."""
        return self.cover or self.page is not None


def check_name(name: str, what: str = "name") -> str:
    """Return `name`; raise InvalidName if it is not 1-40 of A-Z, a-z, 0-9, `_` and `-`."""
    if not isinstance(name, str) or not NAME.match(name):
        shown = repr(name if len(str(name)) <= 60 else str(name)[:57] + "...")
        raise InvalidName(f"{what} {shown} is not allowed: use 1 to 40 of the characters A-Z a-z 0-9 _ -")
    return name


def user_from_subject(subject: str) -> str:
    """Turn anybody's subject (an e-mail address, say) into a user id; valid ids stay as they are."""
    if NAME.match(subject):
        return subject
    return "u-" + hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def parse_doc(name: str) -> DocName:
    """Take a doc's name apart: `NAME`, `ROOM/<page number>` or `ROOM/cover`.

    Raises InvalidName for anything else; a valid name never is a path that leads elsewhere.
    """
    room, slash, rest = name.partition("/")
    check_name(room, "doc name")
    if not slash:
        return DocName(room, None, False)
    if rest == COVER:
        return DocName(room, None, True)
    if not PAGE.match(rest):
        raise InvalidName(
            f"doc name {name[:60]!r} is not allowed: it is NAME, ROOM/<page number> or ROOM/cover"
        )
    return DocName(room, int(rest), False)


def page_name(room: str, page: int) -> str:
    """The name of the doc that holds a room's page."""
    return f"{room}/{page}"


def cover_name(room: str) -> str:
    """The name of the doc that holds a room's cover."""
    return f"{room}/{COVER}"


_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
"""Two digits at a time: an import makes two of these numbers for each message."""

_AS_PYTHON = bytes.maketrans(ALPHABET.encode(), b"0123456789abcdefghijklmnopqrstuv")
"""The digits that `int` takes."""


def base32(number: int, width: int) -> str:
    """`number` in exactly `width` characters, an even number of them; numbers and their texts sort alike."""
    if not 0 <= number < 1 << (5 * width):
        raise ValueError("the number does not fit the width")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * width - 10, -1, -10)])


def _from_base32(text: str) -> int:
    return int(text.encode().translate(_AS_PYTHON), 32)


_ID = re.compile(rf"([{ALPHABET}]{{{HLC_WIDTH}}})\.([A-Za-z0-9_-]{{1,40}})\.([{ALPHABET}]{{{RAND_WIDTH}}})\Z")


def format_id(hlc: int, user: str, rand: int) -> str:
    """Make a message id; ids sort by `hlc`, then author, then the `rand` (below 2**40)."""
    return f"{base32(hlc, HLC_WIDTH)}.{user}.{base32(rand, RAND_WIDTH)}"


@lru_cache(maxsize=1024)
def parse_id(text: str) -> MessageId:
    """Take a message id apart; raises InvalidName if it is none. Several ask for each that comes."""
    match = _ID.match(text)
    if match is None:
        raise InvalidName(f"{text[:60]!r} is no message id")
    return MessageId(_from_base32(match[1]), match[2], match[3])


def is_id(text: str) -> bool:
    """Whether it is a message id; for those of a whole page that is a third of what parsing takes."""
    return _ID.match(text) is not None


def author_of(text: str) -> str:
    """The user who may write a row with this message id; raises InvalidName if it is none."""
    return parse_id(text).user


MAX_AHEAD = 60_000
"""How far ahead of the server's clock a time may be, in milliseconds; what is further is not believed."""


class Hlc:
    """A hybrid logical clock in milliseconds: `max(now + offset, last + 1)`.

    Kulkarni et al., "Logical Physical Clocks" (2014), with the counter folded into the
    milliseconds. `now` returns milliseconds since 1970; `offset` is the server's clock
    minus ours, in milliseconds, once it is known.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._last = 0
        self._first: int | None = None
        self.offset = 0
        self.corrected = False
        """Whether the offset is the server's word, and no mere assumption."""

    @property
    def now(self) -> int:
        """What the server's clock shows now, as far as that is known."""
        return self._now() + self.offset

    def next(self) -> int:
        """A time later than every one given or seen before."""
        self._last = max(self.now, self._last + 1)
        if self._first is None:
            self._first = self._last
        return self._last

    def gave(self, hlc: int) -> bool:
        """Whether a time may be one that it has given since it was corrected."""
        return self.corrected and self._first is not None and self._first <= hlc <= self._last

    def see(self, hlc: int, *, ahead: int | None = None) -> None:
        """Take note of somebody else's time: the next own one will be later.

        A time that is more than `ahead` milliseconds past our own is not believed.
        """
        if ahead is None or hlc <= max(self.now, self._last) + ahead:
            self._last = max(self._last, hlc)

    def correct(self, offset: int) -> None:
        """The server's clock minus ours is now known to be `offset`.

        The one case in which times go back: those given before are so far ahead that the server refuses
        them, and what bears them is going to be stamped anew.
        """
        self.offset = offset
        self.corrected = True
        self._first = None
        if self._last > self.now + MAX_AHEAD:
            self._last = self.now


def restamped(id: str, hlc: int) -> str:
    """The same id at another time."""
    return f"{base32(hlc, HLC_WIDTH)}{id[HLC_WIDTH:]}"

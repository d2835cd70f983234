"""What stands in the index beside the words of a message, and where: all that can be asked for but words."""

import re
import zlib
from functools import lru_cache
from typing import Final

from syncchat.core.ids import parse_doc, parse_id

ALL: Final = "all"
"""The tag of every message: a query always has something to look for."""

LINK: Final = "link"

LAST_PLACE: Final = (1 << 63) - 1

ATTEMPTS: Final = 64
"""Places that may be tried for a message; there are always more than there can be messages."""

_TIE_BITS: Final = 13
_LINKS: Final = re.compile(r"\bhttps?://\S|\bwww\.\S", re.IGNORECASE)


def tags_of(doc: str, id: str, text: str) -> str:
    """The tags of a message on a page."""
    link = f" {LINK}" if _may_link(text) and _LINKS.search(text) else ""
    return f"{ALL} {_tag_of_room_of(doc)} {author_tag(parse_id(id).user.lower())}{link}"


def _may_link(text: str) -> bool:
    # The expression takes longer for what has no link than all else that is done for a message here.
    return "://" in text or "www." in text.lower()


@lru_cache(maxsize=1024)
def _tag_of_room_of(doc: str) -> str:
    return room_tag(parse_doc(doc).room)


@lru_cache(maxsize=1024)
def room_tag(room: str) -> str:
    """The tag of messages of a room: one word, whatever is in its name."""
    return f"r{room.encode().hex()}"


@lru_cache(maxsize=1024)
def author_tag(user: str) -> str:
    """The tag of messages of a user, whose name is given in lower case."""
    return f"u{user.encode().hex()}"


def place_of(doc: str, id: str, attempt: int) -> int:
    """A number for a message, another one with each attempt; numbers sort as the times of their messages.

    Where thousands share a millisecond, which only forged ids do, some stand a little later.
    """
    width = 1 << min(_TIE_BITS + attempt // 2, 62)
    number = (parse_id(id).hlc << _TIE_BITS) + zlib.crc32(f"{attempt} {doc} {id}".encode()) % width
    return min(number, LAST_PLACE - number % width)


def first_place(time: int) -> int:
    """The place from which on messages of `time` (milliseconds since 1970) or later stand."""
    return min(time << _TIE_BITS, LAST_PLACE)

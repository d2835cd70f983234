"""Whom a message mentions."""

import re
from itertools import islice
from typing import Final

MAX_MENTIONED: Final = 16
"""Users that one message can mention; those named after them are not."""

_MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9_-]{1,40})(?![\w-])")


def mentioned(text: str) -> frozenset[str]:
    """The users whose `@user` is in a text, as they are written there: at most the first MAX_MENTIONED.

    Part of a longer word it is none: neither in an address (`ann@example.org`) nor in `@annä`.
    """
    if "@" not in text:
        return frozenset()
    different = dict.fromkeys(match[1] for match in _MENTION.finditer(text))
    return frozenset(islice(different, MAX_MENTIONED))

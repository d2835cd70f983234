"""Scripts without spaces between words: each character is a word of the index, and a word is a phrase."""

import re
from typing import Final

BETWEEN: Final = "\x04"
"""Stands around such a character in the index and in queries, and in no text."""

_IDEOGRAPHS = "\u3005\u3006\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_BORDER: Final = re.compile(f"(?<=[{_IDEOGRAPHS}{_KANA}])|(?=[{_IDEOGRAPHS}{_KANA}])")


def spread(text: str) -> str:
    """A text of which each character of such a script stands alone; what is in other scripts stays."""
    return text if text.isascii() else _BORDER.sub(BETWEEN, text)


def gathered(text: str) -> str:
    """The text that was spread."""
    return text.replace(BETWEEN, "")

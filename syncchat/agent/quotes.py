"""What in a message is not its author's own speech: quoted lines, code, what stands in quotation marks."""

import re

_QUOTED_LINE = re.compile(r"^[ \t]*>[^\n]*", re.M)
_OTHERS = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|\"[^\"\n]*\"|“[^“”\n]*”|«[^«»\n]*»|https?://\S+", re.S)
_MARKS = ("`", '"', "“", "«", "://")

MASK = "\x1a"
"""Stands for each character that its author did not say: it is no space, and no part of any name."""


def own_words(text: str) -> str:
    """`text`, as long as before, with MASK for code, addresses and quotations, and blanks for quoted lines.

    Who pastes a line that calls somebody has called nobody.
    """
    if ">" in text:
        text = _QUOTED_LINE.sub(lambda line: " " * len(line[0]), text)
    if any(mark in text for mark in _MARKS):
        text = _OTHERS.sub(lambda other: MASK * len(other[0]), text)
    return text

"""Texts longer than a message may be, in several."""

from syncchat.core.message import MAX_JSON, MAX_TEXT, TextTooLong, check_message_text

_PART = min(MAX_TEXT // 4, MAX_JSON // 6)
"""Characters that fit into a message whatever they are."""


def parts_of(text: str) -> list[str]:
    """`text` as texts that a message may have; one, where it fits."""
    try:
        return [check_message_text(text)]
    except TextTooLong:
        parts = (text[start : start + _PART] for start in range(0, len(text), _PART))
        return [part for part in parts if part.strip()]

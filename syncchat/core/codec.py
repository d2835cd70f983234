"""How a value stands in a doc: as compact JSON text, because the CRDT turns ints into floats."""

import json
from enum import Enum
from typing import Any, Final


class Missing(Enum):
    """The type of MISSING, which says "no value here" where None is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


def dump(value: Any) -> str:
    """Encode a JSON value; `load` gives it back.

    Raises TypeError for what JSON cannot say, ValueError for NaN, infinities and circles.
    """
    text = _ENCODER.encode(value)
    if encodable(text):
        return text
    # Lone surrogates have no UTF-8, and make pycrdt panic; escaped they pass and read back the same.
    return _ASCII_ENCODER.encode(value)


def load(text: object) -> Any:
    """Decode what `dump` wrote; MISSING for everything else, however malformed. Never raises."""
    if not isinstance(text, str):
        return MISSING
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return MISSING


def encodable(text: str) -> bool:
    """Whether `text` has a UTF-8 encoding, that is, no lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_text(text: str, what: str) -> str:
    """Return `text`; raise TypeError if it is no str, ValueError if it has no UTF-8 encoding."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if not encodable(text):
        raise ValueError(f"{what} contains a lone surrogate, which no UTF-8 can carry")
    return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ASCII_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

"""What a log accepts: checks that are the same in every log of ours."""

from collections.abc import Sequence

from syncchat.errors import InvalidName


def check_doc(doc: str) -> str:
    """Return `doc`; raise InvalidName if it is empty or no text that UTF-8 can hold."""
    try:
        valid = bool(doc.encode())
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise InvalidName(f"a log cannot hold a doc named {doc[:60]!r}: use non-empty UTF-8 text")
    return doc


def check_updates(updates: Sequence[bytes]) -> tuple[bytes, ...]:
    """The updates as bytes that nobody can change; raises ValueError if there are none."""
    if not updates:
        raise ValueError("an append needs at least one update")
    return tuple(bytes(memoryview(update)) for update in updates)

"""What a log accepts: checks that are the same in every log of ours."""

from collections.abc import Sequence
from functools import lru_cache

from syncchat.errors import InvalidName
from syncchat.log.protocol import Beside


@lru_cache(maxsize=4096)
def check_doc(doc: str) -> str:
    """Return `doc`; raise InvalidName if it is empty or no text that UTF-8 can hold."""
    try:
        valid = bool(doc.encode())
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise InvalidName(f"a log cannot hold a doc named {doc[:60]!r}: use non-empty UTF-8 text")
    return doc


def check_append(doc: str, updates: Sequence[bytes], beside: Beside | None) -> tuple[tuple[str, bytes], ...]:
    """What one append adds, in its order: (doc, update), the updates as bytes that nobody can change.

    Those of `doc` come last. Raises ValueError if a doc has none, InvalidName.
    """
    if not beside and len(updates) == 1 and type(updates[0]) is bytes:
        return ((check_doc(doc), updates[0]),)
    entries = _check(updates, doc)
    if beside:
        entries = [pair for other in beside for pair in _check(beside[other], other)] + entries
    return tuple(entries)


def _check(updates: Sequence[bytes], doc: str) -> list[tuple[str, bytes]]:
    check_doc(doc)
    if not updates:
        raise ValueError("an append needs at least one update")
    return [(doc, update if type(update) is bytes else bytes(memoryview(update))) for update in updates]

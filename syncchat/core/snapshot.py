"""Snapshots: one update that stands for many, proven equal to them before anybody relies on it."""

from collections.abc import Iterable
from typing import Any

from pycrdt import Doc

from syncchat.core.lib0 import decode_state
from syncchat.core.update import decode
from syncchat.errors import SyncchatError


class NotEqual(SyncchatError):
    """A snapshot does not say what the updates say; it must not replace them."""


def _load(updates: Iterable[bytes]) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    with doc.transaction():
        for update in updates:
            doc.apply_update(update)
    return doc


def _ranges(snapshot: bytes) -> list[tuple[int, int, int]]:
    return sorted(decode(snapshot).deletes)


def make_snapshot(updates: Iterable[bytes]) -> bytes:
    """One update equal to `updates`, which are in causal order.

    Proven by loading it: the same clocks of the same clients, the same deletions, and every
    struct decodes to the same sequence. Raises NotEqual.
    """
    doc = _load(updates)
    snapshot = doc.get_update()
    again = _load([snapshot])
    if decode_state(again.get_state()) != decode_state(doc.get_state()):
        raise NotEqual("the snapshot has other clocks than the log")
    if _ranges(again.get_update()) != _ranges(snapshot):
        raise NotEqual("the snapshot has other deletions than the log")
    return snapshot

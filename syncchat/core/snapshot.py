"""Snapshots: one update that stands for many, proven equal to them before anybody relies on it."""

from collections.abc import Iterable, Sequence
from typing import Any

from pycrdt import Doc

from syncchat.core.lib0 import decode_state
from syncchat.core.ranges import Ranges
from syncchat.core.update import Update, decode
from syncchat.errors import MalformedUpdate, SyncchatError


class NotEqual(SyncchatError):
    """A snapshot does not say what the updates say; it must not replace them."""


def _load(updates: Iterable[bytes]) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    with doc.transaction():
        for update in updates:
            doc.apply_update(update)
    return doc


def _decode(data: bytes) -> Update:
    try:
        return decode(data)
    except MalformedUpdate as error:
        raise NotEqual(f"nothing can be proven of what cannot be read: {error}") from error


def _check_says_all(snapshot: bytes, updates: Iterable[bytes]) -> None:
    """Raise NotEqual if an update adds or deletes what the snapshot does not; yrs is not asked."""
    whole = _decode(snapshot)
    ends = {client: run[-1].clock + run[-1].len for client, run in whole.structs.items()}
    deleted: dict[int, Ranges] = {}
    for client, clock, length in whole.deletes:
        deleted.setdefault(client, Ranges()).add(clock, clock + length)
    for update in map(_decode, updates):
        for client, run in update.structs.items():
            if run[-1].clock + run[-1].len > ends.get(client, 0):
                raise NotEqual("the log has an update that the snapshot lacks; it may lack its predecessors")
        for client, clock, length in update.deletes:
            if list(deleted.get(client, Ranges()).holes(clock, clock + length)):
                raise NotEqual("the log has a deletion that the snapshot lacks")


def make_snapshot(updates: Sequence[bytes]) -> bytes:
    """One update equal to `updates`, which are in causal order.

    Proven twice: it adds and deletes all that they do, and loading it gives the same clocks and
    the same snapshot again. Raises NotEqual.
    """
    doc = _load(updates)
    snapshot = doc.get_update()
    _check_says_all(snapshot, updates)
    again = _load([snapshot])
    if decode_state(again.get_state()) != decode_state(doc.get_state()):
        raise NotEqual("the snapshot has other clocks than the log")
    if decode(again.get_update())[:2] != decode(snapshot)[:2]:  # the same in any order of bytes
        raise NotEqual("the snapshot does not load as it was made")
    return snapshot

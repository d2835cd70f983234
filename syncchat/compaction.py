"""When and how the entries of a log are replaced by one snapshot."""

from collections.abc import Sequence

import anyio

from syncchat.core.snapshot import make_snapshot
from syncchat.log import Entry, Log

ENTRIES = 200
"""Entries of a doc from which compaction is worth its fsync."""

OFFLOAD = 1 << 16
"""Bytes above which the work is done in a thread, so that the event loop stays free."""


def is_worthwhile(entries: Sequence[Entry]) -> bool:
    """Whether a doc with these entries should be compacted."""
    return len(entries) >= ENTRIES


async def compact(log: Log, name: str, *, least: int = 2) -> bool:
    """Replace all entries of a doc by one proven snapshot; False if the log changed meanwhile.

    Nothing is done, and False returned, if there are fewer than `least` entries.
    Raises NotEqual (and leaves the log alone) if the snapshot cannot be proven, LogFailed if it
    cannot be written.
    """
    entries = await log.read(name)
    if len(entries) < max(1, least):
        return False
    updates = [entry.data for entry in entries]
    if sum(map(len, updates)) > OFFLOAD:
        snapshot = await anyio.to_thread.run_sync(make_snapshot, updates)
    else:
        snapshot = make_snapshot(updates)
    return await log.compact(name, snapshot, base=entries[0].seq, upto=entries[-1].seq)

"""When and how the entries of a log are replaced by one snapshot."""

from collections.abc import Sequence

import anyio.to_thread

from syncchat.background import short_turns, work_on
from syncchat.core.snapshot import make_snapshot
from syncchat.log import Entry, Log
from syncchat.proving import make_snapshot_apart

ENTRIES = 200
"""Entries of a doc from which compaction is worth its fsync."""

APART = 2 << 20
"""Bytes above which a thread would hold up the others for too long (50 ms), so that a process does it.

No ordinary page comes there, also one that is written fast: the second that a process takes to start would be
megabytes more in the log, and in memory, the next time.
"""

SINGLE = 1 << 12
"""So many of its bytes count at most of an entry that is no snapshot: it has few structs, if long ones."""

AT_ONCE = 8_192
"""Entries that are replaced in one transaction: so many take some 15 ms, in which appends wait."""


def is_worthwhile(entries: Sequence[Entry]) -> bool:
    """Whether a doc with these entries should be compacted."""
    return len(entries) >= ENTRIES


async def compact(log: Log, name: str, *, least: int = 2) -> bool:
    """Replace all entries of a doc by one proven snapshot; False if somebody else did so meanwhile.

    Nothing is done, and False returned, if there are fewer than `least` entries.
    Raises NotEqual (and leaves the log alone) if the snapshot cannot be proven, LogFailed if it
    cannot be written.
    """
    with short_turns:
        entries = await log.read(name)
        return len(entries) >= max(1, least) and await _replace(log, name, entries)


async def _replace(log: Log, name: str, entries: list[Entry]) -> bool:
    while True:
        part, rest = entries[:AT_ONCE], entries[AT_ONCE:]
        snapshot = await _snapshot_of([entry.data for entry in part])
        if not await log.compact(name, snapshot, base=part[0].seq, upto=part[-1].seq):
            return False
        if not rest:
            return True
        entries = [Entry(part[-1].seq, snapshot), *rest]


async def _snapshot_of(updates: Sequence[bytes]) -> bytes:
    if _weight(updates) > APART:
        return await anyio.to_thread.run_sync(make_snapshot_apart, updates)
    return await work_on(updates, make_snapshot)


def _weight(updates: Sequence[bytes]) -> int:
    first, *others = map(len, updates)
    return first + sum(min(size, SINGLE) for size in others)

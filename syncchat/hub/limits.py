"""What a hub allows, with names and defaults, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a hub; what happens at each is said beside it."""

    docs_per_link: int = 1000
    """Docs open at once on one link; the next one is denied."""

    pending_updates: int = 256
    """Updates of one session that wait for their commit; past it its link is not read for a while."""

    pending_bytes: int = 1 << 20
    """The same in bytes."""

    commit_updates: int = 256
    """Updates in one commit; the rest is in the next."""

    commit_bytes: int = 1 << 20
    """Bytes after which a commit takes no more updates."""

    reader_backlog: int = 1 << 20
    """Bytes a slow reader may have under way; past it nothing is queued, and it gets one difference later."""

    missed_presence: int = 256
    """Presence states kept for a slow reader; past it its link is closed with TRY_LATER."""

    idle_seconds: float = 60.0
    """After this long with nobody in it a doc is compacted and unloaded."""

    ping_seconds: float = 15.0
    """How often a link that can be pinged is."""

    compact_entries: int = 1000
    """Commits since the last snapshot after which a doc in use is compacted."""

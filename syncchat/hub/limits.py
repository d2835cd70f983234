"""What a hub allows, with names and defaults, in one place."""

from dataclasses import dataclass

from syncchat.core.dialect import MAX_FRAME
from syncchat.core.presence import MAX_STATE


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a hub; what happens at each is said beside it.

    Who is over one that says so is told its name and when to try again (code 4529), and it is
    counted in the hub's stats. Agents stream, and serve many rooms: they have numbers of their own.
    """

    # Links.

    links_per_address: int = 500
    """Links from one address at once; the next is told and closed. The machine's own are not counted."""

    links_per_user: int = 100
    """Links of one user at once; on the next one every doc is denied, and the user told."""

    agent_links_per_user: int = 10_000
    """The same for an agent."""

    docs_per_link: int = 1000
    """Docs open at once on one link; the next one is denied, and the user told."""

    docs_per_user: int = 2000
    """Docs open at once by one user on all its links; the next one is denied, and the user told."""

    agent_docs_per_user: int = 100_000
    """The same for an agent."""

    stranger_frames: int = 256
    """Frames that a link may send before one of its tokens was good; past it it is told and closed."""

    stranger_bytes: int = 1 << 16
    """The same in bytes."""

    stranger_seconds: float = 10.0
    """Seconds that a link may take for it; then it is told and closed."""

    frame_bytes: int = MAX_FRAME
    """The largest frame; a larger one ends its link with TOO_BIG."""

    ping_seconds: float = 15.0
    """How often a link that can be pinged is."""

    waiting_bytes: int = 8 << 20
    """Bytes that a link may have sent for docs that are not open yet; past it it is told and closed."""

    # Work.

    updates_per_second: float = 200.0
    """Updates, questions, presence and tokens of one user, on the whole; past it it is read no faster."""

    updates_burst: float = 20_000.0
    """The same at once: what was written offline in weeks, or an import."""

    bytes_per_second: float = 1 << 20
    """Bytes of the same, on the whole; past it and the burst its links are read no faster."""

    bytes_burst: float = 32 << 20
    """Bytes of the same at once."""

    agent_updates_per_second: float = 10_000.0
    """What `updates_per_second` counts, of an agent."""

    agent_updates_burst: float = 100_000.0
    """The same at once."""

    agent_bytes_per_second: float = 16 << 20
    """Bytes of the same."""

    agent_bytes_burst: float = 64 << 20
    """Bytes of the same at once."""

    throttle_seconds: float = 30.0
    """How long a link is not read at most; further ahead of its rate one is told, and the session ends."""

    new_docs_per_hour: float = 100.0
    """Docs that one user may begin, in an hour or at once; at the next it is told, and the session ends."""

    agent_new_docs_per_hour: float = 10_000.0
    """The same for an agent."""

    pending_updates: int = 256
    """Updates of one session that wait for their commit; past it its link is not read for a while."""

    pending_bytes: int = 1 << 20
    """The same in bytes."""

    commit_updates: int = 256
    """Updates in one commit; the rest is in the next."""

    commit_bytes: int = 1 << 20
    """Bytes after which a commit takes no more updates."""

    # Presence.

    presence_bytes: int = MAX_STATE
    """The largest presence state, as JSON; a larger one ends the session."""

    presence_per_second: float = 10.0
    """Presence of one session, on the whole; past it and the burst only the newest is shown, later."""

    presence_burst: float = 30.0
    """Presence of one session at once."""

    missed_presence: int = 256
    """Presence states kept for a slow reader; past it its link is closed with TRY_LATER."""

    # History.

    page_messages: int = 256
    """Messages on a room's newest page from which on the next is opened."""

    page_bytes: int = 1 << 17
    """The same in bytes."""

    page_clients: int = 1000
    """The same in client ids: each is in every state vector of the page for good."""

    cover_seconds: float = 3.0
    """How often the counts and read marks of a room are written at most; a next page is told at once."""

    # Readers and docs.

    reader_backlog: int = 1 << 20
    """Bytes a slow reader may have under way; past it nothing is queued, and it gets one difference later.

    While it has as much under way, nothing is read from it either: answers cannot pile up.
    """

    idle_seconds: float = 60.0
    """After this long with nobody in it a doc is compacted and unloaded."""

    older_page_idle_seconds: float = 2.0
    """The same of a page that is no longer the newest: who reads a long history opens hundreds of them."""

    compact_entries: int = 1000
    """Commits since the last snapshot after which a doc in use is compacted."""

    compact_bytes: int = 1 << 19
    """The same in bytes, if they are twice the snapshot: compaction reads all of it into memory."""

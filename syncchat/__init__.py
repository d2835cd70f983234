"""syncchat: chat rooms, and any other docs, that live on every copy and merge without conflict."""

from syncchat.changes import Reset, changes
from syncchat.core.deltas import Added, Changed, Moved, Removed
from syncchat.core.message import Message
from syncchat.core.store import Store
from syncchat.core.view import View
from syncchat.errors import SyncchatError
from syncchat.paged_room import PagedRoom as Room
from syncchat.peer import Peer, Status
from syncchat.replica import Replica

__all__ = [
    "Added",
    "Changed",
    "Message",
    "Moved",
    "Peer",
    "Removed",
    "Replica",
    "Reset",
    "Room",
    "Status",
    "Store",
    "SyncchatError",
    "View",
    "changes",
]

"""syncchat: chat rooms, and any other docs, that live on every copy and merge without conflict."""

from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.errors import SyncchatError
from syncchat.peer import Peer, Status
from syncchat.replica import Replica

__all__ = ["Message", "Peer", "Replica", "Room", "Status", "Store", "SyncchatError"]

"""The hub's side of a session, by the name under which the hub knows it."""

from syncchat.core.hub_session import (
    AskedForPresence,
    AskedForState,
    AskedToOpen,
    HubEvent,
    HubSession,
    Left,
    Offered,
    Presented,
)

__all__ = [
    "AskedForPresence",
    "AskedForState",
    "AskedToOpen",
    "HubEvent",
    "HubSession",
    "Left",
    "Offered",
    "Presented",
]

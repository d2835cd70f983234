"""The hub: many docs served to many links."""

from syncchat.hub.door import Authorize, Denial
from syncchat.hub.hub import Hub
from syncchat.hub.limits import Limits
from syncchat.hub.stats import Stats

__all__ = ["Authorize", "Denial", "Hub", "Limits", "Stats"]

"""The hub: many docs served to many links."""

from syncchat.hub.hub import Authorize, Denial, Hub
from syncchat.hub.limits import Limits

__all__ = ["Authorize", "Denial", "Hub", "Limits"]

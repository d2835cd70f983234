"""The HTTP API: rooms, their messages and posting, for scripts, under the same guard as everybody."""

from syncchat_server.api.rooms import Rooms
from syncchat_server.api.routes import api_routes

__all__ = ["Rooms", "api_routes"]

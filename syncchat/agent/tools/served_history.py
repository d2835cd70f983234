"""The history that a daemon tells over HTTP, for an agent that runs on its own."""

from collections.abc import Callable, Sequence

from syncchat.agent.lines import Line
from syncchat.agent.tools.history import line_of_json
from syncchat.agent.tools.tool import ToolFailed
from syncchat.core.room import Room
from syncchat.errors import SyncchatError
from syncchat.search import Hit
from syncchat.search.remote import search_served
from syncchat.served import get_served


class ServedHistory:
    """The history of the rooms at `server` that `token`, asked for each time, may read; see `History`."""

    def __init__(self, server: str, token: Callable[[], str]) -> None:
        self._server = server
        self._token = token

    async def find(self, query: str, limit: int) -> Sequence[Hit]:
        """See `History`."""
        try:
            return (await search_served(self._server, self._token(), query, limit=limit)).found.hits
        except (SyncchatError, ValueError):
            raise ToolFailed("the history cannot be searched for that now") from None

    async def before(self, room: Room, id: str, limit: int) -> Sequence[Line]:
        """See `History`."""
        path, query = f"/api/v1/rooms/{room.name}/messages", {"before": id, "limit": limit}
        try:
            messages = (await get_served(self._server, self._token(), path, query))["messages"]
            return [line for message in messages if (line := line_of_json(message)) is not None]
        except (SyncchatError, ValueError, LookupError, TypeError):
            raise ToolFailed("the history cannot be read now") from None

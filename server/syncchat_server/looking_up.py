"""What the embedded agents may look up: the history of rooms, as the daemon itself tells it over HTTP."""

from collections.abc import Sequence

from syncchat.agent.lines import Line
from syncchat.agent.tools.history import line_of_json
from syncchat.agent.tools.tool import ToolFailed
from syncchat.core.grant import Claims
from syncchat.core.room import Room
from syncchat.search import BadQuery, Hit
from syncchat_server.api.history import History, Place
from syncchat_server.api.problems import Problem
from syncchat_server.searching import NotNow, Search


class DaemonHistory:
    """The history of the rooms that `claims` may read; a `syncchat.agent.tools.history.History`."""

    def __init__(self, search: Search | None, history: History, claims: Claims) -> None:
        self._search = search
        self._history = history
        self._claims = claims

    async def find(self, query: str, limit: int) -> Sequence[Hit]:
        """See `History`."""
        if self._search is None:
            raise ToolFailed("nothing can be searched for here: the operator has switched it off")
        try:
            return (await self._search.find(self._claims, query, limit, None)).found.hits
        except (BadQuery, NotNow):
            raise ToolFailed("the history cannot be searched for that now") from None

    async def before(self, room: Room, id: str, limit: int) -> Sequence[Line]:
        """See `History`."""
        try:
            told = await self._history.read(room.name, Place(None, id), limit)
        except Problem:
            raise ToolFailed("the history cannot be read now") from None
        return [line for message in told.messages if (line := line_of_json(message)) is not None]

"""The tools that look into the room's own past: finding messages, and reading those before one."""

import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

from syncchat.agent.lines import Line, is_finished, line_of
from syncchat.agent.tools.tool import Arguments, Tool, ToolContext, ToolFailed, ToolResult, ToolSpec
from syncchat.core.ids import NAME
from syncchat.core.message import STATES, read_id
from syncchat.core.room import Room
from syncchat.errors import SyncchatError
from syncchat.search import Hit, LocalSearch

MAX_HITS = 20
MAX_READ = 50
"""Messages that one call may bring."""

USUAL = 10

_WORD = re.compile(r"\w[\w.'’-]*")


class History(Protocol):
    """The history of rooms, as far as its owner may read them. Both methods raise ToolFailed."""

    async def find(self, query: str, limit: int) -> Sequence[Hit]:
        """The newest messages that a query is about; see `syncchat.search.parse`."""

    async def before(self, room: Room, id: str, limit: int) -> Sequence[Line]:
        """The last `limit` finished messages before a message, oldest first."""
        ...


def _spec(name: str, description: str, **properties: Any) -> ToolSpec:
    required = [key for key, schema in properties.items() if not schema.pop("optional", False)]
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name, description, schema | {"additionalProperties": False})


class SearchTool:
    """Finds messages of the room that it is called in, and of no other one."""

    spec = _spec(
        "search",
        "Find older messages of this room that hold all of some words.",
        words={"type": "string", "maxLength": 200, "description": "Words, all of which a message has."},
        author={"type": "string", "maxLength": 40, "description": "Only by this user id.", "optional": True},
        limit={"type": "integer", "minimum": 1, "maximum": MAX_HITS, "optional": True},
    )
    needs_approval = False

    def __init__(self, history: History) -> None:
        self._history = history

    async def call(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """See `Tool.call`."""
        room = context.room.name
        query = [*_WORD.findall(arguments["words"]), f"room:{room}"]
        author = arguments.get("author")
        if author is not None:
            if not NAME.match(author):
                raise ToolFailed("'author' is no user id")
            query.append(f"author:{author}")
        hits = await self._history.find(" ".join(query), arguments.get("limit", USUAL))
        # What people of this room read shall be of this room, whatever has been made of the query.
        lines = [Line(hit.time, hit.user, hit.snippet, False, hit.id) for hit in hits if hit.room == room]
        return ToolResult(_counted(lines), sorted(lines, key=lambda line: line.id))


class PageTool:
    """Reads on from a message, backwards."""

    spec = _spec(
        "page",
        "Read the messages of this room before a given one.",
        before={"type": "string", "maxLength": 90, "description": "The label of that message, m3 say."},
        limit={"type": "integer", "minimum": 1, "maximum": MAX_READ, "optional": True},
    )
    needs_approval = False

    def __init__(self, history: History) -> None:
        self._history = history

    async def call(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """See `Tool.call`."""
        label = arguments["before"].strip("[] ")
        id = context.labels.get(label, label)
        if read_id(id) is None:
            raise ToolFailed("'before' is none of the labels that there are")
        lines = await self._history.before(context.room, id, arguments.get("limit", USUAL))
        return ToolResult(_counted(lines), lines)


def _counted(lines: Sequence[Line]) -> str:
    return f"{len(lines)} messages" if lines else "there are none"


TOOLS: Final = {tool.spec.name: tool for tool in (SearchTool, PageTool)}
"""The tools that are built in, by the names that personas use."""


def make_tools(names: Sequence[str], history: History) -> list[Tool]:
    """The tools with these names. Raises KeyError for an unknown one."""
    return [TOOLS[name](history) for name in names]


class LocalHistory:
    """The history that a peer holds itself: by an index over its log, and by what the room shows."""

    def __init__(self, search: LocalSearch) -> None:
        self._search = search

    async def find(self, query: str, limit: int) -> Sequence[Hit]:
        """See `History`."""
        try:
            await self._search.update()
            return (await self._search.search(query, limit=limit)).hits
        except SyncchatError:
            raise ToolFailed("the history cannot be searched for that now") from None

    async def before(self, room: Room, id: str, limit: int) -> Sequence[Line]:
        """See `History`."""
        lines = [line_of(message) for message in room.timeline if message.id < id and is_finished(message)]
        return lines[-limit:]


def line_of_json(told: Any) -> Line | None:
    """A message as the HTTP API tells it; None if it is not finished, or none at all."""
    match told:
        case {"id": str(id), "text": str(text), "deleted": False, "streaming": False, "agent": bool(agent)}:
            parts = read_id(id)
            if parts is None or told.get("state") in STATES or not text.strip():
                return None
            return Line(parts.hlc, parts.user, text, agent, id)
    return None

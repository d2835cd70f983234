"""A page of a room: the schema of one doc."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from syncchat.core.changes import Change
from syncchat.core.late import Late, read_mark
from syncchat.core.message import Body, Reaction, Request, read_body, read_reaction, read_request
from syncchat.core.store import Store

MESSAGES = "messages"
STREAMS = "streams"
REACTIONS = "reactions"
REQUESTS = "requests"
MARKS = "marks"

_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Page:
    """The store of a page, `name` its doc's name. What others wrote malformed reads as not there."""

    def __init__(self, number: int, name: str, store: Store) -> None:
        self.number = number
        self.name = name
        self.store = store
        self.messages = store.table(MESSAGES)
        self.streams = store.texts(STREAMS)
        self.reactions = store.table(REACTIONS)
        self.requests = store.table(REQUESTS)
        self.marks = store.table(MARKS)
        self.writing: set[str] = set()
        """Ids of messages that somebody here has begun to write piece by piece."""
        self.renamed: dict[str, str] = {}
        """Ids of messages that were stamped anew -> those they have now."""
        self._reacted: dict[str, dict[str, set[str]]] = {}
        for key in self.reactions.rows():
            self.note_reaction(key, there=True)

    def now(self, id: str) -> str:
        """The id that a message has now."""
        while id in self.renamed:
            id = self.renamed[id]
        return id

    def ids(self) -> set[str]:
        """The rows that may be messages, finished or not."""
        return {*self.messages.rows(), *self.streams.rows()}

    def body(self, id: str) -> Body | None:
        """The finished message; None if there is none, or a malformed one."""
        return read_body(self.messages.read(id))

    def put(self, id: str, body: Body) -> None:
        """Write the finished message, in place of what is being streamed under its id."""
        with self.store.transaction():
            self.messages.set(id, body.to_json())
            self.streams.delete(id)

    def reactions_to(self, id: str) -> Mapping[str, tuple[str, ...]]:
        """For each emoji, sorted, the users who reacted to a message with it, sorted."""
        reacted = self._reacted.get(id)
        if not reacted:
            return _NONE
        return MappingProxyType({emoji: tuple(sorted(reacted[emoji])) for emoji in sorted(reacted)})

    def note_reaction(self, key: str, *, there: bool) -> Reaction | None:
        """Take note that a row of `reactions` is there or not; None if its key is malformed."""
        reaction = read_reaction(key)
        if reaction is None:
            return None
        emojis = self._reacted.setdefault(reaction.id, {})
        users = emojis.setdefault(reaction.emoji, set())
        (users.add if there else users.discard)(reaction.user)
        if not users:
            del emojis[reaction.emoji]
        if not emojis:
            del self._reacted[reaction.id]
        return reaction

    def note(self, change: Change) -> Reaction | None:
        """Take note of a change to `reactions`; the reaction that it is about."""
        return self.note_reaction(change.row, there=change.row in self.reactions)

    @property
    def is_writing(self) -> bool:
        """Whether a message that was begun here is still being written."""
        self.writing = {id for id in self.writing if self.streams.size(self.now(id)) is not None}
        return bool(self.writing)

    def late(self) -> Iterator[Late]:
        """The late messages that this page marks, in no particular order."""
        marks = (read_mark(id, value, self.number) for id, value in self.marks.items())
        return (late for late in marks if late is not None)

    def asked(self) -> Iterator[Request]:
        """The requests on this page, in no particular order."""
        return (request for request in map(read_request, self.requests.rows()) if request is not None)

"""A page of a room: the schema of one doc."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from syncchat.core.asking import Asked, asked_key, read_asked
from syncchat.core.changes import Change
from syncchat.core.ids import author_of
from syncchat.core.late import Late, Mark, read_mark
from syncchat.core.message import Body, Reaction, draft_body, printable, read_body, read_id, read_reaction
from syncchat.core.store import Store

MESSAGES = "messages"
STREAMS = "streams"
REACTIONS = "reactions"
REQUESTS = "requests"
MARKS = "marks"

DRAFT = "draft"
"""The verb of the row that tells more of a message while it is being written: `re`, `of` and `calls`."""

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
        self._drafts: dict[str, Body] = {}
        for key in self.requests.rows():
            self.note_draft(key)

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
            self.requests.delete(draft_row(id))

    def begin(self, id: str, body: Body) -> None:
        """Begin a message that is written piece by piece; more of it than its text may be told again."""
        with self.store.transaction():
            if id not in self.streams:
                self.streams.create(id)
            told = body._replace(agent=False).to_json()
            del told["text"]
            if told:
                self.requests.set(draft_row(id), told)

    def discard(self, id: str) -> bool:
        """Remove what is being streamed under an id, and its calls; False if it is gone already."""
        with self.store.transaction():
            self.requests.delete(draft_row(id))
            return self.streams.delete(id)

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

    def marked(self) -> Iterator[Mark]:
        """The marks on this page, in no particular order."""
        marks = (read_mark(id, value, self.number) for id, value in self.marks.items())
        return (mark for mark in marks if mark is not None)

    def late(self) -> Iterator[Late]:
        """The late messages of older pages that this page marks, in no particular order."""
        return (mark.late for mark in self.marked() if mark.late.page < self.number)

    def asked(self, verb: str | None = None) -> Iterator[Asked]:
        """The requests on this page, or those with a verb, in no particular order."""
        begin = "" if verb is None else f"{verb}|"
        rows = (self.read_asked(key) for key in self.requests.rows() if key.startswith(begin))
        return (asked for asked in rows if asked is not None)

    def read_asked(self, key: str) -> Asked | None:
        """The request in a row; None if there is none, or a malformed one."""
        return read_asked(key, self.requests.read(key))

    def draft(self, id: str, text: str = "") -> Body:
        """A message that is being written, as far as it is known; `text` is its text so far."""
        known = self._drafts.get(id)
        return Body(printable(text), agent=True) if known is None else known._replace(text=printable(text))

    def note_draft(self, key: str) -> str | None:
        """Take note of what a row of `requests` is now; the id of the message of which it tells, if any."""
        verb, _, rest = key.partition("|")
        id, _, user = rest.partition("|")
        parts = read_id(id) if verb == DRAFT else None
        if parts is None or parts.user != user:
            return None
        if key in self.requests:
            self._drafts[id] = draft_body("", self.requests.read(key))
        else:
            self._drafts.pop(id, None)
        return id


def draft_row(id: str) -> str:
    """The row of `requests` that tells more of a message while it is being written."""
    return asked_key(DRAFT, id, author_of(id))

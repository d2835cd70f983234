"""The tails of one log handle: who follows which doc, how far, and who is to be woken."""

from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable
from dataclasses import dataclass, field

from syncchat.log.protocol import Entry
from syncchat.wakeup import Wakeup

TAIL_BYTES = 1 << 20
"""About how many bytes a tail gives at once."""


@dataclass(eq=False, slots=True)
class Tail:
    """One follower of `doc`, which has been given everything of others up to `last`."""

    doc: str
    last: int
    wakeup: Wakeup = field(default_factory=Wakeup)


class Tails:
    """All tails of one handle."""

    def __init__(self) -> None:
        self._tails: set[Tail] = set()
        self._closed = False
        self.added = Wakeup()

    def __bool__(self) -> bool:
        return bool(self._tails)

    def skip(self, doc: str, *, given: int, upto: int) -> None:
        """Move the tails of `doc` that have given everything up to `given` on to `upto`."""
        for tail in self._tails:
            if tail.doc == doc and tail.last >= given:
                tail.last = max(tail.last, upto)

    def wake(self, docs: Container[str] | None = None) -> None:
        """Make the tails of `docs` (None: of all docs) look at the log again."""
        for tail in self._tails:
            if docs is None or tail.doc in docs:
                tail.wakeup.call()

    def close(self) -> None:
        """End all tails, those that start later too."""
        self._closed = True
        self.wake()

    async def follow(
        self, doc: str, after: int, read: Callable[[Tail], Awaitable[list[Entry]]]
    ) -> AsyncIterator[list[Entry]]:
        """Give what `read` finds, again whenever the tail is woken; `read` moves `tail.last` on."""
        tail = Tail(doc, after)
        self._tails.add(tail)
        self.added.call()
        try:
            while not self._closed:
                if entries := await read(tail):
                    yield entries
                else:
                    await tail.wakeup.sleep()
        finally:
            self._tails.discard(tail)


def batch(rows: Iterable[tuple[int, bytes]]) -> tuple[list[Entry], bool]:
    """The first of `rows`, about TAIL_BYTES of them, and whether those are all."""
    entries: list[Entry] = []
    room = TAIL_BYTES
    for seq, data in rows:
        if entries and len(data) > room:
            return entries, False
        entries.append(Entry(seq, data))
        room -= len(data)
    return entries, True

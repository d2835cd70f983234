"""What a log is: the calls every log has, and what each of them guarantees."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self, runtime_checkable


class Entry(NamedTuple):
    """One update of a doc as the log holds it; `seq` is its place, `data` its bytes."""

    seq: int
    data: bytes


Beside = Mapping[str, Sequence[bytes]]
"""Updates of other docs that are appended with those of one, all or none; by the docs' names."""


@runtime_checkable
class Log(Protocol):
    """A handle on a durable, ordered list of updates of many docs.

    Several handles, in one process or in several, may be open on the same storage; each
    knows its own entries from those of the others. A handle is an async context manager
    that is entered once, and left in the task that entered it. Leaving it commits what was
    appended before, ends its tails, and lets go of everything it held.

    A doc's name is any non-empty text that UTF-8 can hold; the log gives no meaning to it.
    After the handle was left every call raises LogError.

    `syncchat.testing.log_contract` is the suite of tests that every log has to pass.
    """

    async def __aenter__(self) -> Self:
        """Open the storage, making it if there is none.

        Raises LogCorrupt if what is there is no log (it is left as it is, D8), and LogFailed
        if it can be neither opened nor made.
        """
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit what waits, end the tails, close the storage."""
        ...

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        """Add `updates` to the end of `doc`, all or none of them (D6), and return the last one's `seq`.

        On return they are durable: no crash can take them back (D1). They stand together and
        in the order given, after every entry the doc had (D7). Appends that wait together may
        share one commit. What is `beside` them is in the log with them or not at all, also
        after a crash. What may wait is bounded: at the bound the call waits for room.

        Raises LogFailed if they could not be written: then none of them is in the log, and the
        same call may be tried again. Raises ValueError if `updates`, or those of a doc
        beside, are empty. If the caller is
        cancelled they are in the log whole or not at all, and nobody else is touched.
        """
        ...

    async def read(self, doc: str, after: int = 0) -> list[Entry]:
        """The entries of `doc` with `seq > after`, ascending; an unknown doc has none.

        It is one moment of the log: an append or a compaction is in it whole or not at all.
        It does not wait for appends under way. Raises LogFailed or LogCorrupt if it cannot read.
        """
        ...

    def tail(self, doc: str, after: int) -> AsyncIterator[list[Entry]]:
        """What other handles append to `doc` after `seq` `after`: each exactly once, in order (D7).

        Never gives the handle's own appends. Starts with what is already there, then waits;
        a list is never empty, and at most about 1 MiB of entries (or one entry) long. Ends when
        the log is closed. An entry that another handle compacted before it was given is given
        as the snapshot it became part of, under the snapshot's `seq`.

        Raises LogFailed or LogCorrupt if it cannot read.
        """
        ...

    async def compact(self, doc: str, snapshot: bytes, *, base: int, upto: int) -> bool:
        """Replace the entries of `doc` up to `seq` `upto` by `snapshot`, if nobody else did so before (D4).

        `snapshot` must be equal to what one `read(doc)` returned, or to the beginning of that,
        `base` the first and `upto` the last `seq` of that very part; never use a `seq` that `append`
        returned, for somebody else's entry may stand before it. Entries after `upto` stay as they are.

        Returns whether it was done: False, with nothing changed, if the doc's first entry is no
        longer `base` or there is none at `upto`. The snapshot stands at `upto`: `seq` numbers
        are never used again, and who has read up to `upto` or further misses nothing. A tail of
        this handle that has not yet given all that others wrote up to `upto` gives the snapshot.

        Raises LogFailed with nothing changed.
        """
        ...

    async def drop(self, *docs: str) -> None:
        """Remove all entries of `docs`, all or none, and nothing else; unknown ones are passed over.

        On return that is durable. `seq` numbers are never used again: what is appended later stands
        after what was dropped, and a compaction of what was read before is not done. A tail that has
        not given what was dropped never gives it, and is not told.

        Raises LogFailed with nothing changed.
        """
        ...

    async def scrub(self) -> bool:
        """Leave nothing in the storage of what was dropped or compacted before.

        Without it the bytes of entries that are gone may stay on disk for a while. Returns whether
        it was done: False if another process, which reads the log, would not let it. Raises LogFailed.
        """
        ...

    async def docs(self) -> list[str]:
        """The names of all docs that have an entry, sorted by their UTF-8 bytes."""
        ...

    async def heads(self) -> dict[str, int]:
        """For each doc that has an entry, the `seq` of its newest; it is one moment of the log.

        Compaction leaves it as it is: who has read a doc up to there has read all of it.
        """
        ...

    async def size(self, doc: str) -> tuple[int, int]:
        """How many entries `doc` has and how many bytes they are together; for an unknown doc (0, 0)."""
        ...

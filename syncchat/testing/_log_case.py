"""What the tests of the log contract have in common."""

from collections.abc import AsyncIterator, Sequence

import anyio

from syncchat.log import Entry, Log

PATIENCE_SECONDS = 20.0
"""How long a test waits for what must come."""


class LogCase:
    """A test of a log: one storage, on which it opens handles."""

    def open_log(self) -> Log:
        """A new handle, not yet entered, on the one storage of this test."""
        raise NotImplementedError("give a new handle on the storage under test")


def assert_ascending(entries: Sequence[Entry]) -> None:
    seqs = [entry.seq for entry in entries]
    assert seqs == sorted(set(seqs))


def group(number: int) -> list[bytes]:
    return [b"%d/%d" % (number, part) for part in range(3)]


def group_numbers(entries: Sequence[Entry]) -> set[int]:
    """The numbers of the groups in `entries`, each of which must be whole and in one piece."""
    numbers = [int(entry.data.split(b"/")[0]) for entry in entries[::3]]
    assert [entry.data for entry in entries] == [data for number in numbers for data in group(number)]
    assert len(numbers) == len(set(numbers))
    return set(numbers)


async def follow(tail: AsyncIterator[list[Entry]], count: int) -> list[Entry]:
    """The next entries of `tail`, at least `count` of them."""
    entries: list[Entry] = []
    with anyio.fail_after(PATIENCE_SECONDS):
        while len(entries) < count:
            batch = await anext(tail)
            assert batch
            entries += batch
    return entries


async def compact(log: Log, doc: str, read: Sequence[Entry], snapshot: bytes) -> bool:
    return await log.compact(doc, snapshot, base=read[0].seq, upto=read[-1].seq)

"""What the tests of the search have in common: logs with messages in them, and what is found of them."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from syncchat.core.ids import format_id
from syncchat.errors import LogFailed
from syncchat.log import Entry, Log, MemoryLog
from syncchat.search import Index, LocalSearch, parse
from syncchat.search.file import open_index
from syncchat.testing.client import Writer


def message(number: int) -> str:
    return format_id(1_800_000_000_000 + number, "ada", number)


async def write(log: Log, doc: str, said: Mapping[str, object]) -> int:
    """Append messages to a page, in one entry each; returns the last one's `seq`."""
    writer = Writer()
    return await log.append(doc, [writer.write(id, value) for id, value in said.items()])


async def find(local: LocalSearch, text: str) -> set[str]:
    return {hit.id for hit in (await local.search(text, limit=100)).hits}


async def found(index: Index, text: str) -> set[str]:
    return {hit.id for hit in (await index.search(parse(text), limit=100)).hits}


class Torn(MemoryLog):
    """A log of which some docs cannot be read."""

    def __init__(self, *torn: str) -> None:
        super().__init__()
        self.torn = set(torn)

    async def read(self, doc: str, after: int = 0) -> list[Entry]:
        if doc in self.torn:
            raise LogFailed("the disk is bad there")
        return await super().read(doc, after)


def overwrite(path: Path) -> None:
    """What a broken disk leaves: the head of the file is right, and nothing behind it."""
    with closing(open_index(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))

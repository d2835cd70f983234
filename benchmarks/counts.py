"""What is counted and not timed, and thus the same on every machine: bytes, frames, commits, memory blocks.

CI compares them with benchmarks/expected.json: a change of a single byte is meant, or it is a mistake.
"""

import gc
import json
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
from pycrdt import Doc

from benchmarks.load.history import EACH, Book, Chapter
from benchmarks.load.updates import WRITER, messages, stream
from syncchat.compaction import compact
from syncchat.core.cover import Cover
from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Auth, Message, Status, Step1, Step2, Update
from syncchat.core.store import Store
from syncchat.hub import Hub, Limits
from syncchat.link.memory import MemoryLink
from syncchat.log import Entry, Log, MemoryLog, SqliteLog
from syncchat.testing.server import believe

EXPECTED = Path(__file__).parent / "expected.json"
ROOM = "lobby/0"
COVER = "lobby/cover"
READERS = 3
TOKENS = 100
CONNECTIONS = 100
PAGES = 10
PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"
"""Ends the names of counts that are the same only with the same Python."""

Counts = dict[str, int]
M = TypeVar("M", bound=Message)
DIALECT = HocuspocusDialect()


class Tally:
    """A client that counts what it hears."""

    def __init__(self, link: MemoryLink, doc: str) -> None:
        self._link = link
        self._doc = doc
        self.bytes = self.frames = 0

    def say(self, message: Message) -> None:
        """Say something."""
        self._link.send(DIALECT.encode(self._doc, message) or b"")

    async def hear(self, kind: type[M]) -> M:
        """The next message of this kind."""
        while True:
            data = await self._link.receive()
            self.bytes += len(data)
            self.frames += 1
            frame = DIALECT.decode(data)
            if frame is not None and isinstance(frame.message, kind):
                return frame.message


def count() -> Counts:
    """All counts."""
    anyio.run(_idling)  # what it leaves in caches would count as the connections'
    return {
        **_prefixed("token", anyio.run(_in_step)),
        **_prefixed("burst", anyio.run(_at_once)),
        **_prefixed("message", anyio.run(_posting)),
        **_prefixed("idle", anyio.run(_idling)),
        **_prefixed("pages", anyio.run(_turning_pages)),
    }


def differences(found: Counts, expected: Counts) -> list[str]:
    """A line for each count that is not as expected; those of another Python are left out."""
    here = {name: number for name, number in expected.items() if "_py" not in name or name.endswith(PYTHON)}
    return [
        f"{name}: {found.get(name, 'gone')}, expected {here.get(name, 'nothing: it is new')}"
        for name in sorted(found.keys() | here.keys())
        if found.get(name) != here.get(name)
    ]


def expected() -> Counts:
    """What is committed; raises OSError, ValueError."""
    counts: Counts = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return counts


async def _in_step() -> Counts:
    """Each token is waited for: every one is a commit, and one frame for each reader."""
    begin, appends, end = stream(TOKENS)
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteLog(Path(folder) / "log.sqlite")
        async with _room(log) as (writer, *readers):
            before = log.commits
            for update in (begin, *appends, end):
                writer.say(Update(update))
                await writer.hear(Status)
                for reader in readers:
                    await reader.hear(Update)
            return _told([writer, *readers]) | {"commits": log.commits - before}


async def _at_once() -> Counts:
    """All tokens are there before the hub looks: they share commits, and frames."""
    begin, appends, _ = stream(TOKENS)
    log = MemoryLog()
    async with _room(log) as (writer, *readers):
        for update in (begin, *appends):
            writer.say(Update(update))
        for _ in range(TOKENS + 1):
            await writer.hear(Status)
        entries = await log.read(ROOM)
        for reader in readers:
            for _ in entries:
                await reader.hear(Update)
        return _told([writer, *readers]) | {"commits": len(entries), "log_bytes": _size(entries)}


async def _posting() -> Counts:
    """Messages of 80 characters, and what a joiner and the log hold of them before and after compaction."""
    log = MemoryLog()
    async with _room(log) as (writer, *_):
        for update in messages(TOKENS):
            writer.say(Update(update))
            await writer.hear(Status)
        entries = await log.read(ROOM)
    async with _room(log) as (joiner, *_):
        await compact(log, ROOM)
        compacted = await log.read(ROOM)
        return {
            "joiner_bytes": joiner.bytes,
            "joiner_frames": joiner.frames,
            "commits": len(entries),
            "log_bytes": _size(entries),
            "compacted_bytes": _size(compacted),
        }


async def _turning_pages() -> Counts:
    """What it takes to open the next page, and what somebody is sent who joins a room of some pages."""
    # What is told of the cover later is told when the clock says so, and not in this test.
    log, limits = MemoryLog(), Limits(cover_seconds=3600)
    async with (
        Hub(log, authorize=believe, limits=limits, rng=random.Random(1)) as hub,
        _client(hub, COVER, "bob") as watcher,
    ):
        cover: Doc[Any] = Doc()
        for chapter in Book(paged=True).write(PAGES * EACH + 1):
            commits, told = len(await log.read(COVER)), watcher.bytes
            await _write(hub, chapter, watcher, cover)
            if len(chapter.updates) == EACH:
                commits = len(await log.read(COVER)) - commits
                turn = {"turn_commits": commits, "turn_bytes": watcher.bytes - told}
        async with _client(hub, COVER, "eve") as joiner, _client(hub, chapter.doc, "eve") as reader:
            sent = joiner.bytes + reader.bytes
        async with _client(hub, f"lobby/{PAGES - 1}", "eve") as reader:
            sent += reader.bytes
    return {**turn, "joiner_bytes": sent}


async def _write(hub: Hub, chapter: Chapter, watcher: Tally, cover: Doc[Any]) -> None:
    """Write a page; if it is full, return when the cover names the next."""
    async with _client(hub, chapter.doc, WRITER) as writer:
        for update in chapter.updates:
            writer.say(Update(update))
            await writer.hear(Status)
    while len(chapter.updates) == EACH and Cover(Store(cover)).newest == chapter.page:
        cover.apply_update((await watcher.hear(Update)).update)


async def _idling() -> Counts:
    """Blocks of memory that Python holds for a connection in a room of its own."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(_hub(MemoryLog()))
        for number in range(CONNECTIONS):
            await stack.enter_async_context(_client(hub, f"first-{number}/0", "bob"))
        gc.collect()
        before = sys.getallocatedblocks()
        for number in range(CONNECTIONS):
            await stack.enter_async_context(_client(hub, f"then-{number}/0", "bob"))
        gc.collect()
        return {f"blocks_per_connection_{PYTHON}": round((sys.getallocatedblocks() - before) / CONNECTIONS)}


# A hub in this process.


def _hub(log: Log) -> Hub:
    return Hub(log, authorize=believe)


@asynccontextmanager
async def _client(hub: Hub, doc: str, user: str) -> AsyncIterator[Tally]:
    async with hub.connect() as link:
        client = Tally(link, doc)
        client.say(Auth(user))
        client.say(Step1(b"\x00"))
        await client.hear(Step2)
        await client.hear(Step1)
        yield client


@asynccontextmanager
async def _room(log: Log) -> AsyncIterator[list[Tally]]:
    """A writer, and readers beside it."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(_hub(log))
        users = [WRITER, *(f"r{number}" for number in range(READERS))]
        yield [await stack.enter_async_context(_client(hub, ROOM, user)) for user in users]


def _told(clients: list[Tally]) -> Counts:
    return {
        "writer_bytes": clients[0].bytes,
        "writer_frames": clients[0].frames,
        "reader_bytes": sum(client.bytes for client in clients[1:]),
        "reader_frames": sum(client.frames for client in clients[1:]),
    }


def _size(entries: list[Entry]) -> int:
    return sum(len(entry.data) for entry in entries)


def _prefixed(word: str, counts: Counts) -> Counts:
    return {f"{word}_{name}": value for name, value in counts.items()}

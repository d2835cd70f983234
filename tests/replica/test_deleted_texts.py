"""A deleted text leaves the logs of those who hear of the deletion, and their files (H10)."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.hub import Hub
from syncchat.link import Link
from syncchat.log import MemoryLog, MemoryStore, SqliteLog
from syncchat.peer import Peer
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer
from tests.files import holding
from tests.replica.paging import rest

SECRET = "correct horse battery staple"


class Scrubbed(SqliteLog):
    """A log that tells when it was scrubbed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.done = anyio.Event()

    async def scrub(self) -> bool:
        done = await super().scrub()
        self.done.set()
        return done


def holds_it(store: MemoryStore) -> list[str]:
    return [doc for doc in store.docs() if any(SECRET.encode() in row.data for row in store.rows(doc))]


def authorize(user: str, _doc: str) -> Grant:
    return Grant(user, Role.MODERATOR if user == "mod" else Role.WRITER)


def test_H10_who_hears_of_a_deletion_takes_the_text_out_of_its_own_log() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=authorize)
        stores = [MemoryStore() for _ in range(3)]
        async with (
            server.running(),
            server.peer("ann", MemoryLog(stores[0])) as ann,
            server.peer("bob", MemoryLog(stores[1])) as bob,
            server.peer("mod", MemoryLog(stores[2])) as mod,
        ):
            rooms = [await peer.enter("lobby") for peer in (ann, bob, mod)]
            posted = rooms[0].post(SECRET)
            stream = rooms[0].stream(agent=False)
            stream.append(SECRET)
            await rest()
            assert [holds_it(store) for store in stores] == [["lobby/0"]] * 3
            rooms[2].delete(posted)
            rooms[2].delete(stream.id)
            rooms[0].post("this stays")
            await anyio.sleep(30)
            assert [holds_it(store) for store in stores] == [[]] * 3
            assert [message.text for message in rooms[1].timeline] == ["", "", "this stays"]
            for peer in (ann, bob, mod):
                assert peer.status.problem is None

    run(main)


def test_H10_who_was_away_takes_it_out_when_it_hears_of_it() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=authorize)
        store = MemoryStore()
        async with server.running(), server.peer("ann") as ann:
            room = await ann.enter("lobby")
            id = room.post(SECRET)
            async with server.peer("bob", MemoryLog(store)) as bob:
                await bob.enter("lobby")
                await rest()
            assert holds_it(store)
            room.delete(id)
            async with server.peer("bob", MemoryLog(store)) as bob:
                await bob.enter("lobby")
                await anyio.sleep(30)
            assert holds_it(store) == []

    run(main)


def test_H10_a_log_that_fails_keeps_the_text_and_says_so_until_it_can_be_written() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with Peer(log=MemoryLog(store), user="ann") as ann:
            room = await ann.enter("lobby")
            id = room.post(SECRET)
            await ann.saved()
            room.delete(id)
            await ann.saved()
            store.failure = "the disk is full"
            await anyio.sleep(30)
            assert "a deleted text is in the log still" in str(ann.status.problem)
            store.failure = None
            await anyio.sleep(30)
            assert holds_it(store) == []
            assert ann.status.problem is None

    run(main)


@pytest.mark.anyio
async def test_H10_a_deleted_text_is_in_no_file_of_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.desk.TIDY_AFTER", 0.01)

    def on_disk() -> list[str]:
        return holding(tmp_path, SECRET.encode())

    async with Hub(MemoryLog(), authorize=authorize) as hub:

        def connect(_doc: str) -> AbstractAsyncContextManager[Link]:
            return hub.connect()

        log = Scrubbed(tmp_path / "bob.sqlite")
        async with (
            Peer(user="ann", connect=connect) as ann,
            Peer(log=log, user="bob", connect=connect) as bob,
        ):
            mine, other = await ann.enter("lobby"), await bob.enter("lobby")
            id = mine.post(SECRET)
            with anyio.fail_after(20):
                await bob.until(lambda: len(other.timeline) == 1)
                await bob.saved()
                assert on_disk()
                mine.delete(id)
                await log.done.wait()
            assert not on_disk()

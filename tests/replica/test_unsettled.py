"""What waits on a page that nobody looks at any more: it is noted, and the note goes when it is settled."""

from syncchat.core.ids import parse_doc
from syncchat.core.page import MESSAGES
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer
from syncchat.unsettled import MAX_NOTES, Unsettled, unsettled_pages

ID = "0000000001.ann.00000000"


async def _noted(store: MemoryStore) -> set[int]:
    async with MemoryLog(store) as log:
        return await unsettled_pages(log, "lobby")


async def _write(peer: Peer, page: int) -> None:
    replica = await peer.open(f"lobby/{page}")
    replica.store.table(MESSAGES).set(ID, {"text": "x"})


def test_O4_a_page_with_changes_that_never_reached_the_server_is_found_after_a_restart() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with Peer(log=MemoryLog(store), user="ann") as peer:
            await _write(peer, 3)
            await _write(peer, 5)
            await peer.open("lobby/4")
        assert await _noted(store) == {3, 5}
        assert len(store.rows("lobby#unsettled")) == 2

    run(main)


def test_O4_what_the_server_has_acknowledged_is_noted_no_more() -> None:
    async def main() -> None:
        store, server = MemoryStore(), MemoryServer()
        async with Peer(log=MemoryLog(store), user="ann") as peer:
            await _write(peer, 0)
        assert await _noted(store) == {0}
        async with server.running(), server.peer("ann", MemoryLog(store)) as peer:
            await peer.open("lobby/0")
            await peer.settled()
        assert await _noted(store) == set()

    run(main)


def test_O4_O5_one_process_settles_nothing_that_another_has_noted_since() -> None:
    async def main() -> None:
        async with MemoryLog(store := MemoryStore()) as log:
            ours, theirs = (Unsettled(log, "lobby/7", parse_doc("lobby/7"), client) for client in (1, 2))
            await ours.load()
            await ours.append([b"a"], waiting=True)
            await theirs.append([b"b"], waiting=True)
            await ours.settle(lambda: False)
            assert await _noted(store) == {7}
            await ours.settle(lambda: True)
            assert await _noted(store) == {7}, "theirs"
            await theirs.settle(lambda: True)
            assert await _noted(store) == set()

    run(main)


def test_O4_D4_notes_stay_few() -> None:
    async def main() -> None:
        async with MemoryLog(store := MemoryStore()) as log:
            await Unsettled(log, "lobby/1", parse_doc("lobby/1"), 9).append([b"a"], waiting=True)
            notes = Unsettled(log, "lobby/2", parse_doc("lobby/2"), 8)
            for _ in range(MAX_NOTES):
                await notes.append([b"a"], waiting=True)
                await notes.append([b"a"], waiting=False)
                await notes.settle(lambda: True)
            assert len(store.rows("lobby#unsettled")) <= MAX_NOTES + 1
            assert await _noted(store) == {1}

    run(main)


def test_O4_of_a_doc_that_is_no_page_nothing_is_noted() -> None:
    async def main() -> None:
        async with MemoryLog(store := MemoryStore()) as log:
            for name in ("tasks", "lobby/cover"):
                notes = Unsettled(log, name, parse_doc(name), 1)
                await notes.load()
                await notes.append([b"a"], waiting=True)
                await notes.settle(lambda: True)
            assert store.docs() == ["lobby/cover", "tasks"]

    run(main)

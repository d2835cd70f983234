"""Pages that the server drops: a client's copies go; what it had not sent is kept for its author (H11)."""

import anyio

from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.client import HeldLog
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, pages, play, rest, texts


def stored(store: MemoryStore) -> set[str]:
    """The pages that a client's log has anything of."""
    return {doc.partition("#")[0].removeprefix("lobby/") for doc in store.docs() if doc.startswith("lobby/")}


def test_H11_pages_that_are_dropped_go_from_the_screen_and_from_the_clients_log() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(6)
        store = MemoryStore()
        async with server.running() as hub, server.peer("bob", MemoryLog(store)) as bob:
            room = await enter(bob)
            while await room.older():
                pass
            await rest()
            assert stored(store) == {"0", "1", "2", "3", "4", "5", "cover"}
            await hub.drop_before("lobby", 4)
            await rest()
            assert pages(bob) == [4, 5]
            assert [room.shown.start, room.has_older] == [4, False]
            assert texts(room) == [*past.texts(4, 3), *past.texts(5, 3)]
            assert stored(store) == {"4", "5", "cover"}
            assert bob.status.problem is None
            assert bob.refusals == []
            assert not await room.older()
            room.post("it goes on")
            await bob.settled()

    play(main)


def test_H11_what_was_dropped_while_a_client_was_away_goes_when_it_comes_back() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(6)
        store = MemoryStore()
        async with server.running() as hub:
            async with server.peer("bob", MemoryLog(store)) as bob:
                room = await enter(bob)
                while await room.older():
                    pass
            await hub.drop_before("lobby", 5)
            async with server.peer("bob", MemoryLog(store)) as bob:
                room = await enter(bob)
                assert texts(room) == past.texts(5, 3)
                assert stored(store) == {"5", "cover"}

    play(main)


def test_H11_G14_what_waited_on_a_dropped_page_is_kept_for_its_author_over_restarts() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(3)
        store = MemoryStore()
        async with server.running(), server.peer("bob", MemoryLog(store)) as bob:
            await enter(bob)
        async with server.peer("bob", MemoryLog(store)) as bob:
            room = await enter(bob)
            mine = room.post("offline, on page 2")
            room.edit(written[-1], "edited offline")
            room.react(written[-2], "⭐")
        past.write(5, "much later")
        past.cover(5)
        async with server.running() as hub:
            await hub.drop_before("lobby", 5)
            for _ in range(2):
                async with server.peer("bob", MemoryLog(store)) as bob:
                    room = await enter(bob)
                    assert texts(room) == ["much later"]
                    kept = {(refusal.rule, refusal.row[1], refusal.text) for refusal in bob.refusals}
                    assert kept == {
                        ("H11", mine, "offline, on page 2"),
                        ("H11", written[-1], "edited offline"),
                    }
                    assert all("dropped" in refusal.reason for refusal in bob.refusals)
                    assert stored(store) == {"5", "cover"}
                    assert bob.status.waiting == 0
                    assert bob.is_settled
            async with server.peer("bob", MemoryLog(store)) as bob:
                await enter(bob)
                for refusal in list(bob.refusals):
                    await bob.dismiss(refusal)
                assert bob.refusals == []
            async with server.peer("bob", MemoryLog(store)) as bob:
                await enter(bob)
                assert bob.refusals == []

    play(main)


def test_H11_G14_a_refusal_of_a_page_that_is_dropped_later_is_kept_on() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(3)
        store = MemoryStore()
        async with server.running() as hub, server.peer("mod", MemoryLog(store)) as mod:
            await enter(mod)
            (await mod.open("lobby/2")).store.table("messages").set(written[-1], {"text": "forged"})
            await mod.until(lambda: bool(mod.refusals))
            for number in range(256):
                past_room = await mod.enter("lobby")
                past_room.post(f"number {number}")
            await mod.settled()
            await rest()
            assert past_room.newest == 3
            await hub.drop_before("lobby", 3)
            await rest()
            [refusal] = mod.refusals
            assert (refusal.rule, refusal.text, refusal.doc) == ("G1", "forged", "lobby/cover")
            assert stored(store) == {"3", "cover"}

    play(main)


def test_H11_D3_a_full_disk_keeps_no_page_for_ever_and_loses_nothing_that_waited() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(3)
        store = MemoryStore()
        async with server.running(), server.peer("bob", MemoryLog(store)) as bob:
            await enter(bob)
        async with server.peer("bob", MemoryLog(store)) as bob:
            (await enter(bob)).post("offline")
        past.write(5, "much later")
        past.cover(5)
        async with server.running() as hub, server.peer("bob", HeldLog(store)) as bob:
            await hub.drop_before("lobby", 5)
            room = await bob.enter("lobby")
            store.failure = "the disk is full"
            await anyio.sleep(30)
            store.failure = None
            await anyio.sleep(30)
            assert stored(store) == {"5", "cover"}
            assert [refusal.text for refusal in bob.refusals] == ["offline"]
            assert len(ids(room)) == 1
            assert bob.status.problem is None

    play(main)


def test_H11_who_scrolls_while_pages_are_dropped_sees_what_is_left() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(8)
        async with server.running() as hub, server.peer("bob") as bob, anyio.create_task_group() as tasks:
            room = await enter(bob)
            await room.older()
            server.log.hold("read")
            tasks.start_soon(room.older)
            await anyio.sleep(0.5)
            tasks.start_soon(hub.drop_before, "lobby", 7)
            await anyio.sleep(0.5)
            server.log.release()
            await anyio.sleep(30)
            assert pages(bob) == [7]
            assert texts(room) == past.texts(7, 3)
            tasks.cancel_scope.cancel()

    play(main)

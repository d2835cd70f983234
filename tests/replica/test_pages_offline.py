"""Changes on pages that are old by now: written offline, refused, or of another process."""

import anyio
import anyio.lowlevel

from syncchat.errors import LogFailed
from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.client import HeldLog
from syncchat.testing.history import Past
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, pages, play, rest, texts


def test_O4_what_was_written_offline_on_a_page_that_is_old_by_now_is_sent_after_a_restart() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(3)
        store = MemoryStore()
        async with server.running(), server.peer("bob", MemoryLog(store)) as bob:
            await enter(bob)
        async with server.peer("bob", MemoryLog(store)) as bob:
            room = await enter(bob)
            mine = room.post("offline, on page 2")
            assert await room.older() is False
            room.edit(written[3], "edited offline, on page 1")
        for page in range(3, 8):
            past.write(page, f"page {page}")
        past.cover(7)
        async with server.running(), server.peer("bob", MemoryLog(store)) as bob:
            room = await enter(bob)
            with anyio.fail_after(60):
                await bob.settled()
            await rest()
            assert pages(bob)[-2:] == [6, 7]
            async with server.peer("ann") as ann:
                other = await enter(ann)
                while await other.older():
                    pass
                assert mine in ids(other)
                message = other.message(written[3])
                assert message is not None
                assert message.text == "edited offline, on page 1"

    play(main)


def test_O4_a_page_with_unsent_changes_is_not_closed_before_the_server_has_them() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        async with server.peer("bob") as bob:
            async with server.running():
                room = await enter(bob)
                for _ in range(5):
                    await room.older()
            await anyio.sleep(1)
            room.edit(written[5 * 3], "edited offline")
            await room.recent()
            await rest()
            assert pages(bob) == [5, 10, 11]
            async with server.running():
                bob.go_online()
                await rest()
                assert pages(bob) == [10, 11]
                assert await room.show(written[5 * 3], 5)
                assert "edited offline" in texts(room)

    play(main)


def test_O5_two_processes_on_one_log_show_the_same_pages_with_no_server_running() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(5)
        store = MemoryStore()
        async with server.peer("ann", MemoryLog(store)) as one, server.peer("ann", MemoryLog(store)) as two:
            two.go_offline()
            async with server.running():
                here, there = await enter(one), await enter(two)
                await rest()
                assert texts(there) == texts(here), "the other has brought them"
                assert await here.older()
            there.post("from the other one")
            assert await there.older()
            await rest()
            assert ids(there) == ids(here)
            assert len(ids(here)) == 10

    play(main)


def test_G14_what_was_refused_on_an_old_page_is_not_closed_away_from_its_author() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        written = past.pages(12)
        store = MemoryStore()
        async with server.running():
            async with server.peer("bob", MemoryLog(store)) as bob:
                room = await enter(bob)
                for _ in range(5):
                    await room.older()
                replica = await bob.open("lobby/5")
                replica.store.table("messages").set(written[5 * 3].replace("bob", "ann"), {"text": "forged"})
                await room.recent()
                await rest()
                assert [refusal.text for refusal in bob.refusals] == ["forged"]
            async with server.peer("bob", MemoryLog(store)) as bob:
                await enter(bob)
                assert [refusal.text for refusal in bob.refusals] == ["forged"], "after a restart, too"
                await bob.dismiss(bob.refusals[0])
                await rest()
                assert pages(bob) == [10, 11]

    play(main)


def test_S7_a_page_that_cannot_be_read_here_is_told_and_tried_again() -> None:
    async def main(server: MemoryServer, past: Past) -> None:
        past.pages(2)
        log = HeldLog()
        async with server.peer("ann", log) as ann:
            async with server.running():
                room = await enter(ann)
            past.write(2, "page 2")
            past.cover(2)
            log.error = LogFailed("a bad sector")
            async with server.running():
                ann.go_online()
                await rest()
                assert "a bad sector" in (ann.status.problem or "")
                log.error = None
                await rest()
                assert ann.status.problem is None
                assert texts(room)[-1] == "page 2"

    play(main)

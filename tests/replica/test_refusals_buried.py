"""What is written over a moderator's deletion by who had not heard of it: told, kept, on nobody's screen."""

import anyio

from syncchat.core.grant import Grant, Role
from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer, Tokens

TOKENS = Tokens(
    mod=Grant("mod", Role.MODERATOR), bob=Grant("bob", Role.WRITER), ann=Grant("ann", Role.WRITER)
)


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(120):
        for peer in peers:
            await peer.settled()
            await peer.saved()


def test_G12_G14_an_edit_written_offline_over_a_moderators_deletion_is_kept_for_its_author() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=TOKENS)
        async with server.running(), server.peer("mod") as mod, server.peer("bob") as bob:
            room, author = await mod.enter("lobby"), await bob.enter("lobby")
            rude, fine = author.post("rude"), author.post("fine")
            await settle(mod, bob)
            await mod.until(lambda: len(room.timeline) == 2)
            bob.go_offline()
            await anyio.sleep(1)
            author.edit(rude, "rude again")
            author.edit(fine, "finer")
            author.post("and more")
            room.delete(rude)
            await settle(mod)
            bob.go_online()
            await settle(bob)
            await mod.until(lambda: len(room.timeline) == 3)
            assert texts(author) == texts(room) == ["", "finer", "and more"]
            assert author.timeline[0].deleted_by == "mod"
            [refusal] = bob.refusals
            assert (refusal.rule, refusal.row, refusal.text) == ("G12", ("messages", rude), "rude again")
            assert refusal.reason == "a moderator has deleted that message"
            assert bob.status.problem is None

    run(main)


def test_G12_a_stream_that_a_moderator_deleted_while_its_author_was_away_stays_deleted() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=TOKENS)
        async with server.running(), server.peer("mod") as mod, server.peer("bob") as bob:
            room, author = await mod.enter("lobby"), await bob.enter("lobby")
            stream = author.stream(agent=False)
            stream.append("rude ")
            await settle(bob)
            await mod.until(lambda: len(room.timeline) == 1)
            bob.go_offline()
            await anyio.sleep(1)
            room.delete(stream.id)
            await settle(mod)
            stream.append("and ruder")
            stream.finish()
            bob.go_online()
            await settle(bob, mod)
            assert texts(author) == texts(room) == [""]
            assert [refusal.text for refusal in bob.refusals] == ["rude and ruder"]

    run(main)


def test_G12_both_may_delete_at_once_and_the_moderators_deletion_stands() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=TOKENS)
        async with server.running(), server.peer("mod") as mod, server.peer("bob") as bob:
            room, author = await mod.enter("lobby"), await bob.enter("lobby")
            rude = author.post("rude")
            await settle(bob)
            await mod.until(lambda: len(room.timeline) == 1)
            bob.go_offline()
            await anyio.sleep(1)
            author.delete(rude)
            room.delete(rude)
            await settle(mod)
            bob.go_online()
            await settle(bob, mod)
            for seen in (room, author):
                assert [(message.text, message.deleted_by) for message in seen.timeline] == [("", "mod")]

    run(main)

"""What a server says of its clients: who they are, what they may do, and which limit they are over."""

import logging
from collections.abc import Mapping

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.core.room import Room
from syncchat.errors import CloseCode, Refused
from syncchat.hub import Denial
from syncchat.log import MemoryLog, MemoryStore
from syncchat.peer import Peer
from syncchat.testing.loop import run, wall_clock
from syncchat.testing.server import MemoryServer


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The hub tells of refusals."""
    caplog.set_level(logging.CRITICAL)


class Roles:
    """A token is its bearer's name; who is named has that role, and all others write."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self.roles = dict(roles)

    def __call__(self, token: str, _doc: str) -> Grant:
        """What a token allows."""
        return Grant(token, self.roles.get(token, Role.WRITER))


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(120):
        for peer in peers:
            await peer.settled()
            await peer.saved()


def test_G11_a_reader_sees_everything_and_is_told_before_it_writes() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=Roles({"eve": Role.READER}))
        async with server.running(), server.peer("ann") as ann, server.peer("eve") as eve:
            room, hers = await ann.enter("lobby"), await eve.enter("lobby")
            mine = room.post("for all to read")
            await settle(ann, eve)
            await eve.until(lambda: len(hers.timeline) == 1)
            assert hers.role is Role.READER
            for write in (
                lambda: hers.post("no"),
                lambda: hers.react(mine, "⭐"),
                hers.stream,
                lambda: hers.ask("stop", mine),
                lambda: hers.delete(mine),
            ):
                with pytest.raises(Refused, match="G11"):
                    write()
            hers.set_presence(state="writing")
            await anyio.sleep(60)
            assert [person.user for person in room.people] == ["ann"]
            assert eve.status.online
            assert eve.status.problem is None
            assert eve.refusals == []

    run(main)


def test_G11_G14_what_was_written_before_one_knew_to_be_a_reader_is_kept() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=Roles({"eve": Role.READER}))
        async with server.peer("ann") as ann, server.peer("eve") as eve:
            room, hers = await ann.enter("lobby"), await eve.enter("lobby")
            for number in range(3):
                hers.post(f"number {number}")
            shown: list[object] = []
            room.timeline.listen(shown.extend)
            async with server.running():
                await settle(ann, eve)
                assert texts(hers) == texts(room) == shown == []
                assert [refusal.text for refusal in eve.refusals] == [f"number {n}" for n in range(3)]
                assert {refusal.rule for refusal in eve.refusals} == {"G11"}

    run(main)


def test_G12_a_moderator_takes_back_what_another_wrote_and_nobody_else_can() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=Roles({"mod": Role.MODERATOR}))
        async with server.running(), server.peer("ann") as ann, server.peer("mod") as mod:
            room, theirs = await ann.enter("lobby"), await mod.enter("lobby")
            rude, kind = room.post("rude"), room.post("kind")
            stream = room.stream(agent=False)
            stream.append("rude, too")
            own = theirs.post("from the moderator")
            await settle(ann, mod)
            await mod.until(lambda: len(theirs.timeline) == len(room.timeline) == 4)
            theirs.delete(rude)
            theirs.delete(stream.id)
            with pytest.raises(Refused, match="G1"):
                room.delete(own)
            with pytest.raises(Refused, match="G1"):
                theirs.edit(kind, "kinder")
            await settle(mod)
            await ann.until(lambda: not stream.open)
            assert not stream.append("and more")
            assert sorted(texts(room)) == ["", "", "from the moderator", "kind"]
            found = room.message(rude)
            assert found is not None
            assert (found.deleted, found.deleted_by, found.user) == (True, "mod", "ann")
            await settle(ann, mod)
            assert ann.refusals == mod.refusals == []

    run(main)


def test_U1_a_token_of_another_user_is_told_and_writes_nothing() -> None:
    async def main() -> None:
        server = MemoryServer()
        async with server.running(), server.peer("ann", token="bob") as ann:
            room = await ann.enter("lobby")
            room.post("in whose name?")
            await anyio.sleep(60)
            problem = ann.status.problem
            assert problem is not None
            assert "'bob'" in problem
            assert "'ann'" in problem
            assert ann.refusals == []
            assert len(await server.log.read("lobby/0")) == 0
            ann.renew("ann")
            await settle(ann)
            assert ann.status.problem is None
            assert room.timeline[0].durable

    run(main)


def test_U3_a_token_that_expires_on_an_open_link_is_told_and_another_one_goes_on() -> None:
    async def main() -> None:
        until = {"old": wall_clock() / 1000 + 30.0, "new": wall_clock() / 1000 + 9000.0}

        def authorize(token: str, _doc: str) -> Grant:
            if token not in until:
                raise Denial("no such token", CloseCode.UNAUTHENTICATED)
            return Grant("ann", Role.WRITER, expires=until[token])

        server = MemoryServer(authorize=authorize)
        async with server.running(), server.peer("ann", token="old") as ann:
            room = await ann.enter("lobby")
            await settle(ann)
            await anyio.sleep(40)
            assert "expired" in (ann.status.problem or "")
            room.post("kept here until then")
            await anyio.sleep(40)
            assert [message.durable for message in room.timeline] == [False]
            assert ann.refusals == []
            ann.renew("new")
            await settle(ann)
            assert room.timeline[0].durable
            assert ann.status.problem is None

    run(main)


def test_U3_a_new_token_that_crosses_the_end_of_the_old_one_goes_on() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=lambda token, _doc: Grant("ann", Role.WRITER, token_id=token))
        async with server.running() as hub, server.peer("ann", token="old") as ann:
            docs = [await ann.open(name) for name in ("one", "two")]
            await settle(ann)
            assert hub.recheck(lambda id: id == "old") == len(docs)
            ann.renew("new")  # before it has heard of that
            docs[0].store.values.set("key", 1)
            await settle(ann)
            assert ann.status.problem is None
            assert [doc.is_settled for doc in docs] == [True, True]

    run(main)


def test_U3_a_token_that_is_a_function_is_renewed_before_it_expires() -> None:
    async def main() -> None:
        def authorize(token: str, _doc: str) -> Grant:
            return Grant("ann", Role.WRITER, expires=float(token))

        server = MemoryServer(authorize=authorize)
        tries = len(server.tries)
        token = lambda: str(wall_clock() // 1000 + 60)  # noqa: E731  (one that is good for a minute)
        async with server.running(), server.peer("ann", token=token) as ann:
            room = await ann.enter("lobby")
            for number in range(20):
                await anyio.sleep(30)
                room.post(f"number {number}")
                await settle(ann)
                assert ann.status.problem is None
            assert len(server.tries) == tries + 1, "all on one link"

    run(main)


def test_U3_a_doc_that_was_opened_with_a_new_token_keeps_no_other_from_being_renewed() -> None:
    async def main() -> None:
        def authorize(token: str, _doc: str) -> Grant:
            return Grant("ann", Role.WRITER, expires=float(token))

        def token() -> str:  # good for 20 to 40 seconds, and another one every 20
            return str(wall_clock() // 20_000 * 20 + 40)

        server = MemoryServer(authorize=authorize)
        async with server.running(), server.peer("ann", token=token) as ann:
            for number in range(40):
                await ann.open(f"doc{number}")
                await anyio.sleep(3)
                assert ann.status.problem is None

    run(main)


def test_L2_a_doc_over_a_limit_waits_as_long_as_it_is_told_and_the_others_go_on() -> None:
    async def main() -> None:
        server, store = MemoryServer(authorize=Roles({}), new_docs_per_hour=2.0), MemoryStore()
        async with server.running(), server.peer("ann", MemoryLog(store)) as ann:
            docs = [await ann.open(f"doc{number}") for number in range(3)]
            for doc in docs:
                doc.store.values.set("key", 1)
                await anyio.sleep(1)
            assert "(new_docs_per_hour): try again in" in (ann.status.problem or "")
            docs[0].store.values.set("key", 2)
            await anyio.sleep(1)
            assert [doc.is_settled for doc in docs] == [True, True, False]
            sent = ann.status.bytes_out
            await anyio.sleep(600)
            assert ann.status.bytes_out - sent < 2000, "it does not ask before it is time"
            assert not docs[2].is_settled
            assert len(server.tries) == 1
            await anyio.sleep(1800)
            await settle(ann)
            assert ann.status.problem is None
            assert ann.refusals == []

    run(main)


def test_L2_who_has_too_many_links_comes_back_when_it_was_told_to() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=Roles({}), links_per_user=1)
        async with server.running(), server.peer("ann") as first, server.peer("ann") as second:
            await first.enter("lobby")
            await settle(first)
            room = await second.enter("lobby")
            room.post("kept here until then")
            tries = len(server.tries)
            await anyio.sleep(20)
            assert "(links_per_user): try again in" in (second.status.problem or "")
            assert len(server.tries) - tries <= 3
            first.go_offline()
            await settle(second)
            assert second.status.problem is None

    run(main)


def test_G14_I4_the_new_doc_has_a_client_id_of_its_own_and_nobody_ever_saw_what_was_refused() -> None:
    async def main() -> None:
        server = MemoryServer(authorize=Roles({}))
        async with server.running(), server.peer("ann") as ann, server.peer("bob") as bob:
            room, other = await ann.enter("lobby"), await bob.enter("lobby")
            seen: set[str] = set()
            room.timeline.listen(lambda _: seen.update(texts(room)))
            mine = room.post("mine")
            await settle(ann, bob)
            await bob.until(lambda: len(other.timeline) == 1)
            page = await bob.open("lobby/0")
            before = page.doc.client_id
            page.store.table("messages").set(mine, {"text": "forged"})
            other.post("honest")
            await bob.until(lambda: bool(bob.refusals))
            after: set[str] = set()
            other.timeline.listen(lambda _: after.update(texts(other)))
            assert "forged" not in texts(other)
            await settle(ann, bob)
            await ann.until(lambda: len(room.timeline) == 2)
            assert page.doc.client_id != before
            assert seen == {"mine", "honest"}
            assert after == {"mine", "honest"}

    run(main)

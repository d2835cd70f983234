"""What a hub tells those who follow its commits."""

import pytest

from syncchat.core.ids import format_id
from syncchat.core.messages import Update
from syncchat.errors import LinkClosed
from syncchat.hub.chronicle import Committed
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, statuses, updates
from syncchat.testing.loop import run
from syncchat.testing.server import make_hub

PAGE = "lobby/0"
ONE, TWO = format_id(1, "ann", 1), format_id(2, "ann", 2)


def test_D2_who_follows_commits_hears_of_messages_when_they_are_durable() -> None:
    async def main() -> None:
        log, heard = HeldLog(MemoryStore()), list[Committed]()
        async with make_hub(log) as hub, hub.connect() as link:
            hub.committed.listen(heard.append)
            ann = RawClient(link, "ann")
            writer = await ann.enter(PAGE)
            log.hold()
            ann.say(PAGE, Update(writer.write(ONE, {"text": "one"})))
            ann.say(PAGE, Update(writer.write(TWO, {"text": "two"})))
            assert await ann.said(PAGE) == []
            assert heard == []
            log.release()
            assert statuses(await ann.said(PAGE)) == [True, True]
            assert [(told.page, set(told.rows)) for told in heard] == [(PAGE, {ONE, TWO})]
            ann.say(PAGE, Update(writer.write(ONE, {"text": "edited"})))
            await ann.said(PAGE)
            assert [(told.page, set(told.rows)) for told in heard[1:]] == [(PAGE, {ONE})]

    run(main)


def test_D2_of_what_is_no_message_and_of_what_fails_nothing_is_told() -> None:
    async def main() -> None:
        store, heard = MemoryStore(), list[Committed]()
        async with make_hub(HeldLog(store)) as hub, hub.connect() as link:
            hub.committed.listen(heard.append)
            ann = RawClient(link, "ann")
            await ann.enter(PAGE)
            ann.say(PAGE, Update(Writer("reactions").write(f"{ONE}|ann|x", 1)))
            assert statuses(await ann.said(PAGE)) == [True]
            ann.say("todo", Update((await ann.enter("todo")).write("k", "v")))
            assert statuses(await ann.said("todo")) == [True]
            store.failure = "the disk is full"
            ann.say(PAGE, Update(Writer().write(ONE, {"text": "lost"})))
            with pytest.raises(LinkClosed):
                await ann.said(PAGE)
            assert heard == []

    run(main)


def test_S7_who_fails_when_told_of_a_commit_stops_nobody() -> None:
    async def main() -> None:
        def fail(_: Committed) -> None:
            raise ValueError("a bug")

        async with make_hub() as hub, hub.connect() as one, hub.connect() as two:
            hub.committed.listen(fail)
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            writer, _ = await ann.enter(PAGE), await bob.enter(PAGE)
            for id in (ONE, TWO):
                ann.say(PAGE, Update(writer.write(id, {"text": "x"})))
                assert statuses(await ann.said(PAGE)) == [True]
                assert len(updates(await bob.said(PAGE))) == 1

    run(main)

"""What a hub tells of stored messages to those who follow its commits."""

from syncchat.core.ids import format_id
from syncchat.core.messages import Update
from syncchat.hub.chronicle import Committed
from syncchat.log import MemoryLog
from syncchat.testing.client import RawClient, statuses
from syncchat.testing.loop import run
from syncchat.testing.server import make_hub

PAGE = "lobby/0"
ONE, TWO = format_id(1, "ann", 1), format_id(2, "ann", 2)


def test_D2_H8_who_is_told_of_a_commit_gets_what_it_stored_and_the_entry_that_it_is() -> None:
    async def main() -> None:
        log, heard = MemoryLog(), list[Committed]()
        async with make_hub(log) as hub, hub.connect() as link:
            hub.committed.listen(heard.append)
            ann = RawClient(link, "ann")
            writer = await ann.enter(PAGE)
            for id, text in ((ONE, "one"), (TWO, "two"), (ONE, "edited")):
                ann.say(PAGE, Update(writer.write(id, {"text": text})))
                assert statuses(await ann.said(PAGE)) == [True]
            del writer.root[TWO]
            ann.say(PAGE, Update(writer.doc.get_update()))
            assert statuses(await ann.said(PAGE)) == [True]
            entries = await log.read(PAGE)
        assert heard == [
            (PAGE, entries[0].seq, {ONE: '{"text": "one"}'}),
            (PAGE, entries[1].seq, {TWO: '{"text": "two"}'}),
            (PAGE, entries[2].seq, {ONE: '{"text": "edited"}'}),
            (PAGE, entries[3].seq, {TWO: None}),
        ]

    run(main)

"""Whose a client id is: durably, over restarts and crashes, and when only garbage is left of it (G5)."""

from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.core.ids import format_id
from syncchat.core.messages import Message, Status, Step2, Update
from syncchat.errors import LogFailed
from syncchat.hub.owners import ENTRIES, binding, owners_stream, read_owners
from syncchat.log import Beside, MemoryLog, MemoryStore, SqliteLog
from syncchat.testing.client import HeldLog, RawClient, Writer, statuses, told
from syncchat.testing.loop import run, wall_clock
from syncchat.testing.server import Tokens, make_hub
from syncchat.testing.updates import gc, item, update, values

PAGE = "lobby/0"
TOKENS = Tokens(**{name: Grant(name, Role.WRITER) for name in ("ann", "eve")})

ANNS = format_id(1, "ann", 1)
GARBAGE = update(
    (7, 0, [item(8, values('{"text":"x"}'), parent="messages", key=ANNS)]), deletes=[(7, [(0, 1)])]
)
"""A message that was taken back at once: after a reload nothing tells who wrote it."""


async def _say(log: MemoryLog | SqliteLog, user: str, data: bytes) -> str | None:
    """Offer an update to a hub that has just started; None if it was taken, else the rule against it."""
    async with make_hub(log, authorize=TOKENS, now=lambda: 10**12) as hub, hub.connect() as link:
        client = RawClient(link, user)
        client.ask(PAGE)
        client.say(PAGE, Update(data))
        heard: list[Message] = []
        with anyio.fail_after(30):
            while not statuses(heard):
                heard += await client.said(PAGE)
        return None if Status(True) in heard else str(told(heard)[0]["rule"])


async def _nobody_else_goes_on(open_log: Callable[[], MemoryLog | SqliteLog]) -> None:
    assert await _say(open_log(), "ann", GARBAGE) is None
    for more in (gc(1), item(8, values('{"text":"y"}'), parent="messages", key=format_id(2, "eve", 2))):
        assert await _say(open_log(), "eve", update((7, 1, [more]))) == "G5"
    assert await _say(open_log(), "ann", update((7, 1, [gc(1)]))) is None


def test_G5_a_restart_forgets_no_owner_also_where_only_garbage_is_left() -> None:
    store = MemoryStore()
    run(_nobody_else_goes_on, lambda: MemoryLog(store))


def test_G5_D5_the_same_with_a_log_on_disk(tmp_path: Path) -> None:
    anyio.run(_nobody_else_goes_on, lambda: SqliteLog(tmp_path / "log.sqlite"))


class DyingLog(MemoryLog):
    """Its process dies after so many appends."""

    def __init__(self, store: MemoryStore, appends: int) -> None:
        super().__init__(store)
        self._left = appends

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        """Append, as long as it lives."""
        if self._left == 0:
            raise LogFailed("the process has died")
        self._left -= 1
        return await super().append(doc, updates, beside=beside)


@pytest.mark.parametrize("appends", [0, 1])
def test_G5_D1_D5_no_crash_leaves_an_update_without_its_owner(appends: int) -> None:
    async def main() -> None:
        store = MemoryStore()
        async with make_hub(DyingLog(store, appends), authorize=TOKENS) as hub, hub.connect() as link:
            ann = RawClient(link, "ann")
            ann.ask(PAGE)
            ann.say(PAGE, Update(GARBAGE))
            assert (True in statuses(await ann.said(PAGE))) == (appends == 1)
        assert bool(store.rows(owners_stream(PAGE))) == (appends == 1)
        assert bool(store.rows(PAGE)) == (appends == 1)
        assert await _say(MemoryLog(store), "ann", GARBAGE) is None, "it is sent again, by her alone"
        assert await _say(MemoryLog(store), "eve", update((7, 1, [gc(1)]))) == "G5"

    run(main)


def test_G5_owners_that_only_the_rows_tell_are_stored_with_the_next_commit() -> None:
    async def main() -> None:
        store = MemoryStore()
        old, lost = Writer(), update((9, 0, [gc(1)]))
        async with MemoryLog(store) as log:  # of a time when owners were not stored
            await log.append(PAGE, [old.write(ANNS, {"text": "x"}), lost])
        fresh = Writer().write(format_id(2, "ann", 2), {"text": "y"})
        assert await _say(MemoryLog(store), "ann", fresh) is None
        async with MemoryLog(store) as log:
            owners = await read_owners(log, PAGE)
        assert owners.get(old.doc.client_id) == "ann"
        assert set(owners.values()) == {"ann"}
        for user in ("ann", "eve"):
            assert await _say(MemoryLog(store), user, update((9, 1, [gc(1)]))) == "G5", "it is nobody's"

    run(main)


def test_G5_D4_many_bindings_become_one_entry_and_say_the_same() -> None:
    async def main() -> None:
        async with MemoryLog(store := MemoryStore()) as log:
            wanted = {number: f"user{number}" for number in range(ENTRIES)}
            for number, user in wanted.items():
                await log.append(PAGE, [b"\0\0"], beside=binding(PAGE, {number: user}))
            await log.append(PAGE, [b"\0\0"], beside=binding(PAGE, {0: "eve"}))
            assert await read_owners(log, PAGE) == wanted, "the first binding holds"
            assert len(store.rows(owners_stream(PAGE))) == 1
            assert await read_owners(log, PAGE) == wanted
            store.failure = "the disk is full"
            for number in range(ENTRIES):
                store.failure = None
                await log.append(PAGE, [b"\0\0"], beside=binding(PAGE, {1000 + number: "ann"}))
                store.failure = "the disk is full"
            assert len(await read_owners(log, PAGE)) == 2 * ENTRIES, (
                "what cannot be compacted is read all the same"
            )

    run(main)


def test_G5_D8_owners_that_cannot_be_read_open_the_doc_to_nobody() -> None:
    async def main() -> None:
        async with MemoryLog(store := MemoryStore()) as log:
            await log.append(owners_stream(PAGE), [b"\xff"])
        async with make_hub(HeldLog(store), authorize=TOKENS) as hub, hub.connect() as link:
            ann = RawClient(link, "ann")
            ann.ask(PAGE)
            assert await ann.said(PAGE) == []
            assert hub.loaded == []

    with pytest.raises(Exception, match="4503"):
        run(main)


def test_G5_two_who_are_first_in_one_commit_cannot_both_be() -> None:
    async def main() -> None:
        log = HeldLog()
        async with make_hub(log, authorize=TOKENS) as hub, hub.connect() as one, hub.connect() as two:
            ann, eve = RawClient(one, "ann"), RawClient(two, "eve")
            writer, _ = await ann.enter(PAGE), await eve.enter(PAGE)
            log.hold()
            ann.say(PAGE, Update(writer.write(ANNS, {"text": "x"})))
            await anyio.sleep(1)
            ann.say(PAGE, Step2(update((7, 0, [gc(1)]))))
            eve.say(PAGE, Step2(update((7, 0, [gc(2)]))))
            await anyio.sleep(1)
            log.release()
            assert statuses(await ann.said(PAGE)) == [True, True]
            heard = await eve.said(PAGE)
            assert statuses(heard) == [False]
            assert told(heard)[0]["rule"] == "G5"

    run(main)


def test_G5_an_owner_costs_one_more_append_for_each_client_id_and_none_after() -> None:
    async def main() -> None:
        store = MemoryStore()
        async with make_hub(HeldLog(store), authorize=TOKENS) as hub, hub.connect() as link:
            ann = RawClient(link, "ann")
            writer = await ann.enter(PAGE)
            for number in range(5):
                row = format_id(wall_clock() + number, "ann", number)
                ann.say(PAGE, Update(writer.write(row, {"text": "x"})))
                assert statuses(await ann.said(PAGE)) == [True]
        assert len(store.rows(owners_stream(PAGE))) == 1
        assert len(store.rows(PAGE)) == 5

    run(main)

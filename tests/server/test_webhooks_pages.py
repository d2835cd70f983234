"""Webhooks over rooms of many pages: everything once, late messages too, older pages first."""

from pathlib import Path

import anyio
import pytest

from syncchat.core.ids import parse_doc
from syncchat.hub import Limits
from syncchat.testing.program import PATIENCE
from syncchat_server.webhooks import Hook
from syncchat_server.webhooks.outbox import Cursor, Outbox
from tests.server.receiving import KEY, Receiver, peer_of, serving, told_and_known, until

SMALL = Limits(page_messages=4, idle_seconds=0.01)


@pytest.mark.anyio
async def test_W6_W7_a_room_is_told_in_its_order_over_its_pages(tmp_path: Path, receiver: Receiver) -> None:
    hook = Hook(receiver.url, KEY)
    ids: list[str] = []
    for number in range(2):  # a daemon that starts anew goes on where the one before was
        async with serving(tmp_path, hook, limits=SMALL) as hub, peer_of(hub) as peer:
            room = await peer.enter("lobby")
            for message in range(11):
                ids.append(room.post(f"{number}, {message}"))
                with anyio.fail_after(PATIENCE):
                    await peer.settled()
            assert room.newest > 1
            await until(lambda: len(receiver.ids) == len(ids))
            await told_and_known(tmp_path)
    assert receiver.ids == ids


@pytest.mark.anyio
async def test_W7_an_older_page_is_told_first_also_while_it_is_found_out_how_far_it_was_read(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, slow = anyio.Event(), Outbox.cursor

    async def cursor(self: Outbox, doc: str) -> Cursor:
        first = parse_doc(doc).page == 0 and not asked.is_set()
        if first:
            asked.set()
        known = await slow(self, doc)
        if first:
            await until(lambda: len(receiver.ids) > 0)  # what it read is old by now
        return known

    monkeypatch.setattr(Outbox, "cursor", cursor)
    async with serving(tmp_path, Hook(receiver.url, KEY), limits=SMALL) as hub, peer_of(hub) as peer:
        room = await peer.enter("lobby")
        await asked.wait()
        ids: list[str] = []
        for number in range(7):
            ids.append(room.post(f"{number}"))
            await peer.settled()
        assert room.newest == 1
        await until(lambda: len(receiver.ids) == len(ids))
        await told_and_known(tmp_path)
    assert receiver.ids == ids


@pytest.mark.anyio
async def test_W6_what_somebody_wrote_offline_on_an_old_page_is_told_once(
    tmp_path: Path, receiver: Receiver
) -> None:
    hook = Hook(receiver.url, KEY)
    async with serving(tmp_path, hook, limits=SMALL) as hub, peer_of(hub) as ada, peer_of(hub, "bob") as bob:
        here, there = await ada.enter("lobby"), await bob.enter("lobby")
        first = here.post("the first")
        await bob.until(lambda: there.message(first) is not None)
        bob.go_offline()
        late = [there.post(f"from the tunnel, {number}") for number in range(3)]
        for number in range(12):
            here.post(f"meanwhile, {number}")
            await ada.settled()
        assert here.newest > 1
        bob.go_online()
        await until(lambda: set(late) <= set(receiver.ids))
        last = here.post("the last")
        await until(lambda: receiver.ids[-1] == last)
        assert len(receiver.ids) == len(set(receiver.ids)) == 1 + 3 + 12 + 1

"""Rooms of many pages over HTTP: read page by page, each message once, and posted into the newest."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import pytest
from pycrdt import Doc

from syncchat.core.cover import CoverWriter
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import format_id
from syncchat.core.message import Body
from syncchat.core.store import Store
from syncchat.hub import Hub, Limits
from syncchat.log import Entry, MemoryLog
from syncchat.peer import Peer
from syncchat.testing import loop
from syncchat.testing.client import Writer
from syncchat_server.api import Rooms, history, schemas
from syncchat_server.api.history import END, Place, read_place
from syncchat_server.api.problems import Problem
from syncchat_server.auth import OpenAuthority

ADA = Claims("ada", (("*", Role.WRITER),))
PAGES = 5
EACH = 4
LATE = format_id(2_500, "bob", 7)
"""Written while page 2 was the newest, on page 0."""


def id_of(number: int) -> str:
    """The ids of messages sort as their numbers do; those of page n begin with n thousand."""
    return format_id(number, "ada", number)


async def fill(log: MemoryLog, first: int = 0) -> list[str]:
    """A room of several pages, with a late message; the ids by page, and there sorted."""
    ids = []
    for page in range(first, PAGES):
        writer = Writer()
        here = [id_of(page * 1000 + number) for number in range(EACH)]
        here += [LATE] if page == 0 else []
        for id in here:
            await log.append(f"lobby/{page}", [writer.write(id, {"text": id})])
        ids += sorted(here)
    marks = Writer("marks")
    await log.append(f"lobby/{PAGES - 1}", [marks.write(LATE, {"page": 0, "to": []})])
    await log.append("lobby/cover", [cover(first, await log.read("lobby/cover"))])
    return ids


def cover(first: int, before: Sequence[Entry]) -> bytes:
    doc: Doc[Any] = Doc()
    for entry in before:
        doc.apply_update(entry.data)
    writer = CoverWriter(Store(doc))
    writer.open_page(PAGES - 1)
    writer.drop_before(first)
    for _ in range(PAGES * EACH):
        writer.arrived("ada", ["bob"])
    writer.save()
    return doc.get_update()


def serving(main: Callable[[Rooms, MemoryLog, Hub], Awaitable[None]], limits: Limits | None = None) -> None:
    """Run `main` with the rooms of a hub, in virtual time."""

    async def run() -> None:
        log = MemoryLog()
        hub = Hub(log, authorize=OpenAuthority(), limits=limits)
        async with hub, Rooms(hub, log) as served:
            await main(served, log, hub)

    loop.run(run)


async def walk(served: Rooms, limit: int, before: Place | None = None) -> list[list[str]]:
    """The ids that each request told, from the newest back."""
    told: list[list[str]] = []
    while before is not None or not told:
        found = await served.history.read("lobby", before, limit)
        told.append([str(message["id"]) for message in found.messages])
        before = found.older and read_place(str(found.older))
    return told


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 7, 200])
def test_W1_H1_who_reads_on_gets_every_message_of_every_page_once(limit: int) -> None:
    async def main(served: Rooms, log: MemoryLog, hub: Hub) -> None:
        ids = await fill(log)
        told = await walk(served, limit)
        assert sorted(id for part in told for id in part) == sorted(ids)
        assert all(part == sorted(part) for part in told)
        assert max(map(len, told)) <= limit
        assert hub.loaded == [], "reading brings nothing into memory"

    serving(main)


def test_W1_a_late_message_is_announced_with_the_newest_page_and_told_with_its_own() -> None:
    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        await fill(log)
        newest = await served.history.read("lobby", None, 2)
        assert newest.late == [{"id": LATE, "page": 0}]
        assert (await served.history.read("lobby", newest.older, 2)).late == [], "once"
        message = await served.history.message("lobby", Place(0, LATE))
        assert message is not None
        assert message["text"] == LATE
        oldest = await served.history.read("lobby", Place(0, END), 1)
        assert [message["id"] for message in oldest.messages] == [LATE]

    serving(main)


def test_W1_a_message_is_found_by_its_time_and_a_mere_id_leads_to_those_before_it() -> None:
    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        ids = await fill(log)
        for id in ids:
            found = await served.history.message("lobby", Place(None, id))
            assert (found is not None) == (id != LATE), id
        [*_, part] = await walk(served, 200, Place(None, id_of(2001)))
        assert part == sorted(ids[: 2 * EACH + 2])
        assert await served.history.message("lobby", Place(PAGES, id_of(1))) is None

    serving(main)


def test_W1_pages_that_were_dropped_are_not_asked_for() -> None:
    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        ids = await fill(log, 2)
        assert sorted(id for part in await walk(served, 5) for id in part) == ids
        assert await walk(served, 5, Place(1, END)) == [[]]
        assert await served.history.message("lobby", Place(1, id_of(1000))) is None

    serving(main)


def test_W4_a_request_reads_so_many_pages_and_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_PAGES", 2)

    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        ids = await fill(log)
        told = await walk(served, 200)
        assert [len(part) for part in told] == [2 * EACH, 2 * EACH, EACH + 1]
        assert sorted(id for part in told for id in part) == sorted(ids)

    serving(main)


def test_W1_H3_what_is_posted_stands_on_the_newest_page() -> None:
    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        await served.post(ADA, "lobby", Body("young"), None)
        await anyio.sleep(200)  # the hub has let go of the room, and its log may be written
        await fill(log)
        message, _ = await served.post(ADA, "lobby", Body("old"), None)
        newest = await served.history.read("lobby", None, 1)
        assert newest.messages == [message]
        assert newest.older == Place(PAGES - 1, str(message["id"]))

    serving(main)


def test_W2_a_key_is_known_on_older_pages_too_as_far_as_the_document_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        first, is_new = await served.post(ADA, "lobby", Body("once"), "key")
        assert is_new
        await anyio.sleep(200)
        await fill(log)
        assert await served.post(ADA, "lobby", Body("once"), "key") == (first, False)
        with pytest.raises(Problem, match="another text"):
            await served.post(ADA, "lobby", Body("twice"), "key")
        monkeypatch.setattr(schemas, "KEY_PAGES", PAGES - 1)
        again, is_new = await served.post(ADA, "lobby", Body("once"), "key")
        assert (is_new, again["id"] != first["id"]) == (True, True)

    serving(main)


def test_W1_H7_a_room_is_told_with_what_its_caller_has_not_read() -> None:
    async def main(served: Rooms, log: MemoryLog, _hub: Hub) -> None:
        await fill(log)
        told = {
            user: await served.describe(Claims(user, ()), "lobby", Role.READER) for user in ("ada", "bob")
        }
        assert [(room["messages"], room["mentions"]) for room in told.values()] == [(20, 0), (20, 20)]
        assert told["bob"]["unread"] == 20
        assert told["bob"]["read"] is None

    serving(main)


def test_W1_H3_who_goes_on_posting_goes_from_page_to_page_and_all_of_it_is_read() -> None:
    async def main(served: Rooms, log: MemoryLog, hub: Hub) -> None:
        ids = []
        async with Peer(user="bob", connect=hub.connect) as peer:
            room = await peer.enter("lobby")
            for number in range(3 * EACH):
                message, _ = await served.post(ADA, "lobby", Body(f"{number}, @bob"), f"key {number}")
                ids += [str(message["id"]), room.post(f"{number}, too")]
                await peer.settled()
            assert await served.post(ADA, "lobby", Body("1, @bob"), "key 1") == (
                await served.history.message("lobby", Place(None, ids[2])),
                False,
            )
        assert sorted(id for part in await walk(served, 5) for id in part) == sorted(ids)
        await anyio.sleep(10)
        told = await served.describe(ADA, "lobby", Role.WRITER)
        assert (told["messages"], len(await log.docs()) > 2 * 3) == (len(ids), True)

    serving(main, Limits(page_messages=EACH))


def test_W1_H7_who_tells_how_far_it_has_read_has_nothing_unread_up_to_there() -> None:
    async def main(served: Rooms, _log: MemoryLog, _hub: Hub) -> None:
        bob = Claims("bob", (("*", Role.WRITER),))
        ids = [str((await served.post(ADA, "lobby", Body(f"{n} @bob"), None))[0]["id"]) for n in range(7)]
        await anyio.sleep(10)
        before = await served.describe(bob, "lobby", Role.WRITER)
        await served.mark_read(bob, "lobby", ids[4])
        await served.mark_read(bob, "lobby", ids[1])
        await anyio.sleep(10)
        after = await served.describe(bob, "lobby", Role.WRITER)
        assert (before["unread"], before["mentions"], before["read"]) == (7, 7, None)
        assert (after["unread"], after["mentions"], after["read"]) == (2, 2, ids[4])

    serving(main, Limits(page_messages=3))


def test_W1_G11_a_reader_leaves_no_mark() -> None:
    async def main(served: Rooms, _log: MemoryLog, _hub: Hub) -> None:
        message, _ = await served.post(ADA, "lobby", Body("hello"), None)
        with pytest.raises(Problem) as raised:
            await served.mark_read(Claims("eve", (("*", Role.READER),)), "lobby", str(message["id"]))
        assert raised.value.content["rule"] == "G11"

    serving(main)

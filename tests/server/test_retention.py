"""Retention: whole pages go by age or by count, the oldest first, for everybody, and over crashes (H11)."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from pycrdt import Doc

from syncchat.core.cover import Cover, CoverWriter
from syncchat.core.ids import format_id
from syncchat.core.store import Store
from syncchat.errors import LogFailed
from syncchat.hub import Hub
from syncchat.log import Log, MemoryLog, MemoryStore, SqliteLog
from syncchat.peer import Peer
from syncchat.testing.client import Writer
from syncchat.testing.crash import CrashLog
from syncchat.testing.loop import run
from syncchat.testing.program import PATIENCE, Daemon
from syncchat.testing.server import believe
from syncchat_server.folder import LOG_NAME
from syncchat_server.retention import DAY_MS, Retention
from syncchat_server.settings import EVERY_ROOM, Keep
from tests.files import holding
from tests.server.test_api import Api

NOW = 400 * DAY_MS
EACH = 4


async def fill(store: MemoryStore, room: str = "lobby", pages: int = 6) -> None:
    """A room whose page n is of the day n, and has EACH messages of that day."""
    async with MemoryLog(store) as log:
        await fill_log(log, room, pages)


async def fill_log(log: Log, room: str, pages: int) -> None:
    for page in range(pages):
        writer = Writer()
        for number in range(EACH):
            id = format_id(page * DAY_MS + number + 1, "ann", number)
            beside = {f"{room}/{page}#owners": [b"\x00"]}
            await log.append(f"{room}/{page}", [writer.write(id, {"text": f"of page {page}"})], beside=beside)
    doc: Doc[Any] = Doc()
    cover = CoverWriter(Store(doc))
    cover.open_page(pages - 1)
    cover.save()
    await log.append(f"{room}/cover", [doc.get_update()])


def pages_of(store: MemoryStore, room: str = "lobby") -> set[int]:
    """The pages of which anything is in the log."""
    docs = [doc.partition("#")[0] for doc in store.docs()]
    return {int(doc.rpartition("/")[2]) for doc in docs if doc.startswith(f"{room}/") and "cover" not in doc}


def first_of(store: MemoryStore, room: str = "lobby") -> int:
    doc: Doc[Any] = Doc()
    for row in store.rows(f"{room}/cover"):
        doc.apply_update(row.data)
    return Cover(Store(doc)).first


async def look(store: MemoryStore, keeps: Mapping[str, Keep], *, now: int = NOW) -> list[str]:
    """One look of a daemon; returns the pages that what is kept beside the log was told of."""
    told: list[str] = []

    async def aside(page: str) -> None:
        told.append(page)

    log = MemoryLog(store)
    async with Hub(log, authorize=believe) as hub:
        assert await Retention(hub, log, keeps, now=lambda: now, aside=aside).look() == len(told)
    return told


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (Keep(), {0, 1, 2, 3, 4, 5}),
        (Keep(days=395), {5}),
        (Keep(days=397.5), {3, 4, 5}),
        (Keep(days=1000), {0, 1, 2, 3, 4, 5}),
        (Keep(days=1), {5}),
        (Keep(messages=1), {5}),
        (Keep(messages=EACH), {5}),
        (Keep(messages=EACH + 1), {4, 5}),
        (Keep(messages=3 * EACH), {3, 4, 5}),
        (Keep(messages=1000), {0, 1, 2, 3, 4, 5}),
        (Keep(days=397.5, messages=EACH + 1), {4, 5}),
        (Keep(days=395, messages=1000), {5}),
    ],
)
def test_H11_pages_go_by_age_and_by_count_and_the_newest_never_does(keep: Keep, kept: set[int]) -> None:
    async def main() -> None:
        store = MemoryStore()
        await fill(store)
        told = await look(store, {"lobby": keep})
        assert pages_of(store) == kept
        assert first_of(store) == min(kept)
        assert set(told) == {f"lobby/{page}" for page in range(6) if page not in kept}
        assert await look(store, {"lobby": keep}) == [], "once is enough"

    run(main)


def test_H11_each_room_has_its_own_setting_or_that_of_all() -> None:
    async def main() -> None:
        store = MemoryStore()
        for room in ("lobby", "ops", "quiet"):
            await fill(store, room)
        await look(
            store, {"lobby": Keep(messages=EACH), "quiet": Keep(), EVERY_ROOM: Keep(messages=2 * EACH)}
        )
        assert [pages_of(store, room) for room in ("lobby", "ops")] == [{5}, {4, 5}]
        assert pages_of(store, "quiet") == {0, 1, 2, 3, 4, 5}, "set to keep everything"

    run(main)


def test_H11_a_late_message_keeps_its_page_and_those_after_it() -> None:
    async def main() -> None:
        store = MemoryStore()
        await fill(store)
        async with MemoryLog(store) as log:
            writer = Writer()
            late = format_id(NOW - DAY_MS, "bob", 1)
            await log.append("lobby/2", [writer.write(late, {"text": "written yesterday, offline"})])
        await look(store, {"lobby": Keep(days=30)})
        assert pages_of(store) == {2, 3, 4, 5}

    run(main)


def test_H11_what_is_beside_the_log_and_fails_stops_nothing() -> None:
    async def main() -> None:
        store = MemoryStore()
        await fill(store)
        log = MemoryLog(store)

        async def aside(_page: str) -> None:
            raise LogFailed("the index is locked")

        async with Hub(log, authorize=believe) as hub:
            keeps = {"lobby": Keep(messages=1)}
            assert await Retention(hub, log, keeps, now=lambda: NOW, aside=aside).look() == 5
        assert pages_of(store) == {5}

    run(main)


@pytest.mark.parametrize("seed", range(40))
def test_H11_D5_a_crash_at_any_instant_leaves_a_room_that_the_next_look_tidies_up(seed: int) -> None:
    """Whatever is gone, the cover has said so before."""

    async def main() -> None:
        rng = random.Random(seed)
        store = MemoryStore()
        await fill(store)
        for _ in range(3):
            log = CrashLog(store, rng, delay=0.5)
            with anyio.move_on_after(rng.uniform(0, 4)):
                async with Hub(log, authorize=believe) as hub, anyio.create_task_group() as tasks:
                    tasks.start_soon(Retention(hub, log, {"lobby": Keep(days=398)}, now=lambda: NOW).run)
                    try:
                        await anyio.sleep_forever()
                    finally:
                        log.crash()
            missing = set(range(6)) - pages_of(store)
            assert all(page < first_of(store) for page in missing)
        await look(store, {"lobby": Keep(days=398)})
        assert pages_of(store) == {2, 3, 4, 5}
        assert first_of(store) == 2

    run(main)


def test_H11_a_drop_that_was_begun_is_ended_by_a_daemon_that_drops_nothing_any_more() -> None:
    async def main() -> None:
        store = MemoryStore()
        await fill(store)
        log = MemoryLog(store)
        async with Hub(log, authorize=believe) as hub:
            await hub.drop_before("lobby", 2)
            assert pages_of(store) == {0, 1, 2, 3, 4, 5}
            await Retention(hub, log, {}, now=lambda: NOW).run()
        assert pages_of(store) == {2, 3, 4, 5}

    run(main)


@pytest.mark.anyio
async def test_H11_no_trace_of_a_dropped_page_is_left_in_the_logs_files(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / LOG_NAME)
    async with Hub(log, authorize=believe) as hub:
        await fill_log(log, "lobby", 4)
        assert await Retention(hub, log, {EVERY_ROOM: Keep(messages=5)}, now=lambda: NOW).look() == 2
        assert [doc for doc in await log.docs() if "#" not in doc] == ["lobby/2", "lobby/3", "lobby/cover"]
        assert not holding(tmp_path, b"of page 1")
        assert holding(tmp_path, b"of page 2")


@pytest.mark.anyio
async def test_H11_a_daemon_drops_what_its_settings_say_for_everybody(tmp_path: Path) -> None:
    settings, folder = tmp_path / "syncchat.toml", tmp_path / "daemon"
    settings.write_text('[retention."*"]\nmessages = 5\n')
    folder.mkdir()
    async with SqliteLog(folder / LOG_NAME) as log:
        await fill_log(log, "lobby", 4)
    with Daemon(folder, "--no-agent", "--config", str(settings)) as daemon:
        async with Peer(user="bob", server=daemon.address) as bob:
            with anyio.fail_after(PATIENCE):
                room = await bob.enter("lobby")
                await bob.until(lambda: room.cover.first == 2)
        assert Api(daemon).texts() == ["of page 2"] * EACH + ["of page 3"] * EACH


def test_H11_a_failing_log_is_tried_again() -> None:
    async def main() -> None:
        store = MemoryStore()
        await fill(store)
        log = MemoryLog(store)
        async with Hub(log, authorize=believe) as hub, anyio.create_task_group() as tasks:
            store.failure = "the disk is full"
            tasks.start_soon(Retention(hub, log, {"lobby": Keep(messages=1)}, now=lambda: NOW).run)
            await anyio.sleep(60)
            assert pages_of(store) == {0, 1, 2, 3, 4, 5}
            assert first_of(store) == 0
            store.failure = None
            await anyio.sleep(3600)
            assert pages_of(store) == {5}
            tasks.cancel_scope.cancel()

    run(main)

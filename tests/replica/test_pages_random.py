"""Whatever is scrolled, written, edited and written late: a timeline is its pages, and nothing is missed."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map

from syncchat import Room
from syncchat.core.codec import load
from syncchat.core.deltas import apply_deltas
from syncchat.core.window import MAX_SHOWN
from syncchat.log import MemoryStore
from syncchat.peer import Peer
from syncchat.scrolling import AHEAD
from syncchat.testing.history import Past
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, ids, pages, rest

PAGES = 10


def content(store: MemoryStore, page: int, root: str) -> Mapping[str, Any]:
    """What a root of a page holds on the server."""
    doc: Doc[Any] = Doc()
    for row in store.rows(f"lobby/{page}"):
        doc.apply_update(row.data)
    return {id: load(text) for id, text in (doc.get(root, type=Map).to_py() or {}).items()}


def said(store: MemoryStore, page: int) -> dict[str, str]:
    """The texts of a page's messages."""
    return {id: body["text"] for id, body in content(store, page, "messages").items()}


class Reader:
    """Somebody who scrolls; everything that is shown is held against what the server has."""

    def __init__(self, peer: Peer, room: Room, store: MemoryStore) -> None:
        self.peer = peer
        self.room = room
        self._store = store
        self._followed = ids(room)
        room.timeline.listen(lambda deltas: apply_deltas(self._followed, deltas))

    async def look(self) -> dict[str, str]:
        """What is shown; raises AssertionError if that is not the pages in view, and what is late there."""
        await rest()
        room, shown = self.room, {message.id: message.text for message in self.room.timeline}
        assert ids(room) == sorted(shown) == self._followed
        whole: dict[str, str] = {}
        for page in room.shown:
            whole |= said(self._store, page)
        assert {id: shown[id] for id in whole} == whole
        late = self._late(whole)
        assert set(shown) - set(whole) == set(late) - {id for id, _ in room.late_above}
        assert {id: shown[id] for id in late if id in shown} == {
            id: said(self._store, page)[id] for id, page in late.items() if id in shown
        }
        assert set(shown).isdisjoint(id for id, _ in room.late_above)
        wanted = {*room.shown, room.newest, *(late[id] for id in late if id in shown)}
        assert wanted <= set(pages(self.peer)) <= wanted | self._ahead()
        return shown

    def _ahead(self) -> set[int]:
        low, high = self.room.shown[0], self.room.shown[-1]
        return {*range(low - AHEAD, low), *range(high + 1, high + 1 + AHEAD)}

    def _late(self, whole: Mapping[str, str]) -> dict[str, int]:
        """The late messages that are marked, stand on pages out of view, and have their place within it."""
        late = {}
        for page in {*self.room.shown, self.room.newest}:
            for id, mark in content(self._store, page, "marks").items():
                after = not self.room.has_older or id > min(whole, default="~")
                before = self.room.is_recent or id < max(whole, default="")
                if mark["page"] not in self.room.shown and after and before:
                    late[id] = mark["page"]
        return late


STEPS = ["older", "older", "newer", "recent", "show", "post", "post", "edit", "late", "away"]
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 10_000)), max_size=25)


class Story:
    """Ann scrolls, bob writes, and cyd writes offline."""

    def __init__(self, server: MemoryServer, ann: Peer, bob: Peer, cyd: Peer) -> None:
        self.server = server
        self.peers = {"ann": ann, "bob": bob, "cyd": cyd}
        self.count = 0

    async def begin(self) -> None:
        """All enter; cyd goes offline."""
        self.reader = Reader(self.peers["ann"], await enter(self.peers["ann"]), self.server.store)
        self.bob, self.cyd = await enter(self.peers["bob"]), await enter(self.peers["cyd"])
        self.peers["cyd"].go_offline()
        await rest()
        self.cyd.post("late")
        for number in range(13):
            self.bob.post(f"meanwhile {number}")
        await rest()

    async def step(self, what: str, number: int) -> None:
        """Do something, and look."""
        room = self.reader.room
        if what == "older":
            had = room.has_older
            assert await room.older() == had
        elif what == "newer":
            behind = any(said(self.server.store, page) for page in range(room.shown[-1] + 1, room.newest + 1))
            assert await room.newer() == behind
        elif what == "recent":
            await room.recent()
            assert room.is_recent
        elif what == "show":
            await self.show(number)
        elif what == "post":
            for _ in range(1 + number % 12):
                self.bob.post(f"post {number}")
        elif what == "edit":
            self._edit(number)
        elif what == "late":
            self.cyd.post(f"late {number}")
        elif what == "away":
            await self.come_back()
        await self.reader.look()

    async def show(self, number: int) -> None:
        """Show some message on some page."""
        page = number % (self.reader.room.newest + 1)
        on_it = sorted(said(self.server.store, page))
        if on_it:
            id = on_it[number % len(on_it)]
            assert await self.reader.room.show(id, page)

    def _edit(self, number: int) -> None:
        own = [message.id for message in self.bob.timeline if message.user == "bob"]
        self.bob.edit(own[number % len(own)], f"edited {number}")

    async def come_back(self) -> None:
        """Cyd is online until all is sent."""
        cyd = self.peers["cyd"]
        cyd.go_online()
        await cyd.settled()
        await rest()
        cyd.go_offline()
        await rest()

    async def end(self) -> None:
        """Who scrolls from the end to the start has seen what everybody has written."""
        await self.come_back()
        room = self.reader.room
        seen: dict[str, str] = {}
        await room.recent()
        seen |= await self.reader.look()
        while await room.older():
            seen |= await self.reader.look()
        everything: dict[str, str] = {}
        for page in range(room.newest + 1):
            everything |= said(self.server.store, page)
        assert seen == everything
        assert not room.has_older
        assert len(room.shown) <= MAX_SHOWN


@pytest.mark.parametrize("seed", range(8))
def test_H5_H6_all_at_once_and_nobody_waits_for_another(seed: int) -> None:
    async def main() -> None:
        rng = random.Random(seed)
        async with told(MemoryServer(page_messages=4)) as story:
            room = story.reader.room

            async def several(*works: Callable[[], Awaitable[object]]) -> None:
                for _ in range(30):
                    with anyio.move_on_after(rng.choice([0.01, 1, 60])):  # now and then somebody gives up
                        await rng.choice(works)()
                    await anyio.sleep(rng.choice([0, 0, 0.001, 0.1]))

            async def post() -> None:
                story.bob.post("meanwhile")

            async def lead() -> None:
                await story.show(rng.randrange(1000))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(several, post)
                tasks.start_soon(several, room.older, room.older, lead)
                tasks.start_soon(several, room.older, room.newer, room.recent)
                tasks.start_soon(several, story.come_back, post)
            await story.reader.look()
            await story.end()

    run(main)


@asynccontextmanager
async def told(server: MemoryServer) -> AsyncIterator[Story]:
    """A story with a past that has begun."""
    Past(server.store).pages(PAGES)
    async with (
        server.running(),
        server.peer("ann") as ann,
        server.peer("bob") as bob,
        server.peer("cyd") as cyd,
    ):
        story = Story(server, ann, bob, cyd)
        await story.begin()
        yield story


@given(steps)
@settings(max_examples=30, deadline=None)
def test_H5_H6_a_timeline_is_its_pages_and_who_scrolls_to_the_start_misses_nothing(
    steps: list[tuple[str, int]],
) -> None:
    async def main() -> None:
        async with told(MemoryServer(page_messages=4)) as story:
            for what, number in steps:
                await story.step(what, number)
            await story.end()

    run(main)

"""A doc that is unloaded is gone from memory: who reads a long history opens thousands of pages once."""

import gc

import anyio

from syncchat.core.store import Store
from syncchat.hub.ledger import Ledger
from syncchat.testing.client import RawClient
from syncchat.testing.loop import run
from tests.hub.paging import Poster, paged


def alive(kind: type, *, collect: bool = True) -> int:
    if collect:
        gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())


def test_S9_what_is_unloaded_is_not_in_memory_any_more() -> None:
    async def main() -> None:
        before = {kind: alive(kind) for kind in (Ledger, Store)}
        async with paged(idle_seconds=1, page_messages=1) as hub:
            async with hub.connect() as one:
                ann = Poster(RawClient(one, "ann"))
                for number in range(5):
                    assert await ann.post(number, number + 1) == [True]
                assert alive(Ledger) >= before[Ledger] + 5, "five pages, and the cover"
            await anyio.sleep(60)
            assert hub.loaded == []
            assert {kind: alive(kind) for kind in before} == before

    run(main)


def test_S9_pages_that_are_unloaded_wait_for_no_garbage_collector() -> None:
    async def main() -> None:
        before = alive(Ledger)
        async with paged(idle_seconds=1, page_messages=1) as hub:
            async with hub.connect() as one:
                ann = Poster(RawClient(one, "ann"))
                for number in range(20):
                    await ann.post(number, number + 1)
            await anyio.sleep(60)
            # What a reader saw of the last ones may be part of a circle; of hundreds none is.
            assert alive(Ledger, collect=False) <= before + 2

    gc.disable()
    try:
        run(main)
    finally:
        gc.enable()

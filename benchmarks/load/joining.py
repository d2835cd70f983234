"""Joining a room with a long history: one joiner, and a herd of them; laying the history down before."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from itertools import pairwise
from time import perf_counter

from benchmarks.load import history
from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import PATIENCE, Arrival, join
from benchmarks.load.meter import Meter, Result
from benchmarks.load.pages import Follower
from benchmarks.load.updates import WRITER, made_of, numbers
from benchmarks.load.wire import Wire
from benchmarks.load.workloads import ROOM, SETTLE, Target, speaking
from syncchat.pager import SCREEN

SIZE = 80
BATCH = 500
"""Messages in an update of a history that is laid down; of ours no more than a page."""

AHEAD = 20
"""Such updates under way."""


class Counting(Client):
    """A joiner that only counts: a herd's histories would not fit into memory.

    It has everything once it has had more bytes than the texts alone are.
    """

    def __init__(self, link: Wire, enough: int) -> None:
        super().__init__(link, ROOM)
        self.complete_at = asyncio.get_running_loop().create_future()
        self._enough = enough

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._head is not None:
            super().data_received(data)
            return
        self.bytes_in += len(data)
        if self.bytes_in >= self._enough and not self.complete_at.done():
            self.complete_at.set_result(perf_counter())

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        super().connection_lost(error)
        self.joined.exception()  # it is told by `complete_at` instead
        if not self.complete_at.done():
            self.complete_at.set_exception(Failed(str(error or "the server closed the link")))


@speaking
async def lay(link: Wire, target: Target, *, messages: int) -> Result:
    """Lay down a history of so many messages."""
    writer, reader = (history.member(link, paged=target.paged) for _ in range(2))
    await join([(writer, WRITER), (reader, "bob")], target.url)
    book = history.Book(paged=target.paged)
    meter = Meter(target.pid)
    with meter.running():
        await history.lay(link, writer, reader, book.write(messages, BATCH), AHEAD)
    await asyncio.sleep(SETTLE)
    return {**meter.result(), "frames_in": reader.frames_in}


@speaking
async def herd(link: Wire, target: Target, *, messages: int, joiners: int) -> Result:
    """So many join at the same instant; measured until the last one has everything that it opens."""
    if target.paged:
        crowd: Sequence[Client] = [Follower(link) for _ in range(joiners)]
        arrivals: Sequence[Awaitable[float]] = [_joined(one) for one in crowd]
    else:
        crowd = counting = [Counting(link, messages * SIZE) for _ in range(joiners)]
        arrivals = [one.complete_at for one in counting]
    meter = Meter(target.pid)
    with meter.running():
        start = perf_counter()
        await asyncio.gather(*(one.open(target.url, f"r{number}") for number, one in enumerate(crowd)))
        done = await asyncio.wait_for(asyncio.gather(*arrivals), PATIENCE * 3)
    for one in crowd if target.paged else ():
        _check_got(one, messages)
    got = [one.bytes_in for one in crowd]
    return {
        "join_s": max(done) - start,
        "median_join_s": sorted(done)[len(done) // 2] - start,
        "bytes_each": sum(got) / joiners,
        **meter.result(),
    }


async def _joined(one: Client) -> float:
    await one.joined
    return perf_counter()


@speaking
async def first(link: Wire, target: Target, *, messages: int) -> Result:
    """One joins; what it gets is looked at, and so is whether an empty room was shown first.

    `apply_cpu_ms` is what its CRDT library takes to take it in.
    """
    client = history.member(link, paged=target.paged, keep=True)
    meter = Meter(target.pid)
    with meter.running():
        start = perf_counter()
        await join([(client, "bob")], target.url)
        shown_empty = client.next == 0
        await Arrival([client], messages).wait()
    _check_got(client, messages)
    came = client.heard[-1][0] - start
    return {
        "join_s": came,
        "bytes_each": client.bytes_in,
        "shown_empty_first": shown_empty,
        "apply_cpu_ms": _apply_cpu_ms(client),
        **meter.result(),
        **meter.grown(),
    }


@speaking
async def whole(link: Wire, target: Target, *, messages: int) -> Result:
    """Somebody opens one doc of the room after the other: is everything there?"""
    docs = await history.everything(link, target.url, paged=target.paged)
    found = sum(map(numbers, docs.values()))
    if found != messages:
        raise Failed(f"of {messages} messages {found} are in the room")
    return {"docs": len(docs)}


def _check_got(client: Client, messages: int) -> None:
    """Raises Failed unless a joiner has all messages; of ours, the newest that fill a screen."""
    wanted = min(SCREEN, messages) if isinstance(client, Follower) else messages
    got = sorted((first, last) for _, first, last in client.heard)
    whole = all(one[1] + 1 == other[0] for one, other in pairwise(got))
    if not got or not whole or got[-1][1] != messages - 1 or messages - got[0][0] < wanted:
        raise Failed("the history came in pieces that do not fit, or not all that was to come")


def _apply_cpu_ms(client: Client) -> float:
    docs = client.kept if isinstance(client, Follower) else {client.doc: client.updates or []}
    start = time.process_time()
    made = [made_of(updates) for updates in docs.values()]
    spent = time.process_time() - start
    return spent * 1000 if made else 0.0

"""Joining a room with a long history: one joiner, and a herd of them; laying the history down before."""

import asyncio
from time import perf_counter

from benchmarks.load import updates
from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import PATIENCE, Arrival, join
from benchmarks.load.meter import Meter, Result
from benchmarks.load.wire import Wire
from benchmarks.load.workloads import ROOM, SETTLE, Target, speaking
from syncchat.core.messages import Update

SIZE = 80
AHEAD = 20
"""Updates of 500 messages under way while a history is laid down."""


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
    writer, reader = Client(link, ROOM), Client(link, ROOM)
    await join([(writer, updates.WRITER), (reader, "bob")], target.url)
    made = updates.history(messages)
    meter = Meter(target.pid)
    with meter.running():
        for at in range(0, len(made), AHEAD):
            writer.say(b"".join(link.frame(ROOM, Update(update)) for update in made[at : at + AHEAD]))
            await Arrival([reader], min((at + AHEAD) * 500, messages)).wait(PATIENCE * 5)
    await asyncio.sleep(SETTLE)
    return {**meter.result(), "frames_in": reader.frames_in}


@speaking
async def herd(link: Wire, target: Target, *, messages: int, joiners: int) -> Result:
    """So many join at the same instant; measured until the last one has everything."""
    crowd = [Counting(link, messages * SIZE) for _ in range(joiners)]
    meter = Meter(target.pid)
    with meter.running():
        start = perf_counter()
        await asyncio.gather(*(one.open(target.url, f"r{number}") for number, one in enumerate(crowd)))
        done = await asyncio.wait_for(asyncio.gather(*(one.complete_at for one in crowd)), PATIENCE * 3)
    got = [one.bytes_in for one in crowd]
    return {
        "join_s": max(done) - start,
        "median_join_s": sorted(done)[len(done) // 2] - start,
        "bytes_each": sum(got) / joiners,
        **meter.result(),
    }


@speaking
async def first(link: Wire, target: Target, *, messages: int) -> Result:
    """One joins; what it gets is looked at, and so is whether an empty room was shown first."""
    client = Client(link, ROOM)
    meter = Meter(target.pid)
    with meter.running():
        start = perf_counter()
        await join([(client, "bob")], target.url)
        shown_empty = client.next == 0
        await Arrival([client], messages).wait()
    if client.strays:
        raise Failed("the history came in pieces that do not fit")
    came = client.heard[-1][0] - start
    return {"join_s": came, "bytes_each": client.bytes_in, "shown_empty_first": shown_empty, **meter.result()}

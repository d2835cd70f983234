"""The workloads: what clients do to a server, and what is measured meanwhile."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from time import perf_counter
from typing import Any, Concatenate, ParamSpec, TypeVar

from benchmarks.load import updates
from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import Arrival, acknowledged, check_kept, check_state, join, send_paced
from benchmarks.load.history import Book, Chapter, by_doc, check_history, everything, lay, member
from benchmarks.load.meter import Meter, Result, latencies, quantiles, traffic
from benchmarks.load.pages import ROOM as PAGES
from benchmarks.load.pages import Follower
from benchmarks.load.wire import Wire, wire
from benchmarks.osmeter import memory_bytes
from syncchat.core.ids import page_name
from syncchat.core.messages import Step2, Update

Options = ParamSpec("Options")
Outcome = TypeVar("Outcome")

ROOM = "lobby/0"
SETTLE = 2.2
"""Seconds that are still measured after the last delivery: Hocuspocus writes to its store 2 s later."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server under load; `pid` is its process, None if it is on another machine.

    With `paged` it is one of ours, whose rooms are pages: clients follow them. Elsewhere a room is a doc.
    """

    url: str
    dialect: str
    pid: int | None = None
    paged: bool = False


def speaking(
    workload: Callable[Concatenate[Wire, Target, Options], Coroutine[Any, Any, Outcome]],
) -> Callable[Concatenate[Target, Options], Coroutine[Any, Any, Outcome]]:
    """Give a workload a wire in the target's dialect, and close all its clients in the end."""

    @wraps(workload)
    async def run(target: Target, /, *args: Options.args, **options: Options.kwargs) -> Outcome:
        link = wire(target.dialect)
        try:
            return await workload(link, target, *args, **options)
        finally:
            for client in link.clients:
                client.close()
            await asyncio.sleep(0)  # only then are the sockets closed

    return run


@speaking
async def fanout(link: Wire, target: Target, *, readers: int, tokens: int, rate: float) -> Result:
    """One writer streams tokens to many readers, at once (rate 0) or so many a second."""
    begin, appends, end = updates.stream(tokens)
    frames = [link.frame(ROOM, Update(update)) for update in appends]
    writer = Client(link, ROOM)
    crowd = [Client(link, ROOM, keep=number == 0) for number in range(readers)]
    await join(
        [(writer, updates.WRITER), *((one, f"r{number}") for number, one in enumerate(crowd))], target.url
    )
    writer.say(link.frame(ROOM, Update(begin)))
    await asyncio.sleep(0.3)
    before = traffic([writer, *crowd])
    sent: list[float] = []
    arrival = Arrival(crowd, tokens)
    owed = writer.acknowledged + tokens
    meter = Meter(target.pid)
    with meter.running():
        start = perf_counter()
        await send_paced([(writer, frame, sent) for frame in frames], rate)
        await arrival.wait()
        delivered = perf_counter() - start
        if link.acknowledges:
            await acknowledged(writer, owed)
        await asyncio.sleep(SETTLE)
    after = traffic([writer, *crowd])
    delays = latencies(crowd, {ROOM: sent})  # before the finished text brings all numbers again
    _check_order(crowd)
    check_kept(crowd[0], [begin, *appends])
    writer.say(link.frame(ROOM, Update(end)))
    await check_state(link, target.url, ROOM, [begin, *appends, end])
    return {
        "delivered": tokens * readers,
        "delivered_s": delivered,
        **_per(meter, "cpu_us_per_token", tokens * readers),
        **quantiles(delays),
        **meter.result(),
        **_less(after, before),
    }


@speaking
async def rooms(link: Wire, target: Target, *, rooms: int, rate: float, count: int) -> Result:
    """A writer and a reader in each room; messages go to the rooms in turn."""
    docs = [f"room-{number}/0" for number in range(rooms)]
    writers = [Client(link, doc) for doc in docs]
    readers = [Client(link, doc, keep=number == 0) for number, doc in enumerate(docs)]
    await join([(one, updates.WRITER) for one in writers], target.url)
    await join([(one, "bob") for one in readers], target.url)
    made = updates.messages(-(-count // rooms))
    sent: dict[str, list[float]] = {doc: [] for doc in docs}
    plan = [
        (writers[at % rooms], link.frame(docs[at % rooms], Update(made[at // rooms])), sent[docs[at % rooms]])
        for at in range(len(made) * rooms)
    ]
    await asyncio.sleep(0.3)
    arrival = Arrival(readers, len(made))
    meter = Meter(target.pid)
    with meter.running():
        await send_paced(plan, rate)
        await arrival.wait()
        await asyncio.sleep(SETTLE)
    _check_order(readers)
    check_kept(readers[0], made)
    await check_state(link, target.url, docs[-1], made)
    return {
        "delivered": len(plan),
        **_per(meter, "cpu_us_per_update", len(plan)),
        **quantiles(latencies(readers, sent)),
        **meter.result(),
        **traffic([*writers, *readers]),
    }


@speaking
async def idle(link: Wire, target: Target, *, connections: int) -> Result:
    """Connections that say nothing, each in a room of its own: memory of each, beyond the first fifty."""
    first = [(Client(link, f"first-{number}/0"), "bob") for number in range(50)]
    await join(first, target.url)
    await asyncio.sleep(1)
    meter = Meter(target.pid)
    crowd = [(Client(link, f"room-{number}/0"), "bob") for number in range(connections)]
    with meter.running():
        await join(crowd, target.url)
        await asyncio.sleep(1)
    if any(client.failure for client, _ in crowd):
        raise Failed("a connection was lost")
    found = meter.result()
    if meter.memory is not None and meter.memory_before is not None:
        found["bytes_per_connection"] = (meter.memory - meter.memory_before) / connections
    return found | _per(meter, "cpu_us_per_connection", connections)


@speaking
async def store(link: Wire, target: Target, *, messages: int, tokens: int) -> Result:
    """Messages one by one, or a streamed one: so many that the disk shows what each costs."""
    if tokens:
        begin, appends, end = updates.stream(tokens)
        made = [Chapter(0, [begin, *appends, end], [*range(tokens + 1), tokens])]
    else:
        made = list(Book(paged=target.paged).write(messages))
    paged = target.paged
    writer, reader = member(link, paged=paged), member(link, paged=paged)
    await join([(writer, updates.WRITER), (reader, "bob")], target.url)
    meter = Meter(target.pid)
    with meter.running():
        await lay(link, writer, reader, made)
    await check_history(link, target.url, by_doc(made), paged=paged)
    await asyncio.sleep(SETTLE)
    text = tokens * len(updates.TOKEN.format(0)) if tokens else messages * 80
    return {
        "text_bytes": text,
        "updates": sum(len(chapter.updates) for chapter in made),
        **meter.result(),
        **traffic([writer, reader]),
    }


@speaking
async def seen_then_killed(link: Wire, target: Target, number: int) -> None:
    """Post one message; the instant it is acknowledged, or another client sees it, kill -9 the server."""
    writer, reader = Client(link, ROOM), Client(link, ROOM)
    await join([(writer, updates.WRITER), (reader, "bob")], target.url)
    await asyncio.sleep(0.05)
    pid = target.pid
    assert pid is not None, "only a server of this machine can be killed"
    struck = asyncio.Event()

    def strike(_client: Client) -> None:
        if not struck.is_set():
            os.kill(pid, signal.SIGKILL)
            struck.set()

    reader.goal, reader.reached = 1, strike
    writer.acknowledged_at = strike
    work = updates.Work(updates.CLIENT_ID + number)
    writer.say(link.frame(ROOM, Update(work.message(0))))
    await asyncio.wait_for(struck.wait(), 10)


@speaking
async def kept(link: Wire, target: Target, *, wanted: int) -> int:
    """How many of the `wanted` messages or tokens somebody is shown who joins now, within a second or two."""
    for _ in range(20):
        docs = await everything(link, target.url, paged=target.paged)
        found = sum(map(updates.numbers, docs.values()))
        if found >= wanted:
            break
        await asyncio.sleep(0.05)
    return found


@speaking
async def slow(link: Wire, target: Target, *, megabytes: int) -> Result:
    """One reader never reads while another gets so much; then it reads again, and has to become right."""
    size, work = 32_000, updates.Work()
    writer, reader, stuck = Client(link, ROOM), Client(link, ROOM), Client(link, ROOM, keep=True)
    await join([(writer, updates.WRITER), (reader, "bob"), (stuck, "slow")], target.url)
    stuck.transport.pause_reading()
    count = megabytes * 1_000_000 // size
    made = [work.edit(number, size) for number in range(count)]
    meter = Meter(target.pid)
    peak = 0
    with meter.running():
        for at in range(0, count, 16):
            writer.say(b"".join(link.frame(ROOM, Update(update)) for update in made[at : at + 16]))
            await Arrival([reader], min(at + 16, count)).wait()
            if target.pid is not None and at % 64 == 0:
                peak = max(peak, memory_bytes(target.pid))
    grown = None if meter.memory_before is None else peak - meter.memory_before
    held = stuck.bytes_in
    stuck.transport.resume_reading()
    await Arrival([stuck], count).wait()
    check_kept(stuck, made)
    return {"grown_bytes": grown, "caught_up_with_bytes": stuck.bytes_in - held, **meter.result()}


@speaking
async def away(link: Wire, target: Target, *, messages: int, missed: int) -> Result:
    """Somebody who has all but the last messages comes back with as many of its own."""
    paged, book = target.paged, Book(paged=target.paged)
    known = list(book.write(messages, 100))
    writer, reader, gone = (member(link, paged=paged, keep=keep) for keep in (False, False, True))
    await join([(writer, updates.WRITER), (reader, "bob"), (gone, "eve")], target.url)
    await lay(link, writer, reader, known)
    await Arrival([gone], messages).wait()
    doc, back = _returning(link, gone)
    gone.close()
    unknown = list(book.write(missed))
    await lay(link, writer, reader, unknown)
    own = updates.Work(updates.CLIENT_ID - 1).message(messages + missed, count=missed)
    meter = Meter(target.pid)
    with meter.running():
        await join([(back, updates.WRITER)], target.url)
        back.say(link.frame(doc, Step2(own)))
        await Arrival([reader], messages + 2 * missed).wait()
    got = sorted(number for _, first, last in back.heard for number in range(first, last + 1))
    if got != list(range(messages, messages + missed)):
        raise Failed("it did not get the difference, and nothing else")
    written = by_doc([*known, *unknown])
    written[doc].append(own)
    await check_history(link, target.url, written, paged=paged)
    return {"difference_bytes": back.bytes_in, "offered_bytes": back.bytes_out, **meter.result()}


# Shared.


def _returning(link: Wire, gone: Client) -> tuple[str, Client]:
    """Who was there comes back, knowing what it had heard; and the doc that it writes in."""
    if isinstance(gone, Follower):
        states, cover = gone.leave()
        return page_name(PAGES, gone.newest), Follower(link, keep=True, states=states, cover=cover)
    return ROOM, Client(link, ROOM, state=updates.state_of(gone.updates or []), keep=True)


def _check_order(crowd: list[Client]) -> None:
    strays = sum(client.strays for client in crowd)
    failures = [client.failure for client in crowd if client.failure]
    if strays or failures:
        raise Failed(f"{strays} messages lost, doubled or out of order; links lost: {failures[:3]}")


def _per(meter: Meter, name: str, count: int) -> Result:
    return {} if meter.cpu is None else {name: meter.cpu * 1e6 / count}


def _less(after: Result, before: Result) -> Result:
    return {name: int(str(after[name])) - int(str(before[name])) for name in after}

"""The people of a probe: somebody honest, somebody who is not, who watches, and who joins afterwards."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from benchmarks.load.client import Client
from benchmarks.load.crowd import join
from benchmarks.load.updates import WRITER, Work
from benchmarks.load.wire import SyncWire, Wire, YWire
from benchmarks.load.workloads import ROOM, Target
from benchmarks.osmeter import memory_bytes
from syncchat.core.messages import Awareness, Update

SETTLE = 0.5
"""Seconds after which a server of this machine has passed on what it is going to."""

MALLORY_ID = 666


class Watcher(Client):
    """A client that keeps the presence it hears as well."""

    def __init__(self, wire: Wire, doc: str) -> None:
        super().__init__(wire, doc, keep=True)
        self.presence: list[bytes] = []

    def _converse(self, doc: str, message: object) -> None:
        if isinstance(message, Awareness):
            self.presence.append(message.entries)
        super()._converse(doc, message)

    @property
    def bytes_heard(self) -> bytes:
        """All updates it was sent, as they came: some are nothing that a library should be given."""
        return b"".join(self.updates or [])


class _Silent:
    """A wire that says nothing on connecting: no token, no state."""

    def hello(self, doc: str, user: str, state: bytes) -> bytes:
        return b""


class _SilentSync(_Silent, SyncWire):
    pass


class _SilentY(_Silent, YWire):
    pass


def silent_wire(dialect: str) -> Wire:
    """The wire of a stranger. Raises KeyError."""
    kinds: dict[str, type[_SilentSync | _SilentY]] = {"sync": _SilentSync, "y": _SilentY}
    return kinds[dialect]()


@dataclass(slots=True)
class Scene:
    """ada has written message 0; bob watches; mallory has read it. `work` and `forgery` are their docs."""

    link: Wire
    target: Target
    ada: Client
    bob: Watcher
    mallory: Client
    work: Work = field(default_factory=Work)
    forgery: Work = field(default_factory=lambda: Work(MALLORY_ID))

    async def say(self, client: Client, *updates: bytes) -> None:
        """Send updates, and give the server the time to do with them what it will."""
        for update in updates:
            client.say(self.link.frame(ROOM, Update(update)))
        await asyncio.sleep(SETTLE)

    async def newcomer(self) -> Watcher:
        """Somebody who joins now, with all that is sent on joining."""
        eve = Watcher(self.link, ROOM)
        await join([(eve, "eve")], self.target.url)
        await asyncio.sleep(SETTLE)
        return eve


async def scene(link: Wire, target: Target) -> Scene:
    """Let them meet. Raises Failed."""
    ada, bob, mallory = Client(link, ROOM), Watcher(link, ROOM), Client(link, ROOM)
    await join([(ada, WRITER), (bob, "bob"), (mallory, "mallory")], target.url)
    made = Scene(link, target, ada, bob, mallory)
    first = made.work.message(0)
    made.forgery.doc.apply_update(first)
    await made.say(ada, first)
    return made


async def pour(client: Client, frames: list[bytes], pid: int, seconds: float) -> tuple[int, int]:
    """Send frames as fast as they are taken, for so long at most.

    Returns the bytes that were taken, and by how many bytes the server's memory grew at its peak.
    """
    before = peak = memory_bytes(pid)
    deadline = perf_counter() + seconds
    sent = 0
    for frame in frames:
        if client.failure or perf_counter() > deadline:
            break
        client.say(frame)
        sent += len(frame)
        while client.transport.get_write_buffer_size() and not client.failure:
            await asyncio.sleep(0.005)
            if perf_counter() > deadline:
                break
        peak = max(peak, memory_bytes(pid))
    left = 0 if client.failure else client.transport.get_write_buffer_size()
    for _ in range(20):
        await asyncio.sleep(0.05)
        peak = max(peak, memory_bytes(pid))
    return sent - left, peak - before

"""Many clients at once: they join, one waits for what they have to hear, and it is checked."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import perf_counter

from benchmarks.load.client import Client, Failed
from benchmarks.load.updates import said_by
from benchmarks.load.wire import Wire

AT_ONCE = 50
"""Clients that join in the same instant; listen queues are about twice as long."""

PATIENCE = 60.0
"""Seconds without the last message after which a run has failed."""


async def join(clients: Iterable[tuple[Client, str]], base: str) -> None:
    """Connect clients with their users, AT_ONCE at a time, the first alone. Raises Failed."""
    first, *rest = clients
    await _joined(first, base)
    for at in range(0, len(rest), AT_ONCE):
        await asyncio.gather(*(_joined(one, base) for one in rest[at : at + AT_ONCE]))


async def _joined(one: tuple[Client, str], base: str) -> None:
    client, user = one
    try:
        await asyncio.wait_for(client.connect(base, user), PATIENCE)
    except (OSError, TimeoutError) as error:
        raise Failed(f"could not join {client.doc}: {str(error) or 'no answer'}") from error


class Arrival:
    """Waits until each of some clients has heard everything up to its goal."""

    def __init__(self, clients: Sequence[Client], goal: int) -> None:
        self.complete = asyncio.Event()
        missing = [client for client in clients if client.next < goal]
        for client in missing:
            client.goal = goal
            client.reached = self._reached
        self._missing = len(missing)
        if not self._missing:
            self.complete.set()

    def _reached(self, _client: Client) -> None:
        self._missing -= 1
        if not self._missing:
            self.complete.set()

    async def wait(self, seconds: float = PATIENCE) -> None:
        """Return when all have; raises Failed when they have not in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.complete.wait(), seconds)
        if self._missing:
            raise Failed(f"{self._missing} readers did not hear everything within {seconds:.0f} s")


async def acknowledged(client: Client, wanted: int) -> None:
    """Return when so many updates of a client are acknowledged. Raises Failed."""
    deadline = perf_counter() + PATIENCE
    while client.acknowledged < wanted:
        if perf_counter() > deadline or client.refused or client.failure:
            why = client.failure or f"{client.refused} refused"
            raise Failed(f"{client.acknowledged} of {wanted} updates were acknowledged, {why}")
        await asyncio.sleep(0.005)


async def send_paced(frames: Sequence[tuple[Client, bytes, list[float]]], rate: float) -> None:
    """Send each frame from its client at `rate` a second, noting when in its list; rate 0 means at once."""
    start = perf_counter()
    if not rate:
        for client, frame, sent in frames:
            sent.append(start)
            client.say(frame)
        return
    for number, (client, frame, sent) in enumerate(frames):
        delay = start + number / rate - perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        sent.append(perf_counter())
        client.say(frame)


async def check_state(wire: Wire, base: str, doc: str, updates: list[bytes], tries: int = 100) -> None:
    """Raises Failed unless somebody who joins now gets just what these updates say, after so many tries."""
    client = Client(wire, doc, keep=True)
    await join([(client, "eve")], base)
    expected = said_by(updates)
    for _ in range(tries):
        if said_by(client.updates or []) == expected:
            break
        await asyncio.sleep(0.05)
    else:
        raise Failed("who joins afterwards does not get what was written")
    client.close()


def check_kept(client: Client, updates: list[bytes]) -> None:
    """Raises Failed unless what this client heard says exactly what these updates say."""
    if said_by(client.updates or []) != said_by(updates):
        raise Failed("a reader's doc is not what was written")

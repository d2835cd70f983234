"""The presence in one doc: who may show what, how often, and under whose name (P1, P3, G15)."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable

import anyio

from syncchat.core.bucket import TokenBucket
from syncchat.core.messages import Awareness
from syncchat.core.presence import MAX_REMEMBERED, Entry, PresenceDesk, decode, encode, vouched
from syncchat.hub.audience import Audience
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Seat
from syncchat.hub.stats import Stats

Spawn = Callable[..., object]
"""Starts a coroutine function with its arguments, as TaskGroup.start_soon does."""


def _floor() -> int:
    # Tenths of a second since 2026: later after each restart, and within the 32 bits of yrs for 13 years.
    return max(0, int((time.time() - 1_767_225_600) * 10))


class Attendance:
    """What the seats of a doc say of themselves; `owns` tells whether a client id may be a user's.

    `on_read`, if there is one, is told of each user who says up to which message it has read, and of how many
    that had arrived this was all.
    """

    __slots__ = ("_audience", "_desk", "_limits", "_on_read", "_owns", "_spawn", "_stats")

    def __init__(
        self,
        audience: Audience,
        limits: Limits,
        stats: Stats,
        *,
        owns: Callable[[int, str], bool],
        spawn: Spawn,
        on_read: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self._audience = audience
        self._limits = limits
        self._stats = stats
        self._owns = owns
        self._spawn = spawn
        self._on_read = on_read
        self._desk = PresenceDesk(floor=_floor(), max_state=limits.presence_bytes)

    def present(self, seat: Seat, data: bytes) -> None:
        """Somebody tells its presence; everybody hears it, the sender too. Raises MalformedUpdate.

        What comes faster than it may is kept, the newest state of each client id, and told later.
        """
        kept = self._own(seat, decode(data, most=MAX_REMEMBERED))  # y-websocket echoes all that it hears
        if not kept:
            return
        if seat.held is not None:
            together = seat.held | _by_client(kept)
            seat.held = _by_client(self._own(seat, together.values()))
            return
        if seat.pace is None:
            seat.pace = TokenBucket(self._limits.presence_per_second, self._limits.presence_burst)
        wait = seat.pace.delay(1, asyncio.get_running_loop().time())
        if wait > 0:
            self._stats.over_limit["presence_per_second"] += 1
            seat.held = _by_client(kept)
            self._spawn(self._show_later, seat, wait)
        else:
            self._show(seat, kept, seat.pace)

    def hide(self, seat: Seat) -> None:
        """Clear what somebody has shown, for everybody at once."""
        seat.held = None
        gone = self._desk.leave(seat)
        if gone is not None:
            self._audience.spread(gone)

    def tell(self, seat: Seat) -> None:
        """Tell somebody who else is here."""
        others = self._desk.all(besides=seat)
        if others is not None:
            seat.say(Awareness(others))

    def _own(self, seat: Seat, entries: Iterable[Entry]) -> list[Entry]:
        grant = seat.grant
        own = self._desk.own(entries, seat)
        vouched_for = (vouched(entry, grant.user, grant.name, grant.role) for entry in own)
        return [entry for entry in vouched_for if self._owns(entry.client, seat.user)]

    async def _show_later(self, seat: Seat, seconds: float) -> None:
        await anyio.sleep(seconds)
        held, seat.held = seat.held, None
        if held and seat in self._audience.seats and seat.pace is not None:
            self._show(seat, self._own(seat, held.values()), seat.pace)

    def _show(self, seat: Seat, entries: list[Entry], pace: TokenBucket) -> None:
        pace.take(1, asyncio.get_running_loop().time())
        if self._on_read is not None:
            for id, arrived in filter(None, map(_read_up_to, entries)):
                self._on_read(seat.user, id, arrived)
        self._audience.spread(encode(self._desk.put(entries, seat)), besides=seat)
        if seat.reads and not self._audience.is_slow(seat):
            seat.say(Awareness(encode(entries)))  # a stock client counts it as a sign of life


def _read_up_to(entry: Entry) -> tuple[str, int] | None:
    """The message up to which a user has read, and of how many that was all, if its presence tells that."""
    match json.loads(entry.state) if '"read":' in entry.state else None:
        case {"read": str(id), **others}:
            arrived = others.get("arrived")
            return id, arrived if type(arrived) is int else 0
    return None


def _by_client(entries: Iterable[Entry]) -> dict[int, Entry]:
    return {entry.client: entry for entry in entries}
